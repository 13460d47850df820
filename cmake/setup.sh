# shellcheck shell=bash
# Functions for the scripts, which source this file: install what a fresh Debian or Ubuntu lacks, configure, build.
# Everything they say goes to standard error, so that a program's own output stays clean.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release
# New build folders compile through ccache and by Ninja where these are there.
use_tools() {
  if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache CMAKE_CUDA_COMPILER_LAUNCHER=ccache; fi
  if command -v ninja >/dev/null; then export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}; fi
}
use_tools

has_package() { dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed'; }

# need PACKAGE [COMMAND|PACKAGE...]: notes PACKAGE as missing unless it, the command or another of the packages is there.
missing=()
need() {
  local other
  has_package "$1" && return
  for other in "${@:2}"; do
    if command -v "$other" >/dev/null || has_package "$other"; then return; fi
  done
  missing+=("$1")
}

need_build_packages() {
  need g++ c++ clang++
  need cmake cmake
  need ninja-build ninja make
  need nlohmann-json3-dev
  need zlib1g-dev
  need libcli11-dev
  need libcurl4-openssl-dev libcurl4-gnutls-dev libcurl4-nss-dev
  need ca-certificates # without which it downloads nothing
  need libzip-dev
  need libssl-dev
  need libboost-dev
}

install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "missing, and there is no apt-get to install them: ${missing[*]}" >&2
    return 1
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "missing: ${missing[*]}; install them as root, or install sudo" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
  missing=()
  use_tools
}

# Prints the architectures of this machine's GPUs, as CMake takes them; fails if nvcc knows none.
gpu_architectures() {
  local known gpu list=()
  known=$(nvcc --list-gpu-arch 2>/dev/null) || return
  for gpu in $(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d . | sort -u); do
    if grep -qx "compute_$gpu" <<<"$known"; then list+=("$gpu"); fi
  done
  [ ${#list[@]} -gt 0 ] || return
  (IFS=';' && echo "${list[*]}")
}

# choose_first_options OPTIONS...: sets `first` to what a new build folder gets before these: unless they speak of CUDA,
# CUDA for this machine's GPUs alone, since code for every architecture takes ten times as long as all the rest.
choose_first_options() {
  local architectures
  first=()
  if [[ "$*" == *GCMC_CUDA=* || "$*" == *CUDA_ARCHITECTURES=* ]]; then
    echo "CUDA backend: as the options say" >&2
  elif architectures=$(gpu_architectures); then
    first+=("-DCMAKE_CUDA_ARCHITECTURES=$architectures")
    echo "CUDA backend: built for this machine's GPU alone, architecture $architectures" >&2
  else
    first+=(-DGCMC_CUDA=OFF)
    echo "CUDA backend: left out, no GPU that nvcc knows is here (GCMC_CMAKE_OPTIONS=-DGCMC_CUDA=AUTO builds it)" >&2
  fi
}

# configure_release [cmake arguments]: build/release. Options of the environment's GCMC_CMAKE_OPTIONS, words with spaces
# between them, come last. A build folder that is there keeps what it was configured with.
configure_release() {
  local first=() given=()
  read -ra given <<<"${GCMC_CMAKE_OPTIONS:-}"
  if [ ! -f "$build/CMakeCache.txt" ]; then choose_first_options "$@" "${given[@]}"; fi
  (cd "$root" && cmake --preset release "${first[@]}" "$@" "${given[@]}") >&2
}

# build_release [cmake --build arguments]
build_release() { cmake --build "$build" --parallel "$(nproc)" "$@" >&2; }
