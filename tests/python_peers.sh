#!/usr/bin/env bash
# gcmc.rectools and gcmc.lenskit, each tested in an environment of its own with the package that it is for; their versions
# of NumPy differ, and LensKit needs gigabytes (PyTorch). $PYTHON builds the wheel; $WHEEL, where it is set, is tested
# instead. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
if [ -z "${WHEEL:-}" ]; then bash cmake/wheel.sh "$scratch"; fi
wheel=$(realpath "${WHEEL:-$(echo "$scratch"/gcmc-*.whl)}")
cp -r src/python/tests src/python/pyproject.toml "$scratch/"
cd "$scratch"
for peer in rectools lenskit; do
  "${PYTHON:-python3}" -m venv "$peer"
  "$peer/bin/pip" --quiet install --only-binary :all: "$wheel" "$peer" pytest
  "$peer/bin/python" -m pytest -q -p no:cacheprovider "tests/test_$peer.py" "$@"
done
