#!/usr/bin/env bash
# cmake/release.sh makes version 9.8.7 in a clone of this commit: its files, what is in them, the version in each, the
# changelog, commit and tag; and what it refuses. GCMC_CPU_ISAS= and GCMC_CMAKE_OPTIONS='-DCMAKE_CXX_FLAGS_RELEASE=-O0
# -DGCMC_CPU_ISAS=' are quicker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
out=$scratch/out
git clone -q --no-hardlinks . "$scratch/clone"
cd "$scratch/clone"
git config user.name tester
git config user.email tester@example.org
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$PWD; fi
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}

equal() {  # WHAT IT_IS IT_SHOULD_BE
  if [ "$2" != "$3" ]; then
    echo "$1: '$2' where '$3' was expected" >&2
    exit 1
  fi
}
state() { git rev-parse HEAD && git tag -l && git status --porcelain; }

# refuses CODE MESSAGE ARGUMENTS...: it says so, and leaves commit, tags and tree as they were.
refuses() {
  local before code=0
  before=$(state)
  bash cmake/release.sh "${@:3}" >/dev/null 2>"$scratch/said" || code=$?
  equal "exit code, $2" "$code" "$1"
  equal "message, $2" "$(grep -c "$2" "$scratch/said")" 1
  equal "what is left, $2" "$(state)" "$before"
}
refuses 2 'a version such as' 9.8 "$out"
mkdir "$scratch/full" && touch "$scratch/full/file"
refuses 2 'is not empty' 9.8.7 "$scratch/full"
echo change >>README.md
refuses 2 'has changes' 9.8.7 "$out"
git checkout -q README.md
PYTHON=$scratch/no-python refuses 127 'no-python: No such file' 9.8.7 "$out"
echo 'what cannot be released is refused, and what fails leaves nothing'

parent=$(git rev-parse HEAD)
bash cmake/release.sh 9.8.7 "$out"
equal tag "$(git describe)" v9.8.7
equal parent "$(git rev-parse HEAD~)" "$parent"
equal changes "$(git status --porcelain)" ''
equal 'files of the commit' "$(git diff --name-only HEAD~ | xargs)" \
  'CHANGELOG.md cmake/vcpkg/gcmc/vcpkg.json include/gcmc/base/version.hpp'
equal 'changelog, unreleased' "$(sed -n '/^## \[Unreleased\]/,/^## \[[0-9]/p' CHANGELOG.md | xargs)" \
  "## [Unreleased] ## [9.8.7] - $(date +%F)"
equal 'changelog, what will be' "$(grep -c '^What will be' CHANGELOG.md)" 0
refuses 2 'is released already' 9.8.7 "$scratch/other"

cd "$out"
sha256sum --quiet --check SHA256SUMS
architecture=$(dpkg --print-architecture)
equal files "$(printf '%s\n' * | sed 's/manylinux.*whl/whl/' | LC_ALL=C sort | xargs)" "SHA256SUMS gcmc-9.8.7-cp310-abi3-whl gcmc-9.8.7.tar.gz \
gcmc_9.8.7_$architecture.deb libgcmc-dev_9.8.7_$architecture.deb libgcmc9.8_9.8.7_$architecture.deb"
equal 'files with checksums' "$(wc -l <SHA256SUMS)" 5
tar -tzf gcmc-9.8.7.tar.gz | sort >"$scratch/packed"
equal 'not in the source' "$(git -C "$scratch/clone" ls-files | sed 's|^|gcmc-9.8.7/|' | sort | comm -23 - "$scratch/packed")" ''

for package in *.deb; do dpkg-deb -x "$package" "$scratch/root"; done
libraries=$(dirname "$(find "$scratch/root" -name 'libgcmc_core.so.*' -type f)")
equal "the packages' program" "$(LD_LIBRARY_PATH=$libraries "$scratch/root/usr/bin/gcmc" --version)" 'gcmc 9.8.7'
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" --quiet install ./gcmc-*.whl
equal "the wheel's program" "$("$scratch/venv/bin/gcmc" --version)" 'gcmc 9.8.7'
equal "the wheel's version" "$("$scratch/venv/bin/python" -c 'import gcmc; print(gcmc.__version__)')" 9.8.7
echo 'a release is as it should be'
