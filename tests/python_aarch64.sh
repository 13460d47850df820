#!/usr/bin/env bash
# The wheel for aarch64, cross-compiled and tested under emulation: python_aarch64.sh [OUT], as root on Debian 12. What
# is missing is installed. debootstrap makes a Debian 12 of that architecture, with the headers and libraries that
# Debian's g++-aarch64-linux-gnu compiles against. cmake/wheel.sh runs with that system's Python, by qemu, as if it were
# at home; CMake, ninja and the compiler are this machine's own. tests/python_elsewhere.sh then tests the wheel in that
# system. OUT gets the wheel and its source; $ROOTS keeps the system; $PYTEST_ADDOPTS chooses tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=../cmake/setup.sh
source cmake/setup.sh
need cmake
need debootstrap
need g++-aarch64-linux-gnu
need ninja-build ninja
need qemu-user-static
install_missing
scratch=$(mktemp -d)
trap 'rm -rf --one-file-system "$scratch"' EXIT
out=$(realpath -m "${1:-$scratch/out}")
ROOTS=$(realpath -m "${ROOTS:-$scratch}")
export ROOTS
system=$ROOTS/bookworm-aarch64

# The kernel runs that architecture's programs by qemu; where systemd runs, the package has seen to it.
formats=/proc/sys/fs/binfmt_misc
if [ ! -e $formats/qemu-aarch64 ]; then
  [ -e $formats/register ] || mount -t binfmt_misc none $formats
  cat /usr/lib/binfmt.d/qemu-aarch64.conf >$formats/register
fi
if [ ! -e "$system/usr/include/zlib.h" ]; then
  debootstrap --arch=arm64 --variant=minbase \
    --include=python3-venv,python3-dev,libstdc++-12-dev,zlib1g-dev,nlohmann-json3-dev,libcli11-dev,libboost-dev \
    bookworm "$system" >"$scratch/log" 2>&1 || { tail -n 3 "$scratch/log" >&2 && exit 1; }
fi
# Seen from outside, its absolute links lead into this machine: the linker would miss libm.so and take libm.a.
libraries=$system/usr/lib/aarch64-linux-gnu
find "$libraries" -lname '/*' -printf '%P %l\n' |
  while read -r link target; do ln -sfr "$system$target" "$libraries/$link"; done
# Its Python sees its files before this machine's; PyPI may be behind a proxy that this machine knows.
cp /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/"

QEMU_LD_PREFIX=$system PYTHON=$system/usr/bin/python3 bash cmake/wheel.sh "$out" \
  --config-settings "cmake.define.CMAKE_TOOLCHAIN_FILE=$PWD/cmake/aarch64.cmake" \
  --config-settings "cmake.define.CMAKE_SYSROOT=$system"
bash tests/python_elsewhere.sh "$out"/gcmc-*_aarch64.whl bookworm
