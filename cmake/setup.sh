# shellcheck shell=bash
# Functions for the scripts, which source this file: install what a fresh Debian or Ubuntu lacks, configure, build.
# Everything they say goes to standard error, so that a program's own output stays clean.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release

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
  need libeigen3-dev
  need nlohmann-json3-dev
  need zlib1g-dev
  need libcli11-dev
  need libcurl4-openssl-dev libcurl4-gnutls-dev libcurl4-nss-dev
  need libzip-dev
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
}

# configure_release [cmake arguments]: build/release, with Ninja where it is new and Ninja is there.
configure_release() {
  local generator=()
  if [ ! -f "$build/CMakeCache.txt" ] && command -v ninja >/dev/null; then generator=(-G Ninja); fi
  (cd "$root" && cmake --preset release "${generator[@]}" "$@") >&2
}

# build_release [cmake --build arguments]
build_release() { cmake --build "$build" --parallel "$(nproc)" "$@" >&2; }
