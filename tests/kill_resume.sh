#!/bin/sh
# Trains, kills the training with SIGKILL at ten random moments, resumes each time, and compares the final weights
# with those of a run that was left alone: they must be the same bytes.
#   tests/kill_resume.sh [VITRAIL [KILLS]]        (build/vitrail and 10 unless said)
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
vitrail=$(realpath "${1:-$here/build/vitrail}")
kills=${2:-10}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat > "$scratch/recipe.toml" <<RECIPE
[net]
name = "mobilenet-x0.25-fcn8"
[data]
dataset = "camvid"
[augment]
scale_min = 0.5
scale_max = 2.0
crop_height = 64
crop_width = 64
flip = 0.5
[optimizer]
name = "adamw"
[train]
steps = ${STEPS:-150}
batch = 4
accumulate = 2
ema = 0.99
evaluate_every = 25
checkpoint_every = 5
RECIPE

# In a subshell: the process becomes the program, so that its number is the program's.
train() {
  exec "$vitrail" train "$scratch/recipe.toml" --data "camvid:$here/tests/fixtures/camvid" --threads 1 --out "$@"
}
# A random whole number from 0 to $1 - 1.
random_below() {
  echo $(($(od -An -N4 -tu4 /dev/urandom) % $1))
}

same_as_whole() {
  cmp "$scratch/whole/model.onnx" "$scratch/parts/model.onnx"
  whole=$(echo "$scratch"/whole/last-*.safetensors)
  cmp "$whole" "$scratch/parts/$(basename "$whole")"
}

echo "an uninterrupted run"
start=$(date +%s%N)
(train "$scratch/whole") > "$scratch/whole.txt" 2>&1
milliseconds=$((($(date +%s%N) - start) / 1000000))
echo "  took $milliseconds ms"

killed=0
while [ "$killed" -lt "$kills" ]; do
  delay=$(($(random_below $((milliseconds / 3))) + 100))
  train "$scratch/parts" --resume > "$scratch/parts.txt" 2>&1 &
  child=$!
  sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
  kill -KILL "$child" 2> /dev/null || true
  status=0
  wait "$child" 2> /dev/null || status=$?
  step=$(sed -n 's/^ "step": \([0-9]*\).*/\1/p' "$scratch/parts/last.json" 2> /dev/null || true)
  if [ "$status" -eq 0 ]; then
    same_as_whole
    echo "  it ended before kill $((killed + 1)), with the same weights: starting over"
    rm -rf "$scratch/parts"
    continue
  fi
  if [ "$status" -ne 137 ]; then
    echo "training failed with status $status:" >&2
    cat "$scratch/parts.txt" >&2
    exit 1
  fi
  killed=$((killed + 1))
  echo "  kill $killed after $delay ms, checkpoint at step ${step:-none}"
done

(train "$scratch/parts" --resume) > "$scratch/parts.txt" 2>&1
same_as_whole
echo "killed $killed times, resumed, and ended with the same weights: $(sha256sum "$whole" | cut -c1-16)"
