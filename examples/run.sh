#!/usr/bin/env bash
# Trains a model: bash examples/run.sh [options of gcmc train]
# Installs what is missing, builds in build/release and runs the program there. Without --save-dir the run is written to
# runs/latest. The CUDA backend is built where there is a GPU, for that
# one alone. Options of CMake go through the environment: GCMC_CMAKE_OPTIONS='-DGCMC_CUDA=ON' bash examples/run.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../cmake/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"

need_build_packages
install_missing
configure_release -DGCMC_BUILD_TESTS=OFF
build_release --target gcmc

save=(--save-dir "$root/runs/latest")
for argument in "$@"; do
  case $argument in
    --save-dir* | --save_dir* | --help | -h) save=() ;;
  esac
done
exec "$build/bin/gcmc" train "${save[@]}" "$@"
