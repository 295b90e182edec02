#!/usr/bin/env bash
# Our engine beside ONNX Runtime, OpenCV and LibTorch, written to docs/results/engines.md with machine and date:
#   bench/engines.sh [options of bench_engines, such as --nets M1,M2 --rounds 21]
# On a machine that does nothing else meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build/bench}
make -s test-deps
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVITRAIL_BENCH=ON -DVITRAIL_TESTS=OFF > /dev/null
cmake --build "$build" --target bench_engines
unset OPENBLAS_CORETYPE # forces slower kernels on LibTorch where it is set
"$build/bench_engines" --out docs/results/engines.md "$@"
