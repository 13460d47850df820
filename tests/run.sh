#!/usr/bin/env bash
# Builds and runs the tests: bash tests/run.sh [options of ctest]
# Installs what is missing and builds in build/release, for CUDA and with CMake's options as examples/run.sh says.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../cmake/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"

need_build_packages
need catch2
need libeigen3-dev
need python3 python3
install_missing
configure_release -DGCMC_BUILD_TESTS=ON
build_release
exec ctest --test-dir "$build" --output-on-failure --no-label-summary --parallel "$(nproc)" "$@"
