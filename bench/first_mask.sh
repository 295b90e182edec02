#!/usr/bin/env bash
# From the start of the process to the first mask on disk: medians of 21 runs, wall clock and processor time (which does not
# grow with what else the machine does).
#   bench/first_mask.sh [MODEL [PICTURE]]
set -euo pipefail
cd "$(dirname "$0")/.."
vitrail=${VITRAIL:-build/vitrail} runs=21
model=${1:-models/street.onnx} picture=${2:-models/samples/street.jpg}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
TIMEFORMAT='%R %U %S'
for ((i = 0; i < runs; ++i)); do
  { time "$vitrail" segment "$model" "$picture" --out "$out" --no-overlay > /dev/null; } 2>> "$out/times"
done
middle() { sort -n | sed -n "$((runs / 2 + 1))p"; }
echo "wall clock $(awk '{ print $1 }' "$out/times" | middle) s, processor time $(awk '{ print $2 + $3 }' "$out/times" | middle) s"
