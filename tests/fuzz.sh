#!/usr/bin/env bash
# Fuzzes the ONNX importer, the engine's compiler and its runs under AddressSanitizer and UndefinedBehaviorSanitizer.
#   tests/fuzz.sh SECONDS [BUILD_FOLDER]
# With FUZZ_CXX=clang++-14 it is libFuzzer; otherwise the default compiler and a driver that mutates the corpus.
set -euo pipefail
seconds=$1
here=$(cd "$(dirname "$0")" && pwd)
build=${2:-$here/../build/fuzz}
flags=()
sanitize=address
if [ -n "${FUZZ_CXX:-}" ]; then flags+=("-DCMAKE_CXX_COMPILER=$FUZZ_CXX" "-DCMAKE_CXX_FLAGS=-fsanitize=fuzzer-no-link"); fi
cmake -S "$here/.." -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" -DVITRAIL_TRAIN=OFF -DVITRAIL_SANITIZE=$sanitize "${flags[@]}" > /dev/null
cmake --build "$build" -j "$(nproc)" --target onnx_fuzz
export ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=0:max_allocation_size_mb=1024"
export LSAN_OPTIONS="suppressions=$here/sanitizers/leaks.txt:print_suppressions=0"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
cd "$build"
if [ -n "${FUZZ_CXX:-}" ]; then
  mkdir -p found
  ./onnx_fuzz -max_total_time="$seconds" -rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=30 found "$here/fixtures/onnx"
else
  ./onnx_fuzz "$seconds" "$here/fixtures/onnx" "${FUZZ_SEED:-1}"
fi
