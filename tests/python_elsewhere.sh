#!/usr/bin/env bash
# The wheel on other systems than the one that built it: python_elsewhere.sh WHEEL [SUITE...], as root. debootstrap makes
# each SUITE of Debian (unless named: 12 and 13), of the wheel's architecture, and the package's tests run there with the
# system's own Python, but for those that need another library. $ROOTS keeps the systems. The kernel has to know how to
# run another architecture's programs (tests/python_aarch64.sh).
set -euo pipefail
wheel=$(realpath "${1:?WHEEL}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
shift
[ $# -gt 0 ] || set -- bookworm trixie
[[ $wheel =~ manylinux_[0-9]+_[0-9]+_([a-z0-9_]+)\.whl$ ]]
machine=${BASH_REMATCH[1]}
declare -A architecture=([x86_64]=amd64 [aarch64]=arm64)
scratch=$(mktemp -d)
trap 'rm -rf --one-file-system "$scratch"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1

for suite in "$@"; do
  root=${ROOTS:-$scratch}/$suite-$machine
  if [ ! -x "$root/usr/bin/python3" ]; then
    debootstrap --arch="${architecture[$machine]}" --variant=minbase --include=python3-venv "$suite" "$root" \
      >"$scratch/log" 2>&1 || { tail -n 3 "$scratch/log" >&2 && exit 1; }
  fi
  version=$(chroot "$root" python3 -c 'import platform, sys; print("%d.%d" % sys.version_info[:2], *platform.libc_ver())')
  echo "$suite, $machine: Python and libc $version"
  rm -rf "$root/gcmc"
  mkdir "$root/gcmc"
  platforms=()
  for minor in $(seq 17 "${version##*.}"); do platforms+=(--platform "manylinux_2_${minor}_$machine"); done
  "${PYTHON:-python3}" -m pip --quiet download --only-binary :all: "${platforms[@]}" --python-version "${version%% *}" \
    --dest "$root/gcmc" "$wheel" pytest
  cp -r src/python/tests src/python/pyproject.toml docs/python.md "$root/gcmc"
  chroot "$root" bash -euo pipefail <<'END'
cd /gcmc
python3 -m venv venv
venv/bin/pip --quiet install --no-index --find-links . gcmc pytest
GCMC_PROGRAM=$PWD/venv/bin/gcmc venv/bin/python -m pytest -q -p no:cacheprovider tests
END
done
