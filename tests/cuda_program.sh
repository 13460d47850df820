#!/usr/bin/env bash
# The gcmc program with --device, on the emulated device: cuda_program.sh PATH_OF_EMULATED_GCMC. Threads in three orders.
set -uo pipefail
gcmc=$1
# shellcheck source-path=SCRIPTDIR source=program.sh
source "$(dirname "${BASH_SOURCE[0]}")/program.sh"
# run CODE arguments...
run() {
  local code=$1 got=0
  shift
  "$gcmc" train --data-name tiny --data-dir "$work" --gcn-agg-units 20 --gcn-out-units 8 --train-max-iter 5 "$@" \
    >out 2>err </dev/null || got=$?
  [ "$got" -eq "$code" ] || fail "gcmc train $*: exit $got, not $code"
}
# The columns iter, loss, rmse of the five iterations.
losses() { sed -nE 's/^Iter=([0-9]+), loss=([0-9.]+), rmse=([0-9.]+),.*/\1 \2 \3/p' out; }

mkdir tiny
awk 'BEGIN { print "userId,movieId,rating,timestamp"
  for (u = 1; u <= 60; ++u) for (i = 1; i <= 40; ++i) if ((u * 7 + i * 3) % 10 < 6)
    printf "u%d,i%d,%d,0\n", u, i, 1 + (u + i + u * i % 3) % 5 }' >tiny/ratings.csv

for accumulation in stack sum; do
  run 0 --device cpu --gcn-agg-accum $accumulation
  losses >on_cpu
  [ "$(wc -l <on_cpu)" -eq 5 ] || fail 'not five iterations'
  for seed in 1 2 3; do
    export GCMC_EMULATOR_SEED=$seed
    run 0 --device 0 --gcn-agg-accum $accumulation --save-dir run
    losses >on_cuda
    paste on_cpu on_cuda | awk '{ d = $2 - $5; e = $3 - $6; if ($1 != $4 || d * d > 4e-8 || e * e > 4e-8) exit 1; ++n }
      END { exit n != 5 }' || fail "losses on the device are not the CPU's: $accumulation, order $seed"
    grep -q '"backend": *"cuda-0 (emulated device 0)"' run/metrics.json || fail 'the device has not trained'
  done
done
run 0 --device auto --save-dir chosen
grep -q '"backend": *"cuda-0' chosen/metrics.json || fail '--device auto does not take the device'
run 1 --device 7 --save-dir refused
grep -q 'there is no device 7: this machine has 1, counted from 0' err || fail 'a device that is not there'
run 2 --device 0 --precision bf16-tables --save-dir refused
grep -q 'bf16-tables is for the processor alone: set device cpu' err || fail 'a precision that the device has not'
[ ! -e refused ] || fail 'a refused device leaves a folder'
[ "$failures" -eq 0 ] && echo 'the device trains as the CPU does'
exit "$((failures > 0))"
