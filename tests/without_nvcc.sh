#!/usr/bin/env bash
# Configures and builds as on a machine without a CUDA toolkit (CMake does not look where nvcc is),
# and runs a test of the device there: the program is whole, and opening a card says why it cannot.
#   without_nvcc.sh CMAKE SOURCE-DIR BUILD-DIR
set -euo pipefail
cmake=$1 source=$2 build=$3
hidden=/usr/local/cuda/bin
for nvcc in $(type -aP nvcc || true); do
    hidden="$hidden;$(dirname "$nvcc");$(dirname "$(realpath "$nvcc")")"
done
mkdir -p "$build"
env -u CUDA_HOME -u CUDA_PATH "$cmake" -S "$source" -B "$build" -G Ninja \
    -DCMAKE_MAKE_PROGRAM="$(command -v ninja)" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_IGNORE_PATH="$hidden" >"$build/log"
grep -E '^--   cuda +absent' "$build/log"
"$cmake" --build "$build" -j2 --target gpu_test_device >>"$build/log"
[ ! -e "$build/gpu/kernel.fatbin" ]
grep -a -q 'nvcc was not found when it was configured' "$build/tests/gpu_test_device"
"$build/tests/gpu_test_device" --filter 'device/says_why_there_is_no_card'
