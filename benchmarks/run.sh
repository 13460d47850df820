#!/usr/bin/env bash
# Builds and runs the benchmarks: bash benchmarks/run.sh [options of gcmc_bench, which are Google Benchmark's and --graph=FILE]
# Installs what is missing and builds in build/release all that the scripts of this folder run.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../cmake/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"

need_build_packages
need libbenchmark-dev
need libeigen3-dev
install_missing
configure_release -DGCMC_BUILD_BENCHMARKS=ON -DGCMC_BUILD_TESTS=OFF
build_release
exec "$build/bin/gcmc_bench" "$@"
