#!/usr/bin/env bash
# gcmc.rectools and gcmc.lenskit, each tested in an environment of its own with the package that it is for; their versions
# of NumPy differ, and LensKit needs gigabytes (PyTorch). $PYTHON builds the wheel. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)} PIP_DISABLE_PIP_VERSION_CHECK=1
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
python=${PYTHON:-python3}
"$python" -m pip --quiet wheel --no-deps --wheel-dir "$scratch" -C build-dir="$PWD/build/python-wheel" ./src/python
cp -r src/python/tests src/python/pyproject.toml "$scratch/"
cd "$scratch"
for peer in rectools lenskit; do
  "$python" -m venv "$peer"
  "$peer/bin/pip" --quiet install --only-binary :all: ./gcmc-*.whl "$peer" pytest
  "$peer/bin/python" -m pytest -q -p no:cacheprovider "tests/test_$peer.py" "$@"
done
