#!/usr/bin/env bash
# From nothing to a page that recommends, in one command: bash examples/serve/run.sh [options of gcmc serve]
# Installs what is missing, builds build/release, trains a model on MovieLens 100k in some 10 seconds unless runs/serve
# has one, and serves it. Without options the page is at http://127.0.0.1:8080/; --port 9000 serves it elsewhere, and
# --model DIR another model. Where ml-100k can neither be found nor downloaded, made-up ratings of its size stand in,
# which have no titles. `gcmc serve --help` lists its options; those of CMake go through the environment, as
# examples/run.sh says.
set -euo pipefail
for argument in "$@"; do
  if [[ $argument == --help || $argument == -h ]]; then
    sed -n '2,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit
  fi
done
# shellcheck source-path=SCRIPTDIR source=../../cmake/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"

model=(--model "$root/runs/serve")
for argument in "$@"; do
  case $argument in --model | --model=*) model=() ;; esac
done

need_build_packages
install_missing
configure_release -DGCMC_BUILD_TESTS=OFF
build_release --target gcmc

if [ ${#model[@]} -gt 0 ] && [ ! -e "$root/runs/serve/model" ]; then
  echo "training a model, once" >&2
  "$build/bin/gcmc" train --gcn-agg-accum stack --train-max-iter 400 --silent --save-dir "$root/runs/serve" >&2
fi
echo "the page is where the next line says; Ctrl-C ends it" >&2
exec "$build/bin/gcmc" serve "${model[@]}" "$@"
