#!/usr/bin/env bash
# gcmc as a stranger uses it: package.sh BUILD_FOLDER [COMPILER]. Installs that build to a scratch folder, builds and
# runs examples/consumer against it, asks for a component that is not there, and adds gcmc as a sub-folder, where COMPILER
# compiles all but CUDA without a warning.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
fail() {
  echo "FAILED: $*" >&2
  exit 1
}
# quietly COMMAND...: shows the command's output only if it fails.
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && fail "$*"; }; }

quietly cmake --install "$build" --prefix "$prefix"
"$prefix/bin/gcmc" --version

# find_package, from a copy: nothing of the source tree is in reach.
cp -r "$root/examples/consumer" "$work/consumer"
quietly cmake -S "$work/consumer" -B "$work/out" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER=g++ \
  -DCMAKE_CXX_FLAGS=-O2
quietly cmake --build "$work/out"
"$work/out/consumer" | tee "$work/says"
grep -q 'would rate item' "$work/says" || fail 'the consumer predicts nothing'

# What a user's compiler opens.
g++ -std=c++20 -M -I "$prefix/include" "$work/consumer/main.cpp" >"$work/opened"
if grep -iE 'eigen|cuda_|cublas|cusparse|nlohmann|zlib|curl' "$work/opened"; then fail 'a public header opens these'; fi

# A component that this build lacks is refused in one line; one that may lack is not. One that it has is used by g++
# alone: no nvcc, no header of the toolkit's.
missing=cuda message='this gcmc was built without CUDA'
[ ! -e "$prefix/lib/cmake/gcmc/gcmc-cuda-targets.cmake" ] || missing=opencl message="gcmc has no component 'opencl'"
mkdir "$work/missing"
cat >"$work/missing/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(missing LANGUAGES CXX)
find_package(gcmc REQUIRED COMPONENTS core OPTIONAL_COMPONENTS $missing)
if(gcmc_${missing}_FOUND OR NOT TARGET gcmc::core OR TARGET gcmc::io OR TARGET gcmc::cuda)
  message(FATAL_ERROR "components are not as asked for")
endif()
find_package(gcmc REQUIRED COMPONENTS core $missing)
END
cmake -S "$work/missing" -B "$work/missing/out" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 &&
  fail "$missing was found"
grep -q "$message" "$work/log" || { cat "$work/log" && fail 'the missing component is not named'; }

if [ $missing = opencl ]; then
  mkdir "$work/cuda"
  cp "$root/tests/device_present.cpp" "$work/cuda"
  cat >"$work/cuda/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(cuda LANGUAGES CXX)
find_package(gcmc REQUIRED COMPONENTS core cuda)
add_executable(device_present device_present.cpp)
target_link_libraries(device_present PRIVATE gcmc::core gcmc::cuda)
END
  quietly cmake -S "$work/cuda" -B "$work/cuda/out" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER=g++
  quietly cmake --build "$work/cuda/out"
  "$work/cuda/out/device_present" || true
  g++ -std=c++20 -M -I "$prefix/include" "$work/cuda/device_present.cpp" >"$work/opened"
  if grep -E 'cuda_|cublas|cusparse' "$work/opened"; then fail 'cuda.hpp opens these'; fi
fi

# add_subdirectory: configures as it is; built with the program, without CUDA.
mkdir "$work/inside"
cat >"$work/inside/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(inside LANGUAGES CXX)
add_subdirectory("$root" gcmc EXCLUDE_FROM_ALL)
add_executable(inside "$root/examples/consumer/main.cpp")
target_link_libraries(inside PRIVATE gcmc::core gcmc::io)
END
quietly cmake -S "$work/inside" -B "$work/inside/plain" -DCMAKE_CXX_COMPILER=g++
quietly cmake -S "$work/inside" -B "$work/inside/out" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="${2:-g++}" \
  -DGCMC_WARNINGS_AS_ERRORS=ON -DGCMC_BUILD_PROGRAM=ON -DGCMC_CUDA=OFF
quietly cmake --build "$work/inside/out" --parallel "$(nproc)" --target inside gcmc
"$work/inside/out/inside" >"$work/says_too"
cmp -s "$work/says" "$work/says_too" || { cat "$work/says_too" && fail 'the two consumers differ'; }
echo 'package: installed, found, refused and added as documented'
