#!/usr/bin/env bash
# The Python package: builds its source and wheel (cmake/wheel.sh), and runs src/python/tests, the examples of docs/python.md
# and the notebooks of examples/python on it, installed in a fresh environment of each CPython from 3.10 on that is found, on
# PATH or under pyenv. $PYTHON builds the wheel; $WHEEL, where it is set, is tested instead; $PYTHONS, where it is set, are
# the interpreters that test it. Arguments go to pytest. $GCMC_PROGRAM, or build/release/bin/gcmc where it is there, is
# compared with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
program=${GCMC_PROGRAM:-$PWD/build/release/bin/gcmc}
if [ -x "$program" ]; then export GCMC_PROGRAM=$program; fi

if [ -z "${WHEEL:-}" ]; then bash cmake/wheel.sh "$scratch/wheels"; fi
wheel=$(realpath "${WHEEL:-$(echo "$scratch"/wheels/gcmc-*.whl)}")
echo "$(basename "$wheel"): $(stat -c %s "$wheel") bytes"
if [ "$(stat -c %s "$wheel")" -ge 4000000 ]; then echo 'the wheel is to be under 4 MB' >&2; exit 1; fi

pythons() {  # paths of interpreters, one a minor version
  for minor in 10 11 12 13 14; do
    for python in "$(command -v "python3.$minor")" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin/python; do
      if "$python" -c '' 2>/dev/null; then echo "$python"; break; fi
    done
  done
}
cp -r src/python/tests src/python/pyproject.toml docs/python.md examples benchmarks "$scratch/"
cd "$scratch"  # where only the installed package is found

echo 'types of the package and of the examples'
"${PYTHON:-python3}" -m venv build
build/bin/pip --quiet install "$wheel" mypy numpy
build/bin/python -c 'import doctest; print(doctest.script_from_examples(open("python.md").read()))' >examples.py
build/bin/mypy --config-file pyproject.toml -p gcmc
build/bin/mypy --config-file pyproject.toml examples.py

interpreters=${PYTHONS:-$(pythons)}
[ -n "$interpreters" ] || { echo 'no CPython from 3.10 to 3.14 is found: name one by PYTHONS' >&2 && exit 1; }
for python in $interpreters; do
  "$python" --version
  "$python" -m venv venv
  venv/bin/pip --quiet install "$wheel" pytest
  for library in pandas polars pyarrow duckdb scipy scikit-learn joblib matplotlib tqdm nbclient ipykernel; do
    venv/bin/pip --quiet install --only-binary :all: "$library" || echo "$library: no wheel; its tests are skipped"
  done
  venv/bin/python -m pytest -q -rs -p no:cacheprovider tests "$@"
  rm -rf venv
done
