#!/usr/bin/env bash
# Builds everything with a sanitizer and runs the test suite under it.
#   tests/sanitize.sh address|thread BUILD_FOLDER [ctest arguments...]
#   tests/sanitize.sh address build/address -R 'Onnx|Engine'     # some tests alone; the build is kept
# VITRAIL_TRAIN=OFF leaves training out, the longest part of the build.
set -euo pipefail
kind=$1 build=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
# -O1: the optimiser takes longest over instrumented code, and the tests are small.
cmake -S "$here/.." -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1" \
  -DVITRAIL_TRAIN="${VITRAIL_TRAIN:-ON}" -DVITRAIL_SANITIZE="$kind" > /dev/null
cmake --build "$build" -j "$(nproc)"
# LibTorch, oneDNN, OpenCV and libgomp are not instrumented: what only they do is suppressed by name.
export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1"
export LSAN_OPTIONS="suppressions=$here/sanitizers/leaks.txt:print_suppressions=0"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
export TSAN_OPTIONS="suppressions=$here/sanitizers/races.txt:halt_on_error=1:ignore_noninstrumented_modules=1"
# ThreadSanitizer cannot see libgomp's barriers; the threads that are ours are std::thread.
if [ "$kind" = thread ]; then export OMP_NUM_THREADS=1; fi
cd "$build"
ctest --output-on-failure -j 1 --timeout 1800 "$@"
