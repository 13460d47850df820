#!/usr/bin/env bash
# The Python package: builds its wheel from this tree, installs it in a fresh environment and runs src/python/tests and
# the examples of docs/python.md. Arguments go to pytest; PYTHON names another interpreter. The package's compile is kept
# in build/python-wheel. $GCMC_PROGRAM, or build/release/bin/gcmc where it is there, is compared with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
program=${GCMC_PROGRAM:-$PWD/build/release/bin/gcmc}
if [ -x "$program" ]; then export GCMC_PROGRAM=$program; fi

isas=()
if [ -n "${GCMC_CPU_ISAS+set}" ]; then isas=(-C "cmake.define.GCMC_CPU_ISAS=$GCMC_CPU_ISAS"); fi
"${PYTHON:-python3}" -m venv "$scratch/venv"
pip=("$scratch/venv/bin/pip" --quiet --disable-pip-version-check)
"${pip[@]}" wheel --no-deps --wheel-dir "$scratch" -C build-dir="$PWD/build/python-wheel" "${isas[@]}" ./src/python
"${pip[@]}" install "$scratch"/gcmc-*.whl pytest pandas polars pyarrow scipy scikit-learn
ls -l "$scratch"/gcmc-*.whl
cp -r src/python/tests docs/python.md "$scratch/"
cd "$scratch"  # where only the installed package is found
venv/bin/python -m pytest -q -p no:cacheprovider tests "$@"
