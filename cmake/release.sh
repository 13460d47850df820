#!/usr/bin/env bash
# Makes a release: release.sh VERSION OUT, in a clean clone on the commit that is to be released.
# Writes the version where it stands (include/gcmc/base/version.hpp and the vcpkg port), cuts CHANGELOG.md and commits; then
# OUT gets the source as gcmc-VERSION.tar.gz, the wheel, Debian's packages and SHA256SUMS; at last the commit is tagged
# vVERSION. The packages' CMake gets $GCMC_CMAKE_OPTIONS. Nothing is pushed or uploaded. What fails leaves neither commit nor tag.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${1:?VERSION}
out=$(realpath -m "${2:?OUT}")
fail() {
  echo "release.sh: $*" >&2
  exit 2
}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$version: a version such as 0.2.0 was expected"
[ -z "$(git status --porcelain)" ] || fail 'the tree has changes: commit them first'
! git rev-parse -q --verify "refs/tags/v$version" >/dev/null || fail "v$version is released already"
sed -n '/^## \[Unreleased\]/,/^## \[[0-9]/p' CHANGELOG.md | grep '^- ' >/dev/null || fail 'CHANGELOG.md has nothing new'
mkdir -p "$out"
[ -z "$(ls -A "$out")" ] || fail "$out is not empty"

read -ra options <<<"${GCMC_CMAKE_OPTIONS:-}"
before=$(git rev-parse HEAD)
trap 'git reset -q --hard "$before"' ERR
sed -i "s/^#define GCMC_VERSION \".*\"/#define GCMC_VERSION \"$version\"/" include/gcmc/base/version.hpp
sed -i "s/\"version\": \".*\"/\"version\": \"$version\"/" cmake/vcpkg/gcmc/vcpkg.json
sed -i "s/^## \[Unreleased\]/&\n\n## [$version] - $(date +%F)/; /^What will be [0-9.]*\.$/,+1d" CHANGELOG.md
git commit -q -a -m "gcmc $version"

bash cmake/wheel.sh "$out"
cmake --preset packages -G Ninja "${options[@]}" >/dev/null
cmake --build build/packages >/dev/null
(cd build/packages && cpack -G DEB -B "$out" >/dev/null)
rm -rf "$out/_CPack_Packages" "$out"/*.sha256
(cd "$out" && sha256sum -- * >SHA256SUMS)
git tag -a "v$version" -m "gcmc $version"
ls -l "$out"
echo "v$version is committed and tagged here. git push --follow-tags sends it"
