# shellcheck shell=bash
# What both tiers share: .ci/run and .ci/full source this file from the repository's root.
# shellcheck source-path=SCRIPTDIR source=../cmake/setup.sh
source cmake/setup.sh
export CCACHE_BASEDIR=  # paths as they are, so that builds in other folders find what was compiled
step() { echo "== $* (${SECONDS} s)"; }

# in_preset NAME [cmake arguments]: configures, builds and tests it.
in_preset() {
  cmake --preset "$@"
  cmake --build --preset "$1" --parallel "$(nproc)"
  ctest --preset "$1" --parallel "$(nproc)" --no-label-summary
}
