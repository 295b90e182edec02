#!/usr/bin/env bash
# The thesis's Table 4.2 on CamVid: for each of the eight networks trained by its recipe, the test figures by the engine, the
# costs at 480x360, and the engine's speed relative to the first one (all in one run, so that the ratios mean something).
#   bench/camvid_table.sh camvid:PATH RUNS     # RUNS/NAME/model.onnx, as `vitrail train recipes/NAME_camvid.toml` leaves it
set -euo pipefail
data=$1 runs=$2
vitrail=${VITRAIL:-build/vitrail}
number() { grep -o "\"$1\": *[0-9.eE+-]*" | head -1 | sed 's/.*: *//'; }
echo "| network | val mIoU | test mIoU | pixel acc. | parameters | multiply-adds | activations | images/s | ratio |"
echo "|---|---|---|---|---|---|---|---|---|"
base=
for name in squeezenet1.1-bilinear squeezenet1.1-fcn8 squeezenet1.1-os8 mobilenet-x0.5-bilinear mobilenet-x0.5-fcn16 \
  mobilenet-x0.5-fcn8 mobilenet-x0.5-os16 mobilenet-x0.5-os8; do
  model=$runs/$name/model.onnx
  val=$($vitrail evaluate "$model" --dataset "$data" --split val --json | number mean_iou)
  result=$($vitrail evaluate "$model" --dataset "$data" --split test --json)
  cost=$($vitrail inspect "$name" --classes 11 --input 360x480 --json)
  speed=$(number images_per_second <<< "$result")
  base=${base:-$speed}
  awk -v n="$name" -v v="$val" -v i="$(number mean_iou <<< "$result")" -v a="$(number pixel_accuracy <<< "$result")" \
    -v p="$(number with_running_statistics <<< "$cost")" -v m="$(number multiply_adds <<< "$cost")" \
    -v b="$(number activation_bytes <<< "$cost")" -v s="$speed" -v base="$base" \
    'BEGIN { printf "| %s | %.1f | %.1f | %.1f | %d | %.2f G | %.0f MB | %.1f | %.2f |\n", n, 100*v, 100*i, 100*a, p, m/1e9, b/1e6, s, s/base }'
done
