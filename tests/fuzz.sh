#!/usr/bin/env bash
# Fuzzes what reads a user's files: bash tests/fuzz.sh TARGET SECONDS [options of libFuzzer]
# TARGET is one of tests/fuzz. Builds it in build/fuzz with clang++, and begins with its own seeds and with what earlier
# runs kept in build/fuzz/corpus/TARGET. A finding ends the run; its input stays in build/fuzz/findings/TARGET.
# An input may take 10 s and ask for 65 MB at once: 16 times its own size, which is at most 64 KiB, and 64 MB.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../cmake/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"
target=${1:?TARGET is missing} seconds=${2:?SECONDS are missing}
cd "$root"

need_build_packages
need clang
need libclang-rt-dev # libFuzzer and the sanitizers
install_missing
cmake --preset fuzz >&2
cmake --build build/fuzz --parallel "$(nproc)" --target "$target" >&2

corpus=build/fuzz/corpus/$target findings=build/fuzz/findings/$target
mkdir -p "$corpus" "$findings"
memory=/tmp
if [ -w /dev/shm ]; then memory=/dev/shm; fi
TMPDIR=$(mktemp -d -p "$memory")
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR ASAN_OPTIONS=quarantine_size_mb=16
GCMC_FUZZ_SEEDS=$corpus "build/fuzz/bin/$target"
"build/fuzz/bin/$target" -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=65 -rss_limit_mb=1024 -max_len=65536 \
  -artifact_prefix="$findings/" -print_final_stats=1 "${@:3}" "$corpus"
