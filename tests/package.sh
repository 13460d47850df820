#!/usr/bin/env bash
# gcmc as a stranger uses it: package.sh BUILD_FOLDER [COMPILER [options of cmake]]. Installs that build to a scratch folder,
# builds and runs examples/consumer against it by CMake and by pkg-config, and the examples of a backend and a model of
# one's own by ctest, puts its archives into a shared object, asks for a component that is not there, and adds gcmc as a
# sub-folder, where COMPILER compiles all but CUDA without a warning, as shared libraries, whose installation a consumer
# uses too.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$1" && pwd)
compiler=${2:-g++}
options=("${@:3}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
# Consumers of several builds print the same, whatever kernels these have.
export GCMC_CPU_ISA=portable
fail() {
  echo "FAILED: $*" >&2
  exit 1
}
# quietly COMMAND...: shows the command's output only if it fails.
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && fail "$*"; }; }

quietly cmake --install "$build" --prefix "$prefix"
"$prefix/bin/gcmc" --version

# Where the program has a CUDA part, that is found beside it: what stops it is the lack of a driver, if anything.
if [ -n "$(find "$prefix" -name 'gcmc_cuda-*.so')" ]; then
  "$prefix/bin/gcmc" train --data-name synthetic-100k --train-max-iter 1 --device 0 >"$work/log" 2>&1 || true
  if grep 'does not load' "$work/log"; then fail 'the CUDA part does not load'; fi
fi

# consume PREFIX FOLDER: the consumer by find_package, from a copy: nothing of the source tree is in reach.
cp -r "$root/examples/consumer" "$work/consumer"
consume() {
  quietly cmake -S "$work/consumer" -B "$2" -DCMAKE_PREFIX_PATH="$1" -DCMAKE_CXX_COMPILER=g++ -DCMAKE_CXX_FLAGS=-O2
  quietly cmake --build "$2"
  "$2/consumer"
}
consume "$prefix" "$work/out" | tee "$work/says"
grep -q 'would rate item' "$work/says" || fail 'the consumer predicts nothing'

# A stranger proves a backend and a model of their own with what is installed, by ctest.
mkdir "$work/own"
cp "$root"/examples/custom_{backend,layer}.cpp "$root/tests/header_only.cpp" "$work/own"
cat >"$work/own/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(own LANGUAGES CXX)
find_package(gcmc REQUIRED COMPONENTS core testing)
enable_testing()
foreach(example IN ITEMS custom_backend custom_layer)
  add_executable(${example} ${example}.cpp)
  target_link_libraries(${example} PRIVATE gcmc::core gcmc::testing)
  add_test(NAME ${example} COMMAND ${example})
endforeach()
get_target_property(headers gcmc::core INTERFACE_INCLUDE_DIRECTORIES)  # with them alone, no archive
add_executable(header_only header_only.cpp)
target_compile_features(header_only PRIVATE cxx_std_20)
target_include_directories(header_only PRIVATE ${headers})
add_test(NAME header_only COMMAND header_only)
END
quietly cmake -S "$work/own" -B "$work/own/out" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER=g++ \
  -DCMAKE_CXX_FLAGS=-O1
quietly cmake --build "$work/own/out" --parallel "$(nproc)"
quietly ctest --test-dir "$work/own/out"

# The archives, whole, in a shared object.
mkdir "$work/plugin"
cat >"$work/plugin/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(plugin LANGUAGES CXX)
find_package(gcmc REQUIRED COMPONENTS core io)
add_library(plugin SHARED ../consumer/main.cpp)
target_link_libraries(plugin PRIVATE -Wl,--whole-archive gcmc::io gcmc::core -Wl,--no-whole-archive)
END
quietly cmake -S "$work/plugin" -B "$work/plugin/out" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER=g++
quietly cmake --build "$work/plugin/out"

if command -v pkg-config >/dev/null; then
  pc=$(dirname "$(find "$prefix" -name gcmc-io.pc)")
  read -ra flags <<<"$(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs gcmc-io)"
  quietly g++ -std=c++20 -O2 "$work/consumer/main.cpp" "${flags[@]}" -o "$work/by_pkg_config"
  "$work/by_pkg_config" | cmp -s - "$work/says" || fail 'the consumer by pkg-config differs'
else
  echo 'pkg-config: skipped, it is not installed'
fi

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

# Neither is one whose archives need what is not there, if it may lack.
mkdir "$work/without_zlib"
cat >"$work/without_zlib/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(without_zlib LANGUAGES CXX)
find_package(gcmc REQUIRED COMPONENTS core OPTIONAL_COMPONENTS io testing)
if(gcmc_io_FOUND OR TARGET gcmc::io OR NOT TARGET gcmc::core OR NOT TARGET gcmc::testing)
  message(FATAL_ERROR "components are not as asked for")
endif()
message(STATUS "io may lack")
find_package(gcmc REQUIRED COMPONENTS core io)
END
cmake -S "$work/without_zlib" -B "$work/without_zlib/out" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON >"$work/log" 2>&1 && fail 'io was found without ZLIB'
grep -q 'io may lack' "$work/log" && grep -q 'ZLIB' "$work/log" ||
  { cat "$work/log" && fail 'a component that may lack its packages is not as asked for'; }

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

# add_subdirectory: configures as it is; built as shared libraries with the program, without CUDA, and installed.
mkdir "$work/inside"
cat >"$work/inside/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(inside LANGUAGES CXX)
add_subdirectory("$root" gcmc)
add_executable(inside "$root/examples/consumer/main.cpp")
target_link_libraries(inside PRIVATE gcmc::core gcmc::io)
END
quietly cmake -S "$work/inside" -B "$work/inside/plain" -DCMAKE_CXX_COMPILER=g++
# Without downloads, whatever the project about it has found for itself.
quietly cmake -S "$work/inside" -B "$work/inside/without" -DCMAKE_CXX_COMPILER=g++ -DGCMC_DOWNLOAD=OFF \
  -DCURL_FOUND=TRUE -DLibZip_FOUND=TRUE -DOpenSSL_FOUND=TRUE
quietly cmake -S "$work/inside" -B "$work/inside/out" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="$compiler" \
  -DGCMC_WARNINGS_AS_ERRORS=ON -DGCMC_BUILD_PROGRAM=ON -DGCMC_CUDA=OFF -DBUILD_SHARED_LIBS=ON -DGCMC_INSTALL=ON \
  "${options[@]}"
quietly cmake --build "$work/inside/out" --parallel "$(nproc)"
"$work/inside/out/inside" >"$work/says_too"
cmp -s "$work/says" "$work/says_too" || { cat "$work/says_too" && fail 'the consumer in whose sub-folder gcmc is differs'; }

shared=$work/shared
quietly cmake --install "$work/inside/out" --prefix "$shared"
rm -r "$work/inside/out"
"$shared/bin/gcmc" --version
consume "$shared" "$work/shared_out" >"$work/says_too"
cmp -s "$work/says" "$work/says_too" || { cat "$work/says_too" && fail 'the consumer of shared libraries differs'; }
core=$(find "$shared" -name libgcmc_core.so)
readelf -d "$core" | grep -q 'SONAME.*libgcmc_core\.so\.[0-9]' || fail 'libgcmc_core.so has no version in its soname'
nm -DC --defined-only "$core" >"$work/symbols"
grep -q ' gcmc::Cpu::threads() const' "$work/symbols" || fail 'libgcmc_core.so hides gcmc::Cpu'
if grep 'gcmc::ThreadPool\|gcmc::isa_' "$work/symbols"; then fail 'libgcmc_core.so shows its inside'; fi
echo 'package: installed, found, refused, added and shared as documented'
