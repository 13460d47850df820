#!/usr/bin/env bash
# The gcmc program as its user runs it: cli.sh PATH_OF_GCMC [sanitized]
set -uo pipefail
gcmc=$1 sanitized=${2:-}
guide=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/docs/guide.md
# shellcheck source-path=SCRIPTDIR source=program.sh
source "$(dirname "${BASH_SOURCE[0]}")/program.sh"
unset GCMC_DATA_DIR HOME XDG_CACHE_HOME # so that no data set can be had
# expect CODE arguments...: runs gcmc, its output in the files out and err.
expect() {
  local code=$1 got=0
  shift
  "$gcmc" "$@" >out 2>err </dev/null || got=$?
  [ "$got" -eq "$code" ] || fail "gcmc $*: exit $got, not $code"
}
out_has() { grep -qE -e "$1" out || fail "standard output lacks: $1"; }
err_has() { grep -qE -e "$1" err || fail "standard error lacks: $1"; }
# refuse_with CODE TEXT arguments...: nothing on standard output, one line on standard error that holds TEXT.
refuse() { refuse_with 2 "$@"; }
refuse_with() {
  local code=$1 text=$2
  shift 2
  expect "$code" "$@"
  [ ! -s out ] || fail "gcmc $*: standard output is not empty"
  [ "$(wc -l <err)" -eq 1 ] || fail "gcmc $*: not one line on standard error"
  err_has "$text"
}
has_run() {
  local file
  for file in config.json history.csv metrics.json curve.svg model/model.safetensors model/config.json; do
    [ -s "$1/$file" ] || fail "$1/$file is missing"
  done
  [ -z "$(find "$1" -name '*.gcmc-*')" ] || fail "$1 holds temporary files"
}

# 80 users rate 25 to 40 of 50 items; one id needs quotes.
mkdir tiny
awk 'BEGIN { print "userId,movieId,rating,timestamp"
  for (u = 1; u <= 80; ++u) for (i = 1; i <= 50; ++i) if ((u * 7 + i * 3) % 10 < 6)
    printf "u%d,%s,%d,0\n", u, i == 50 ? "\"a,b\"" : "i" i, 1 + (u + i + u * i % 3) % 5 }' >tiny/ratings.csv
small=(--data-name tiny --data-dir "$work" --gcn-agg-units 20 --gcn-out-units 8 --threads 2)

# completed WORD...: what bash would offer for the last word.
completed() {
  local COMP_WORDS=(gcmc "$@") COMPREPLY=()
  local COMP_CWORD=$#
  _gcmc
  echo "${COMPREPLY[*]}"
}
manual_and_completion() {
  local option
  expect 0 manual && out_has '^\.TH GCMC 1 ' && out_has '^\.SS gcmc data inspect$'
  cp out page
  if command -v groff >/dev/null; then
    [ -z "$(groff -man -Tutf8 -ww page 2>&1 >/dev/null)" ] || fail 'groff warns of the manual page'
  fi
  expect 0 help train
  for option in $(grep -oE '^  --[a-z-]+' out); do
    grep -qF -- "${option//-/\\-}" page || fail "the manual page lacks $option"
  done
  expect 0 completion fish && out_has '-l gcn-agg-accum .* -a .stack sum.$'
  expect 0 completion zsh && out_has '^autoload -U '
  refuse bash completion tcsh
  expect 0 completion bash
  # shellcheck source=/dev/null
  source ./out
  [ "$(completed rec)" = recommend ] || fail 'no completion of a command'
  [ "$(completed data in)" = inspect ] || fail 'no completion of a command within one'
  [ "$(completed train --gcn-agg-a)" = --gcn-agg-accum ] || fail 'no completion of an option'
  [ "$(completed data split x --fo)" = '--folds --fold' ] || fail 'no completion of an inner option'
  [ "$(completed train --gcn-agg-accum s)" = 'stack sum' ] || fail 'no completion of a value'
  [ "$(completed train --train-schedule = co)" = 'cosine constant' ] || fail 'no completion behind ='
  [ "$(completed train --train-schedule=co)" = '--train-schedule=cosine --train-schedule=constant' ] ||
    fail 'no completion behind = where the shell does not part it'
  [ "$(completed train --split leave)" = leave-1-out ] || fail 'what is completed is refused'
  [ "$(completed export --precision '')" = 'full bf16 int8' ] || fail 'the values of another command'
  [ "$(completed predict --format '')" = 'csv json' ] || fail 'no values of --format'
  [ "$(completed completion '')" = 'bash zsh fish' ] || fail 'no values of an argument'
  [ "$(completed help data '')" = 'inspect convert split generate' ] || fail 'no help of a command within one'
  [ -z "$(completed info '')$(completed evaluate --model '')" ] || fail 'an option where a file belongs'
}
help_and_version() {
  expect 0 --help && out_has 'train' && out_has 'recommend'
  expect 0 train --help && out_has '--gcn-agg-units' && out_has '500' && out_has '--config'
  out_has '^Usage: gcmc train \[RATINGS\] \[OPTIONS\]$'
  expect 0 --version && out_has '^gcmc [0-9]+\.[0-9]+\.[0-9]+$'
  local command
  for command in '' train tune predict recommend similar explain evaluate info export serve sagemaker; do
    # shellcheck disable=SC2086
    expect 0 help $command
    out_has '^Examples?:$'
    if grep -E '^.{101}' out; then fail "a line of gcmc help $command is wider than 100 columns"; fi
    cp out by_help
    # shellcheck disable=SC2086
    expect 0 $command --help
    cmp -s out by_help || fail "gcmc help $command is not gcmc $command --help"
  done
  expect 2
  [ ! -s out ] || fail 'gcmc alone prints to standard output'
  err_has '^  predict ' && err_has '^  gcmc train --data-name'
}

# A name that is not there is answered before anything that is missing.
wrong_name() {
  refuse "^gcmc: unknown command 'trian': did you mean train[?]" trian --seed 5
  refuse 'did you mean recommend[?]' Recomend
  refuse "unknown command 'dance': the commands are train, tune, predict, recommend, " dance
  refuse 'did you mean tune[?]' help tun
  refuse '^gcmc: --seed needs a command before it, as in gcmc train --seed' --seed 5
  refuse 'unknown option --modle: did you mean --model[?]' predict --modle run pairs.csv
  refuse '--model is required [(]gcmc predict --help' predict pairs.csv
  refuse "unexpected argument 'ml-100k': .* gcmc train --data-name ml-100k" train ml-100k
}

wrong_input() {
  refuse 'did you mean --train-max-iter' train --train-max-itr 5
  refuse 'did you mean --gcn-agg-accum' train --gcn_agg_acum=sum
  refuse 'outside \[0, 1\)' train --gcn-dropout 1.5
  refuse 'not one of stack, sum' train --gcn-agg-accum mean
  refuse 'train_min_lr' train --train-lr 1e-5
  refuse 'nowhere' train --data-name tiny --data-dir "$work/nowhere"
  refuse 'none.json' train --config none.json
  echo '{"trian_lr": 1}' >wrong.json
  refuse 'wrong.json.*train_lr' train --config wrong.json
  refuse 'save_id' train --save-id x
  : >file
  refuse 'file/run' train "${small[@]}" --save-dir file/run
  refuse 'nowhere.csv' train nowhere.csv --save-dir never/made
  refuse '--ratings is empty' train --ratings ''
  [ ! -e never ] || fail 'a run that was refused leaves empty folders'
  mkdir broken && printf 'userId,movieId,rating\n1,2\n' >broken/ratings.csv
  refuse 'ratings.csv.*2' train --data-name broken --data-dir "$work"
}

train() {
  expect 0 train "${small[@]}" --train-max-iter 4 --save_dir run
  [ "$(grep -cE '^Iter=[0-9]+, loss=[0-9.]+, rmse=[0-9.]+, time=[0-9.]+,	Val RMSE=[0-9.]+' out)" -eq 4 ] ||
    fail 'not four lines of iterations'
  tail -n 1 out | grep -qE '^Best Iter Idx=[0-9]+, Best Valid RMSE=[0-9.]+, Best Test RMSE=[0-9.]+$' || fail 'last line'
  has_run run
  cp out first
  expect 0 train "${small[@]}" --train-max-iter 4 --silent
  [ "$(cat out)" = "$(tail -n 1 first)" ] || fail '--silent does not print the last line alone'
  expect 0 train "${small[@]}" --train-max-iter 40 --train-log-interval 20 --train-valid-interval 3
  [ "$(grep -o '^Iter=[0-9]*' out | tr '\n' ' ')" = 'Iter=20 Iter=21 Iter=40 ' ] || fail 'not two lines and a validation'
  [ "$(grep -c 'Val RMSE=' out)" -eq 2 ] || fail 'validations are told more often than the interval says'
  expect 0 train "${small[@]}" --train-max-iter 4 --train-log-interval 2 --save-dir runs --save-id named
  [ "$(grep -c '^Iter=' out)" -eq 2 ] || fail 'log interval 2 does not print two lines of four'
  has_run runs/named
}

# Three models whose predictions are averaged, their test part drawn by the first seed.
ensemble() {
  expect 0 train "${small[@]}" --train-max-iter 4 --seed 5 --seeds 3 --save-dir three
  [ "$(grep -c '^Seed=[567], Best Iter Idx=[0-9]*, Best Valid RMSE=[0-9.]*, Best Test RMSE=[0-9.]*$' out)" -eq 3 ] ||
    fail 'not one line a seed'
  out_has '^Mean Test RMSE=[0-9.]+, deviation=[0-9.]+$'
  tail -n 1 out | grep -qE '^Best Iter Idx=[0-9]+, Best Valid RMSE=[0-9.]+, Best Test RMSE=[0-9.]+$' || fail 'last line'
  local seed file member
  for seed in 5 6 7; do
    for file in config.json history.csv metrics.json curve.svg; do
      [ -s "three/seed-$seed/$file" ] || fail "three/seed-$seed/$file is missing"
    done
  done
  expect 0 predict --model three pairs.csv
  cp out mean
  for member in 1 2 3; do "$gcmc" predict --model "three/model/$member" pairs.csv >"member$member"; done
  paste -d, mean member1 member2 member3 | awk -F, '$1 == "u1" && $2 == "i3" { d = $3 - ($7 + $11 + $15) / 3
    exit !(d < 2e-6 && d > -2e-6 && $7 != $11) }' || fail "the ensemble's prediction is not the members' mean"
  expect 0 info three && out_has '^models +3$' && out_has '^figures of each model' && out_has '^  seeds +3$'
  out_has '^best_test_rmse +[0-9.]+ [0-9.]+ [0-9.]+$'
  expect 0 info three --options && out_has '"seeds": 3'
  local missing
  for missing in 2 3; do
    rm -rf fewer && cp -r three fewer && rm -r fewer/model/$missing
    refuse "fewer/model/$missing: is missing: this is one of 3 models" predict --model fewer pairs.csv
  done
  expect 0 predict --model fewer/model/2 pairs.csv && cmp -s out member2 || fail 'one of several does not answer alone'
  expect 0 train --config three/seed-6/config.json --save-dir alone
  cmp -s alone/model/model.safetensors three/model/2/model.safetensors || fail 'a member does not repeat by its config'
}

# The preset auto says what it chose and why, less what the command line chose; its config.json repeats the run.
automatic() {
  expect 0 train "${small[@]}" --preset auto --train-max-iter 6 --save-dir chosen
  out_has '^auto: gcn_agg_accum=stack implicit=true .*[(].*[)]$'
  out_has '^auto: train_start=factors .*[(]weights begin with what a factorization knows'
  if grep -q 'train_max_iter' out; then fail 'auto tells a choice that was overridden'; fi
  grep -q '"implicit": *true' chosen/config.json || fail 'auto chose nothing'
  expect 0 train --config chosen/config.json --save-dir repeated
  cmp -s chosen/model/model.safetensors repeated/model/model.safetensors || fail 'an auto run does not repeat'
  expect 0 train "${small[@]}" --preset fast --data-valid-ratio 0 --train-max-iter 2  # which dgl would refuse
  expect 2 train "${small[@]}" --preset auto --train-on-valid true && err_has 'refit trains on the validation ratings as well'
  expect 0 train "${small[@]}" --preset auto --train-max-iter 2 --silent
  [ "$(wc -l <out)" -eq 1 ] || fail 'auto is not silent'
}

# A time budget becomes a number of steps, with which config.json repeats the run.
timed() {
  expect 0 train "${small[@]}" --preset fast --time-budget 0.5s --train-max-iter 100000 --save-dir timed
  out_has '^fast: train_start=factors train_lr=0.01 train_table_lr_factor=3 '
  grep -q '"time_budget": 0.0,' timed/config.json || fail 'a run with a time budget cannot be repeated'
  if grep -q '"train_max_iter": 100000,' timed/config.json; then fail 'a time budget chose no number of steps'; fi
  if ! grep -q 'out of time' err; then
    expect 0 train --config timed/config.json --save-dir timed_again
    cmp -s timed/model/model.safetensors timed_again/model/model.safetensors || fail 'a timed run does not repeat'
  fi
  refuse 'time_budget is for one training' train "${small[@]}" --preset fast --time-budget 1s --seeds 2
  expect 2 train "${small[@]}" --preset fast --time-budget 1s --checkpoint-dir places
  err_has 'time-budget is for a training as a whole'
}

# A search: its files, the winner trained again, a search gone on with, and no test figure anywhere.
search=(--train-max-iter 9 --trials 6 --search train_lr=0.003..0.05:log --search gcn_agg_accum=stack,sum)
tune() {
  local file valid
  expect 0 tune --help && out_has '--search' && out_has '--trials' && out_has '--gcn-agg-units' && out_has 'winner.json'
  local name default rows=0
  while IFS='|' read -r _ name default _; do
    name=$(tr -d ' `' <<<"$name" | tr _ -) default=$(tr -d ' ' <<<"$default") rows=$((rows + 1))
    out_has "^  --$name [A-Z=]*${default:+=$default }"
  done < <(sed -n '/^## Tune/,/^## Presets/p' "$guide" | grep '^| `')
  [ "$(sed -n '/^Search:/,/^$/p' out | grep -c '^  --')" -eq "$rows" ] || fail "the guide's table lacks options of tune"
  refuse 'give --search' tune "${small[@]}" --save-dir tuned
  refuse 'give --save-dir' tune "${small[@]}" --search gcn_dropout=0.1,0.2
  refuse 'leave out time_budget' tune "${small[@]}" --time-budget 1s --save-dir tuned --search gcn_dropout=0.1,0.2
  refuse 'did you mean train_lr' tune "${small[@]}" --save-dir tuned --search trian_lr=1,2
  refuse 'did you mean --search' tune --serch gcn_dropout=0.1,0.2
  refuse 'train_lr is given on the command line and searched' tune "${small[@]}" --train-lr 0.1 --save-dir tuned \
    --search train_lr=0.1,0.2
  refuse 'trial 1, train_lr=[0-9.e-]+: train_min_lr' tune --save-dir tuned --search train_lr=0.0001,0.0002
  refuse 'none.json' tune --save-dir tuned --search-file none.json
  refuse 'gcn_agg_accum=sum.*: train_start factors' tune --preset best --save-dir tuned --search gcn_agg_accum=stack,sum \
    --search train_lr=0.01,0.02
  [ ! -e tuned ] || fail 'a refused search left a folder'
  expect 0 tune "${small[@]}" "${search[@]}" --save-dir tuned
  out_has '^Search of 2 options, trials x iterations: 6 x 3, 2 x 9$'
  [ "$(grep -cE '^Trial=[1-6], Rung=1/2, Iter=3, time=[0-9.]+, Best Iter Idx=[1-3], Val RMSE=[0-9.]+$' out)" -eq 6 ] ||
    fail 'not six trials in the first rung'
  [ "$(grep -cE '^Trial=[1-6], Rung=2/2, Iter=9, ' out)" -eq 2 ] || fail 'not two trials in the second rung'
  out_has '^Bias baseline Valid RMSE=[0-9.]+'
  tail -n 1 out | grep -qE '^Best Trial=[1-6], Best Iter Idx=[0-9]+, Best Valid RMSE=[0-9.]+$' || fail 'last line'
  cp out first
  mkdir mine && echo mine >mine/results.csv
  refuse 'mine/results.csv: is there without a search' tune "${small[@]}" --search gcn_dropout=0.1,0.2 --save-dir mine
  [ "$(cat mine/results.csv)" = mine ] || fail 'a search replaced a file that is not its own'
  for file in results.csv results.json results.svg winner.json; do
    [ -s "tuned/$file" ] || fail "tuned/$file is missing"
  done
  if grep -iE 'test.*(rmse|mae|loss|accuracy)' out tuned/*; then fail 'a search tells a test figure'; fi
  [ "$(wc -l <tuned/results.csv)" -eq 7 ] || fail 'results.csv has not a line a trial'
  expect 0 train --config tuned/winner.json --save-dir winner
  valid=$(sed -n 's/.*"best_valid_rmse": *\([0-9.]*\),.*/\1/p' winner/metrics.json)
  sed -n 2p tuned/results.csv | grep -qF ",$valid," || fail "the winner does not train to its validation figure"
  # The same again trains nothing; another search is refused; more threads give the same table.
  expect 0 tune "${small[@]}" "${search[@]}" --save-dir tuned
  out_has '^8 runs are done'
  if grep -q '^Trial=' out; then fail 'a finished search trains again'; fi
  refuse 'gcn_agg_units was 20 and now is 25: give another folder' tune "${small[@]}" "${search[@]}" --gcn-agg-units 25 \
    --save-dir tuned
  echo '{"train_lr": "0.003..0.05:log", "gcn_agg_accum": ["stack", "sum"]}' >space.json
  mkdir -p one/running/notes && touch one/running/notes/today
  expect 0 tune "${small[@]}" --train-max-iter 9 --trials 6 --search-file space.json --threads 1 --silent --save-dir one
  [ -e one/running/notes/today ] || fail 'a search removed a file that is not its own'
  [ "$(cat out)" = "$(tail -n 1 first)" ] || fail '--silent does not print the last line alone'
  cmp -s tuned/results.csv one/results.csv || fail 'the table depends on the threads'
}

# A search that is stopped keeps its runs, and goes on to the table of one that was not.
tune_signal() {
  local code=0 tries=0
  local long=("${small[@]}" --trials 3 --train-max-iter 6000 --train-schedule constant
    --search gcn_dropout=0.1..0.9 --threads 2)
  : >out
  "$gcmc" tune "${long[@]}" --save-dir halted >out 2>err &
  local child=$!
  until grep -q '^Trial=' out || [ $((tries += 1)) -gt 300 ]; do sleep 0.02; done
  kill -INT "$child"
  wait "$child" || code=$?
  [ "$code" -eq 0 ] || fail "a stopped search: exit $code"
  err_has '^gcmc: stopping: the running trainings are left where they are'
  err_has 'stopped by a signal: [1-3] runs are kept'
  [ ! -e halted/winner.json ] || fail 'a stopped search has a winner'
  expect 0 tune "${long[@]}" --save-dir halted
  out_has '^[1-3] runs are done'
  err_has 'a trial goes on from iteration [1-9][0-9]* of'
  [ ! -e halted/running ] || fail 'a complete search has checkpoints'
  expect 0 tune "${long[@]}" --save-dir whole_search
  cmp -s halted/results.csv whole_search/results.csv || fail 'a resumed search has another table'
  cmp -s halted/winner.json whole_search/winner.json || fail 'a resumed search has another winner'
  # All trials diverge: recorded, one line, no winner.
  expect 2 tune "${small[@]}" --train-optimizer sgd --train-grad-clip 0 --train-schedule constant --trials 2 \
    --train-max-iter 60 --search train_lr=900,1000 --save-dir diverged
  err_has 'no trial got through the last rung: training diverged'
  grep -q 'training diverged' diverged/results.csv || fail 'a failed trial is not recorded'
  [ ! -e diverged/winner.json ] || fail 'a failed search has a winner'
}

precedence() {
  echo '{"preset": "paper", "train_max_iter": 3, "seed": 5}' >some.json
  expect 0 train "${small[@]}" --config some.json --seed 6 --save-dir mixed
  grep -q '"gcn_agg_norm_symm": *false' mixed/config.json || fail "the file's preset is not applied"
  grep -q '"train_max_iter": *3' mixed/config.json || fail 'the file does not override the preset'
  grep -q '"seed": *6' mixed/config.json || fail 'the command line does not override the file'
  expect 0 train --config mixed/config.json --save-dir again
  cmp -s mixed/config.json again/config.json || fail 'a run does not repeat from its config.json'
  expect 0 train "${small[@]}" --config <(cat some.json) --save-dir from_pipe  # a pipe can be read once
  grep -q '"seed": *5' from_pipe/config.json || fail 'a pipe of options is not applied'
  expect 0 train "${small[@]}" --preset paper --gcn-agg-accum sum --train-max-iter 1 --save-dir tied
  grep -q '"ordinal": *true' tied/config.json || fail 'the paper preset with sum is not ordinal'
}

predict() {
  printf 'user,item,more\nu1,i3\nnobody,i3\r\n\nu1,nothing\nu2,"a,b",extra\nnobody,nothing\n' >pairs.csv
  expect 0 predict --model run pairs.csv
  [ "$(head -n 1 out)" = 'user,item,rating,note' ] || fail 'header of predictions'
  [ "$(wc -l <out)" -eq 6 ] || fail 'not one line a pair'
  out_has '^u1,i3,[1-5]\.[0-9]+,$'
  out_has '^nobody,i3,[1-5]\.[0-9]+,unknown user$'
  out_has '^u1,nothing,[1-5]\.[0-9]+,unknown item$'
  out_has '^u2,"a,b",[1-5]\.[0-9]+,$'
  out_has '^nobody,nothing,[1-5]\.[0-9]+,unknown user and item$'
  cp out plain
  tail -n +2 pairs.csv | "$gcmc" predict --model run/model - >out || fail 'predict from standard input'
  cmp -s out plain || fail 'predictions differ without the header'
  expect 0 predict --model run --probabilities --output written.csv pairs.csv
  [ ! -s out ] || fail '--output still prints'
  head -n 1 written.csv | grep -q '^user,item,rating,p_1,p_2,p_3,p_4,p_5,note$' || fail 'header of probabilities'
  awk -F, '$1 == "u1" && $2 == "i3" { sum = $4 + $5 + $6 + $7 + $8; mean = $4 + 2 * $5 + 3 * $6 + 4 * $7 + 5 * $8
    exit !(sum > 0.9999 && sum < 1.0001 && mean - $3 < 0.0001 && $3 - mean < 0.0001) }' written.csv ||
    fail 'probabilities do not add up to 1, or to the rating'
  refuse 'absent.csv' predict --model run absent.csv
  refuse 'elsewhere' predict --model elsewhere pairs.csv
  printf 'u1,i3\nu1\n' >short.csv
  refuse 'short.csv:2: 1 column, at least 2 was expected' predict --model run short.csv
  printf 'u1,i3\nu2,i5\nnobody,i9\n' >plain.csv
  columns_by_name
  outputs
}

# A header names the columns in any order; without one, no id is taken for a name.
columns_by_name() {
  local header
  expect 0 predict --model run plain.csv
  cp out plain
  expect 0 predict --model run --no-header plain.csv
  cmp -s out plain || fail 'predictions differ with --no-header'
  { echo 'film;who' && sed -E 's/^([^,]*),(.*)$/\2;\1/' plain.csv; } >renamed.csv
  expect 0 predict --model run --separator ';' --columns user=who,item=film renamed.csv
  cmp -s out plain || fail 'predictions differ with columns that are named'
  refuse "user 'nobody' is not in the model" predict --model run --unknown error plain.csv
  for header in item,user 'movie_id,User ID' ItemId,userId; do
    { echo "$header" && sed -E 's/^([^,]*),(.*)$/\2,\1/' plain.csv; } >swapped.csv
    expect 0 predict --model run swapped.csv
    cmp -s out plain || fail "predictions differ with the header $header"
  done
  { printf '\nrating,item,when,user,more\n' && sed -E 's/^([^,]*),(.*)$/3,\2,now,\1,more/' plain.csv; } >among.csv
  expect 0 predict --model run among.csv
  cmp -s out plain || fail 'predictions differ with other columns'
  printf 'item,when,user\ni3,now\n' >short.csv
  refuse 'short.csv:2: 2 columns, at least 3 was expected' predict --model run short.csv
  printf 'user,item\nu1,Heat, The\n' >long.csv
  refuse 'long.csv:2: 3 columns, 2 as in the header was expected' predict --model run long.csv
  printf 'user,film\nu1,i3\n' >half.csv
  refuse "half.csv:1: the header is 'user,film' .*no column is known as the item" predict --model run half.csv
  printf 'rating,movieId\n3,i3\n' >half.csv
  refuse 'half.csv:1: .* no column is known as the user' predict --model run half.csv
  printf 'user,item,movieId\nu1,i3,i4\n' >twice.csv
  refuse "twice.csv:1: columns 2 and 3, 'item' and 'movieid', mean the same" predict --model run twice.csv
  printf 'user1,item3\nu1,i3\n' >numbered.csv
  expect 0 predict --model run numbered.csv
  out_has '^user1,item3,'
}

# A table of one's own by its path: what is understood and done is told, and predict reads ids as training did.
own_ratings() {
  local short=(--train-max-iter 2 --gcn-agg-units 20 --gcn-out-units 8 --threads 2) line
  sed -E '1s/.*/"User-ID";"ISBN";"Book-Rating"/; 2,$s/^(u[0-9]+),([^,]*|"a,b"),([0-9]),0$/"\1"; \2 ;"\3"/' \
    tiny/ratings.csv >books.csv
  sed -n 2p books.csv >>books.csv
  expect 0 train books.csv "${short[@]}" --save-dir books
  for line in '^Columns understood .header, separator ;.:$' '^  user    User-ID      u1$' '^  item    ISBN ' \
    '^books: 80 users, 50 items, [0-9]+ ratings in 5 levels, from books.csv$'; do
    out_has "$line"
  done
  err_has '^gcmc: note: 1 ratings are of pairs that are rated already'
  err_has '^gcmc: note: [0-9]+ ids have blanks around them'
  grep -q '"ratings": *"[^"]*/books.csv"' books/config.json || fail 'config.json does not name the file'
  expect 0 train --config books/config.json --save-dir books_again
  cmp -s books/model/model.safetensors books_again/model/model.safetensors || fail 'a run on a file does not repeat'
  gzip -k books.csv
  for line in './books.csv.gz' '--ratings books.csv' '--data-dir books.csv'; do
    # shellcheck disable=SC2086
    expect 0 train $line "${short[@]}" --silent --save-dir books_other
    cmp -s books/model/users.txt books_other/model/users.txt || fail "train $line has other users"
  done
  "$gcmc" train - "${short[@]}" <tiny/ratings.csv >out 2>err || fail 'ratings from standard input'
  out_has '^ratings: 80 users, 50 items, .* from standard input$'
  expect 0 train tiny "${short[@]}" && out_has '^tiny: .* from tiny/ratings.csv$'
  expect 0 train --data-dir tiny "${short[@]}" && out_has '^tiny: '
  head -n 40 books.csv >half.csv
  expect 0 train books.csv --test-ratings half.csv "${short[@]}" --save-dir half
  err_has 'ratings are left out of training'
  grep -q '"test_ratings": *39,' half/metrics.json || fail 'the test part is not the file'
  refuse 'absent.csv: cannot be opened' train absent.csv
  refuse "unexpected argument 'b.csv'" train books.csv b.csv
  refuse 'named twice' train books.csv --ratings books.csv
  refuse 'leave it out' train books.csv --data-dir tiny
  refuse 'rating_levels' train books.csv --rating-levels deciles
  printf 'u1.0,i3\n"u1.0", i4\n' >fraction.csv
  expect 0 predict --model books fraction.csv
  err_has "the model knows the user of 0 of 2 pairs: it has no 'u1.0', but 'u1': these ids are written with a fraction"
  printf 'item;user\n i3 ;u1\n' >blanks.csv
  expect 0 predict --model books blanks.csv && out_has '^u1,i3,[0-9.]+,$'
  [ ! -s err ] || fail 'predict notes what is right'
  local code=0
  "$gcmc" predict --model books - <tiny >out 2>err || code=$?
  if [ "$code" -eq 0 ] || [ -s out ]; then fail 'a folder as standard input is predicted'; fi
  err_has '^gcmc: standard input: cannot be read: Is a directory$'
}

# Features and a graph of one's own: what became of each column is told, and a file of no use ends nothing.
own_features() {
  awk 'BEGIN { print "item,name,price,kind"; for (i = 1; i <= 49; ++i)
    printf "i%d,thing %d,%d.5,%s\n", i, i, i * i, i % 2 ? "odd" : "even" }' >items.csv
  awk 'BEGIN { print "source\ttarget"; for (u = 1; u <= 80; ++u) printf "u%d\tu%d\n", u, u % 80 + 1 }' >friends.tsv
  local train=(train tiny/ratings.csv --gcn-agg-units 20 --gcn-out-units 8 --threads 2 --train-max-iter 3)
  expect 0 "${train[@]}" --item-features items.csv --user-graph friends.tsv --preset paper --save-dir features
  out_has '^Features of items understood \(items.csv, header, separator ,\):$'
  out_has '^  not used  name   49 distinct values in 49 fields$'
  out_has '^  number    price  1 column$' && out_has '^  category  kind   2 columns$'
  out_has '^Edges of users understood \(friends.tsv, header, separator tab\):$'
  out_has '^  source    source  80 columns, 80 edges$'
  err_has '^gcmc: note: items.csv: 1 of 50 items have no line: their features are zeros$'
  grep -q '"use_one_hot_fea": false' features/config.json || fail 'named features are not used'
  grep -q '"kind": "graph"' features/model/config.json || fail 'the model lacks how features are encoded'
  expect 0 train --config features/config.json --save-dir features_again
  cmp -s features/model/model.safetensors features_again/model/model.safetensors || fail 'features do not repeat'
  # What the file gives of features holds against its own side files, not against those of the command line.
  expect 0 train --config features/config.json --use-one-hot-fea true --save-dir unused
  expect 0 train --config unused/config.json --save-dir unused_again
  cmp -s unused/config.json unused_again/config.json || fail 'features that were left out come back'
  expect 0 train --config unused/config.json --item-features items.csv --save-dir used
  grep -q '"use_one_hot_fea": false' used/config.json || fail 'features of the command line are not used'
  echo '{"preset": "paper", "item_features": "items.csv"}' >by_file.json
  expect 0 "${train[@]}" --config by_file.json --save-dir by_file
  grep -q '"use_one_hot_fea": false' by_file/config.json || fail 'features that a file names are not used'
  expect 0 "${train[@]}" --user-features nowhere.csv
  err_has '^gcmc: note: nowhere.csv: .*: this file of features is left out$'
}

# What is written to: a file whole or not at all, a link's file, a pipe, a device; a full one is the machine's fault.
outputs() {
  ln -s linked_file link
  : >linked_file
  expect 0 predict --model run --output link plain.csv
  if [ ! -L link ] || ! cmp -s linked_file plain; then fail '--output replaces a link'; fi
  mkfifo pipe
  timeout 20 cat pipe >piped &
  expect 0 predict --model run --output pipe plain.csv
  wait $!
  if [ ! -p pipe ] || ! cmp -s piped plain; then fail '--output replaces a pipe'; fi
  refuse 'tiny: cannot be written: Is a directory' predict --model run --output tiny plain.csv
  { echo first && "$gcmc" predict --model run --output /dev/stdout plain.csv && echo last; } >log 2>err
  { echo first && cat plain && echo last; } | cmp -s log - || fail '--output /dev/stdout replaces what is there'
  "$gcmc" predict --model run --output /dev/fd/7 plain.csv 7>>log 2>err
  { echo first && cat plain && echo last && cat plain; } | cmp -s log - || fail '--output /dev/fd/7 replaces what is there'
  # What a killed command left of this very file goes, and a name may be as long as the system lets it.
  touch .plain_again.gcmc-abcdef .other.gcmc-abcdef
  expect 0 predict --model run --output plain_again plain.csv
  [ ! -e .plain_again.gcmc-abcdef ] || fail 'what a killed command left of a file stays'
  [ -e .other.gcmc-abcdef ] || fail "another file's leftover is taken away"
  expect 0 predict --model run --output "$(printf 'x%.0s' {1..255})" plain.csv
  local code=0 command
  for command in 'predict --model run plain.csv' 'recommend --model run --user u3' 'help train' '--version'; do
    code=0
    # shellcheck disable=SC2086
    "$gcmc" $command >/dev/full 2>err || code=$?
    [ "$code" -eq 1 ] || fail "gcmc $command to a full device: exit $code"
    err_has '^gcmc: standard output cannot be written$'
  done
  # Where root could replace the system's device, one of our own.
  local full=/dev/full
  [ ! -w /dev ] || full=full
  [ -c "$full" ] || mknod full c 1 7 2>>err || return 0
  refuse_with 1 "$full: cannot be written: No space left on device" predict --model run --output "$full" plain.csv
  [ -c "$full" ] || fail '--output replaces a device'
}

recommend() {
  refuse 'standard input, which can be read once' recommend --model run --users - --only -
  refuse "'-1' is not a whole number from 0 on" recommend --model run --user u3 --min-ratings -1
  refuse 'a value is written --user=--u3' recommend --model run --user --u3
  expect 0 recommend --model run --user=--u3 && err_has "user '--u3' is not in the model"
  printf 'u3\nu9\n' >users.txt
  expect 0 recommend --model run --users users.txt --top 2
  cp out by_users
  expect 0 recommend --model run --user u3 --user u9 --top 2
  cmp -s out by_users || fail 'users of a file have other recommendations'
  expect 0 recommend --model run --user u3 --top 7
  [ "$(head -n 1 out)" = 'item,rating,note' ] || fail 'header of recommendations'
  [ "$(wc -l <out)" -eq 8 ] || fail 'not seven recommendations'
  tail -n +2 out | sed 's/,$//; s/.*,//' | sort -rnc 2>>err || fail 'recommendations do not descend'
  expect 0 recommend --model run --user u3 --top 1000
  [ "$(wc -l <out)" -le 51 ] || fail 'more recommendations than items'
  # Without a test split the model knows every rating, and recommends exactly the other items.
  expect 0 train "${small[@]}" --train-max-iter 2 --data-test-ratio 0 --save-dir whole
  tail -n 1 out | grep -qE '^Best Iter Idx=[0-9]+, Best Valid RMSE=[0-9.]+$' || fail 'last line without a test split'
  expect 0 recommend --model whole --user u3 --top 1000
  { tail -n +2 out | sed 's/,[^,]*,$//'; sed -n 's/^u3,\(.*\),[0-9],0$/\1/p' tiny/ratings.csv; } | sort >both
  tail -n +2 tiny/ratings.csv | sed 's/^[^,]*,\(.*\),[0-9],0$/\1/' | sort -u >items
  cmp -s both items || fail 'recommended and rated items are not all items, once each'
  # The test part's ratings are the user's, too.
  expect 0 recommend --model run --user u3 --top 1000
  { tail -n +2 out | sed 's/,[^,]*,$//'; sed -n 's/^u3,\(.*\),[0-9],0$/\1/p' tiny/ratings.csv; } | sort >both
  cmp -s both items || fail 'an item that the user has rated is recommended'
  expect 0 recommend --model run --user u3 --user nobody --top 2
  [ "$(head -n 1 out)" = 'user,item,rating,note' ] || fail 'header of recommendations to two'
  out_has '^nobody,i[0-9]+,[1-5][.][0-9]+,unknown user$'
  err_has "note: user 'nobody' is not in the model"
  refuse "user 'nobody' is not in the model, whose ids are in users.txt: 'u1', for instance" \
    recommend --model run --user nobody --unknown error
  refuse 'for whom[?] Give one of --user, --users, --all, --new-user and --new-item' recommend --model run
  refuse 'for whom[?]' recommend --model run --all --user u3
  refuse 'similar to what[?]' similar --model run
  refuse "item 'i99' is not in the model" similar --model run --item i99
  refuse 'whose rating[?]' explain --model run --item i3
  refuse "user 'nobody' is not in the model" explain --model run --item i3 --user nobody
  refuse "run had no test part: name a file of ratings" evaluate --model whole
  expect 0 evaluate --model run --svg evaluation.svg --output evaluation.json
  [ ! -s out ] || fail 'evaluate --output still prints'
  grep -q '<svg' evaluation.svg && grep -q '"ndcg"' evaluation.json || fail 'evaluate does not write its files'
  expect 0 evaluate --model run && out_has '^  model +[0-9.]+' && out_has '^  popularity '
  if grep -q 'trained on' out; then fail 'test ratings are said to be trained on'; fi
  expect 0 evaluate --model whole tiny/ratings.csv
  out_has "^$(($(wc -l <tiny/ratings.csv) - 1)) pairs, $(($(wc -l <tiny/ratings.csv) - 1)) of them ratings that the model was trained on"
  expect 0 evaluate --model run --relevant 99 && out_has '^Nothing is ranked: .* rated 99[.0]* or more$'
  expect 0 evaluate --model run --no-ranking
  refuse 'both be standard output' evaluate --model run --svg - --output -
  if grep -q 'ranked' out; then fail 'what is not to be ranked is'; fi
  refuse '--relevant is a rating' evaluate --model run --relevant nan
  expect 0 recommend --model run --user u3
  cp out whole_answer
  rm -rf slim
  local precision
  for precision in bf16 int8; do
    expect 0 export --model run --precision $precision $precision
    expect 0 evaluate --model $precision
  done
  expect 0 export --model run parents/of/it && [ -s parents/of/it/model.safetensors ] || fail 'export makes no parents'
  expect 0 export --model run --slim slim && out_has '^slim: [0-9.]+ MB of [0-9.]+ MB of numbers$'
  if grep -q 'encoder' slim/model.safetensors; then fail 'a slim model has an encoder'; fi
  expect 0 recommend --model slim --user u3
  cmp -s out whole_answer || fail 'a slim model answers otherwise'
  refuse 'exported slim' explain --model slim --user u3 --item i3
  refuse 'run/model is the model itself' export --model run run/model
  expect 0 info run && out_has '^data set +tiny$' && out_has '^  gcn_agg_units +20$'
  printf 'userId,itemId,rating\n' >cold.csv
  awk 'BEGIN { for (u = 1; u <= 40; ++u) for (i = 1; i <= (u > 20 ? 1 : 6); ++i) print "u" u ",i" i ",4" }' >>cold.csv
  expect 0 train cold.csv --gcn-agg-units 20 --gcn-out-units 8 --train-max-iter 2 --save-dir cold
  expect 0 predict --model cold cold.csv
  out_has ',no ratings in training [(]user[)]$'
  refuse 'threads.*1025.*0.*1024' recommend --model run --user u3 --threads 1025
  refuse 'threads.*-1.*0.*1024' predict --model run --threads -1 plain.csv
  refuse 'top' recommend --model run --user u3 --top 0
}

# --device 0 trains on a CUDA device, or says in one line why not and leaves nothing; auto then takes the CPU, and says so.
device() {
  local first=(train "${small[@]}" --train-max-iter 2)
  if "$gcmc" "${first[@]}" --device 0 --save-dir on_device >out 2>err </dev/null; then
    echo 'on a CUDA device'
    grep -q '"backend": *"cuda-0 ' on_device/metrics.json || fail 'the device has not trained'
    refuse_with 1 'there is no device 1000: this machine has ' "${first[@]}" --device 1000
    return
  fi
  refuse_with 1 '^gcmc: cuda: .* \(--device cpu\)$' "${first[@]}" --device 0 --save-dir on_device
  [ ! -e on_device ] || fail 'a refused device leaves a folder'
  expect 0 "${first[@]}" --device auto --save-dir on_either
  err_has '^gcmc: note: --device auto takes the CPU \(cuda: .*\)$'
  [ "$(wc -l <err)" -eq 1 ] || fail 'not one line on standard error'
  grep -q '"backend": *"cpu' on_either/metrics.json || fail 'auto has not trained on the CPU'
  refuse 'device' "${first[@]}" --device gpu
}

# A signal ends training after the running iteration, and everything is written.
signal() {
  local code=0
  : >out  # not the last command's, should the child be late
  "$gcmc" train "${small[@]}" --train-max-iter 100000000 --train-decay-patience 100000000 --save-dir stopped \
    >out 2>err &
  local child=$! tries=0
  until grep -q '^Iter=' out || [ $((tries += 1)) -gt 300 ]; do sleep 0.1; done
  kill -"$1" "$child"
  wait "$child" || code=$?
  [ "$code" -eq 0 ] || fail "SIG$1: exit $code"
  err_has 'stopped by a signal after iteration [0-9]+'
  tail -n 1 out | grep -q '^Best Iter Idx=' || fail "SIG$1: no last line"
  has_run stopped
  grep -q '"stopped": *true' stopped/metrics.json || fail "SIG$1: metrics.json does not say so"
  rm -rf stopped
}

# What ends a run is asked for twice, by a hang-up or by a pipe that nobody reads: all is saved.
endless=(train "${small[@]}" --train-max-iter 100000000 --train-decay-patience 100000000)
# end_of NAME CODE: the run that ended with CODE saved everything to NAME.
end_of() {
  [ "$2" -eq "$3" ] || fail "$1: exit $2, not $3"
  has_run "$1"
  grep -q '"stopped": *true' "$1/metrics.json" || fail "$1: metrics.json does not say that it was stopped"
}
ends() {
  local code=0
  timeout --preserve-status 1 "$gcmc" "${endless[@]}" --save-dir twice >out 2>err || code=$?
  end_of twice "$code" 0
  signal HUP
  code=0
  { "$gcmc" "${endless[@]}" --save-dir headed 2>err || echo $? >code; } | head -n 3 >out
  end_of headed "$(cat code)" 1
  err_has '^gcmc: standard output cannot be written$'
  # Streams that are closed: what is printed goes nowhere, least of all into a file of the run or the program's own pipe.
  code=0
  "$gcmc" train "${small[@]}" --train-max-iter 4 --save-dir closed <&- >&- 2>err || code=$?
  [ "$code" -eq 0 ] || fail "a run with closed streams: exit $code"
  has_run closed
  grep -q '"iterations": *4' closed/metrics.json || fail 'a run with closed streams ends early'
  "$gcmc" predict --model closed pairs.csv >&- 2>err && fail 'predictions to a closed stream'
  err_has '^gcmc: standard output cannot be written$'
}

# Two runs into one folder, folders that cannot be saved to, and an older run: told before anything is trained.
save_folders() {
  local child tries=0 run_config=stopped_first/config.json
  "$gcmc" "${endless[@]}" --save-dir stopped_first >first_out 2>&1 &
  child=$!
  until grep -qs '^Iter=' first_out || [ $((tries += 1)) -gt 300 ]; do sleep 0.1; done
  refuse "stopped_first: a run saves to it [(]process $child on " train "${small[@]}" --save-dir stopped_first
  kill -TERM "$child"
  wait "$child"
  has_run stopped_first
  [ ! -e stopped_first/.gcmc-lock ] || fail 'a lock is left'
  # An older program wrote save_dir into config.json.
  sed -i "s/^{/{ \"save_dir\": \"stopped_first\",/; s/100000000/3/" "$run_config"
  refuse 'config.json: its save_dir is the folder that it lies in' train --config "$run_config"
  expect 0 train --config "$run_config" --save-dir stopped_first
  if grep -q save_dir "$run_config"; then fail 'config.json says where it was saved'; fi
  mkdir -p other/model other_config linked/model other_figures
  echo mine >other/model/notes.txt
  refuse 'other/model: holds notes.txt, which is not of a saved model' train "${small[@]}" --save-dir other
  echo '{"port": 80}' >other_config/config.json
  refuse 'other_config/config.json: is not of a run' train "${small[@]}" --save-dir other_config
  echo '{}' >other_figures/metrics.json
  refuse 'other_figures/metrics.json: is there without' train "${small[@]}" --save-dir other_figures
  ln -s nowhere linked/config.json
  refuse 'linked/config.json: is no file' train "${small[@]}" --save-dir linked
  rm -r linked/config.json linked/model
  ln -s nowhere linked/model
  refuse 'linked/model: is there and is not a folder' train "${small[@]}" --save-dir linked
  local latin
  latin=$(printf 'caf\351')
  cp -r tiny "$latin"
  expect 2 train "${small[@]}" --data-dir "$latin" --save-dir latin
  err_has 'options cannot be written as JSON'
  if grep -q '^Iter' out; then fail 'a name that cannot be written is told after training'; fi
  # Where links lead is not written to.
  echo precious >precious
  mkdir -p planted
  for name in config.json.tmp config.json.new model.tmp; do ln -s ../precious "planted/$name"; done
  expect 0 train "${small[@]}" --train-max-iter 2 --save-dir planted
  [ "$(cat precious)" = precious ] || fail 'a planted link was followed'
}

# No figure is invented where nothing is tested, and figures have the digits of the ratings' scale.
figures() {
  local name
  expect 0 train "${small[@]}" --train-max-iter 2 --data-test-ratio 0 --save-dir untested
  for name in best_test_rmse best_test_mae best_test_loss best_test_accuracy baseline_test_rmse; do
    grep -q "\"$name\": *null" untested/metrics.json || fail "$name is told though nothing is tested"
  done
  if grep -q '"best_test' untested/model/config.json; then fail 'the model has a test figure'; fi
  awk -F, -v OFS=, 'NR > 1 { $3 = $3 / 10000 } 1' tiny/ratings.csv | grep -v '"' >milli.csv
  expect 0 train milli.csv --gcn-agg-units 20 --gcn-out-units 8 --threads 2 --train-max-iter 2 --save-dir milli
  out_has '^Best Iter Idx=.*Best Test RMSE=0[.]000[1-9][0-9]{3}$'
  printf 'u1,i3\n' >one.csv
  expect 0 predict --model milli one.csv
  out_has '^u1,i3,0[.]000[0-9]{6},$'
}

# A training that cannot fit is told before it begins, with what would make it fit.
too_large() {
  local code=0
  if [ -n "$sanitized" ]; then
    echo 'skipped: a training that cannot fit: sanitizers take more addresses than that'
    return
  fi
  awk 'BEGIN { srand(1); print "userId,itemId,rating"
    for (n = 0; n < 20000; ++n) print int(rand() * 2000) "," int(rand() * 2000) "," 1 + int(rand() * 100) }' >large.csv
  (ulimit -v 1500000 && exec "$gcmc" train large.csv --threads 1 --train-max-iter 2 >out 2>err) || code=$?
  [ "$code" -eq 2 ] || fail "a training that cannot fit: exit $code"
  err_has '^gcmc: training takes [0-9.]+ GB of memory at least, and there are [0-9.]+ GB: .*--gcn-agg-units'
  code=0
  (ulimit -v 1500000 && exec "$gcmc" train large.csv --device auto --gcn-agg-units 3000 >out 2>err) || code=$?
  [ "$code" -eq 2 ] || fail "a training that cannot fit before a device has it: exit $code"
  err_has '^gcmc: training takes [0-9.]+ GB .* drawn here before a device has them'
  too_large_search 1 '500,100' 'trial [12], gcn_agg_units=500: training takes [0-9.]+ GB .* levels of 500 units each'
  too_large_search 2 '130,131' '2 trainings side by side take [0-9.]+ GB .*, or by fewer --threads$'
}
too_large_search() {
  local code=0
  (ulimit -v 1500000 && exec "$gcmc" tune large.csv --threads "$1" --train-max-iter 2 --search "gcn_agg_units=$2" \
    --save-dir too_large >out 2>err) || code=$?
  [ "$code" -eq 2 ] || fail "a search that cannot fit: exit $code"
  err_has "^gcmc: $3"
  if [ -e too_large/results.csv ]; then fail 'a search that cannot fit has begun'; fi
}

# A full disk: a run that cannot be written leaves an older one as it was, to the byte.
full_disk() {
  local code blocks message
  local large=(train "${small[@]}" --gcn-agg-units 400 --train-max-iter 3 --save-dir kept)
  expect 0 "${large[@]}"
  cp -r kept before
  for blocks in 0 100; do
    code=0
    message=$(
      trap '' XFSZ # then a write beyond the limit fails, as on a full disk
      ulimit -f "$blocks"
      "$gcmc" "${large[@]}" --seed 7 2>&1
    ) || code=$?
    [ "$code" -eq 1 ] || fail "a disk full at $blocks blocks: exit $code"
    grep -q '^gcmc: .*kept/.*: cannot be written: File too large$' <<<"$message" ||
      fail "a disk full at $blocks blocks: no message"
    [ "$blocks" -eq 0 ] || grep -q '^Best Iter Idx=.*Best Test RMSE=' <<<"$message" ||
      fail "a disk full at $blocks blocks: no figures"
    diff -r kept before || fail "a disk full at $blocks blocks: the older run is not as it was"
  done
}

# What a run leaves at its start, and what it says where it will leave nothing.
start() {
  expect 0 train "${small[@]}" --train-max-iter 2
  err_has '^gcmc: note: nothing of this run will be kept: --save-dir DIR keeps the model and its figures$'
  expect 0 train "${small[@]}" --train-max-iter 2 --silent
  [ ! -s err ] || fail '--silent says more than the last line'
  expect 0 train "${small[@]:4}" --train-max-iter 2 --silent tiny/ratings.csv
  [ "$(wc -l <out)" -eq 1 ] || fail 'a path behind a boolean option is its value'
  expect 2 train "${small[@]}" --train-optimizer sgd --train-grad-clip 0 --train-lr 1000 --train-max-iter 60 \
    --save-dir failed
  err_has 'training diverged'
  grep -q '"train_lr": *1000' failed/config.json || fail 'a run that fails does not leave its config.json'
}

# A signal while embeddings are averaged, and one in the refit: answered within two seconds, said, and all is written.
# stop_in PHASE PATTERN STOPPING STOPPED options...
stop_in() {
  local phase=$1 pattern=$2 stopping=$3 stopped=$4 code=0 tries=0 begin
  shift 4
  "$gcmc" train "${small[@]}" --embedding-draws 65536 --train-schedule constant "$@" --save-dir "in_$phase" >out 2>err &
  local child=$!
  until grep -q "$pattern" out || [ $((tries += 1)) -gt 1500 ]; do sleep 0.02; done
  begin=$(date +%s%N)
  kill -INT "$child"
  wait "$child" || code=$?
  [ "$code" -eq 0 ] || fail "a signal in the $phase: exit $code"
  [ $(($(date +%s%N) - begin)) -lt 2000000000 ] || fail "a signal in the $phase: no answer within two seconds"
  err_has "^gcmc: stopping: $stopping"
  err_has "^gcmc: stopped by a signal $stopped"
  has_run "in_$phase"
  grep -q '"stopped": *true' "in_$phase/metrics.json" || fail "a signal in the $phase: metrics.json does not say so"
}

stops() {
  stop_in embedding '^Averaging embeddings over 65536' 'no more draws: .* is tested and saved' \
    'while embeddings were averaged: they are those of one pass$' --train-max-iter 5
  # Steps so small that each lowers the validation error: the refit is as long as the training.
  stop_in refit '^Refit Iter=2,' 'the refit is given up' 'in the refit: the model is that of the first training$' \
    --train-max-iter 20000 --train-lr 1e-6 --train-valid-interval 100 --embedding-draws 0 --refit
}

# Made-up ratings never pass for a set that was asked for by name, and are called by theirs where nobody asked.
stand_in() {
  local why='ml-100k cannot be had: .* or ask for synthetic-100k' short=(--train-max-iter 1 --gcn-agg-units 10)
  echo '{"data_name": "ml-100k"}' >named.json
  refuse "$why" train "${short[@]}" --data-name ml-100k --save-dir made_up
  refuse "$why" train "${short[@]}" --config named.json
  refuse "$why" train "${short[@]}" --split u1
  refuse "$why" tune "${short[@]}" --rungs 1 --trials 1 --data-name ml-100k --search gcn_dropout=0.1,0.2 --save-dir made_up
  expect 0 train "${short[@]}" --save-dir made_up
  err_has '^gcmc: note: ml-100k cannot be had .* made-up ratings of synthetic-100k'
  out_has '^synthetic-100k: '
  grep -q '"dataset": *"synthetic-100k"' made_up/metrics.json || fail 'metrics.json names another set'
  grep -q '"data_name": *"synthetic-100k"' made_up/config.json || fail 'config.json names another set'
  grep -q '"dataset": *"synthetic-100k"' made_up/model/config.json || fail 'the model names another set'
  expect 0 train --config made_up/config.json --save-dir made_again
  if grep -q 'cannot be had' err; then fail 'a run on made-up ratings asks for others when it is repeated'; fi
  cmp -s made_up/model/model.safetensors made_again/model/model.safetensors || fail 'a run on made-up ratings differs'
}

# Ratings with times, of 30 users and 40 items.
awk 'BEGIN { print "user,item,rating,time"
  for (u = 1; u <= 30; ++u) for (i = 1; i <= 40; ++i) if ((u * 7 + i * 3) % 10 < 6)
    printf "u%d,i%d,%d,%d\n", u, i, 1 + (u + i + u * i % 3) % 5, (u * 131 + i * 57) % 100 + 1e9 }' >timed.csv
quick=(--gcn-agg-units 20 --gcn-out-units 8 --threads 1 --train-max-iter 3)
same_model() { cmp -s "$1/model/model.safetensors" "$2/model/model.safetensors" || fail "$3"; }

data_commands() {
  local command split next
  for command in inspect convert split generate; do
    expect 0 help data "$command" && out_has '^Examples?:$'
    if grep -E '^.{101}' out; then fail "a line of gcmc help data $command is wider than 100 columns"; fi
  done
  refuse 'did you mean inspect' data inspct timed.csv
  refuse 'unknown option --svgg: did you mean --svg' data inspect timed.csv --svgg x
  refuse 'A subcommand is required' data
  refuse 'nowhere.csv' data inspect nowhere.csv
  expect 0 data inspect timed.csv --svg timed.svg
  out_has '^timed: 30 users, 40 items, 720 ratings in 5 levels$' && out_has '^  time    time    1000000088$'
  out_has '^2001-09-09 01:46:40 to 2001-09-09 01:48:19$' && out_has '^ +1 +[0-9]+ +[0-9.]+ % +#+$'
  grep -q '^<svg ' timed.svg || fail 'inspect writes no picture'
  "$gcmc" data inspect - --json <timed.csv | grep -q '"ratings": 720,' || fail 'inspect reads no standard input'
  expect 0 data inspect timed.csv --json && out_has '"ratings": 720,' && out_has '"first_time": "2001-09-09 01:46:40"'
  printf 'user,item,rating\na,x,1\na,x,2\nb,y,99\nb,x,3\n' >odd.csv
  expect 0 data inspect odd.csv && out_has '^note: 1 ratings are of pairs' && out_has '^note: 1 of the ratings are 99'
  refuse 'neither in .csv .* nor in .gcmc' data convert timed.csv timed.txt
  expect 0 data convert timed.csv timed.gcmc
  expect 0 data convert timed.gcmc again.csv
  cmp -s timed.csv again.csv || fail 'a table that went through the binary form is another'
  expect 0 data convert timed.gcmc -
  cmp -s timed.csv out || fail 'convert to standard output is another table'
  awk -F, 'BEGIN { print "item,title,kind" } NR > 1 && !seen[$2]++ { print $2 ",Title of " $2 "," NR % 3 "|" NR % 2 }' \
    timed.csv >titled.csv
  expect 0 data convert timed.csv --item-features titled.csv titled.gcmc
  expect 0 train timed.csv --item-features titled.csv "${quick[@]}" --save-dir text_run
  expect 0 train titled.gcmc "${quick[@]}" --save-dir binary_run
  same_model text_run binary_run 'the binary form lacks features'
  cmp -s text_run/model/titles.txt binary_run/model/titles.txt || fail 'the binary form lacks titles'
  for split in random time time-per-user leave-1-out leave-3-out; do
    expect 0 train timed.csv --split $split "${quick[@]}" --save-dir text_run
    expect 0 train timed.gcmc --split $split "${quick[@]}" --save-dir binary_run
    same_model text_run binary_run "$split: the binary form trains to other bits"
    expect 0 data split timed.csv --split $split "parts_$split"
    out_has "^gcmc train parts_$split/train.csv --valid-ratings parts_$split/valid.csv --test-ratings parts_$split/test.csv$"
    read -ra next < <(tail -n 1 out)
    expect 0 "${next[@]:1}" "${quick[@]}" --save-dir parts_run
    same_model text_run parts_run "$split: the parts in files train to other bits"
  done
  [ "$(wc -l <parts_leave-3-out/test.csv)" -eq 91 ] || fail 'leave-3-out does not test 3 ratings of each user'
  cut -d, -f1-3 timed.csv >untimed.csv
  refuse 'untimed.csv: no column is known as the time.* columns time=NAME' train untimed.csv --split time "${quick[@]}"
  expect 0 train untimed.csv --split leave-1-out "${quick[@]}"
  sed '1!s/$/,7/; 1s/$/,time/' untimed.csv >same_time.csv
  expect 0 train same_time.csv --split time "${quick[@]}"
  err_has 'all ratings have the same time: they are split by the order of their lines$'
  refuse 'test-ratings and --split time both say what is held out' train timed.csv --split time --test-ratings parts_time/test.csv "${quick[@]}"
  refuse 'test-predictions needs --save-dir' train timed.csv --test-predictions "${quick[@]}"
  expect 0 train timed.csv --test-predictions --save-dir told "${quick[@]}"
  [ "$(head -n 1 told/test_predictions.csv)" = user,item,rating,prediction ] || fail 'no test_predictions.csv'
  expect 0 train timed.csv --save-dir told "${quick[@]}"
  [ ! -e told/test_predictions.csv ] || fail 'predictions of an earlier model are left'
  refuse 'valid-ratings and --folds' train timed.csv --folds 3 --valid-ratings parts_time/valid.csv "${quick[@]}"
  expect 0 train parts_time/train.csv --valid-ratings parts_time/valid.csv "${quick[@]}"
  out_has 'Best Valid RMSE=[0-9.]*$'
  expect 0 data generate --users 30 --items 20 --ratings 200 --seed 1 made.csv
  out_has '^made.csv: 200 ratings, '
  [ "$(wc -l <made.csv)" -eq 201 ] || fail 'generate does not write so many ratings'
  expect 0 data generate --users 30 --items 20 --ratings 200 --seed 1 -
  cmp -s out made.csv || fail 'a seed does not generate the same ratings'
  expect 0 data generate synthetic-100k made.gcmc && expect 0 data inspect made.gcmc
  out_has '^synthetic-100k: 943 users, 1,682 items, 100,000 ratings in 5 levels$'
  expect 0 data generate --users 30 --items 20 --ratings 200 made.gcmc && expect 0 data inspect made.gcmc
  out_has '^synthetic: 30 users, '
  "$gcmc" data inspect - <made.gcmc >out 2>err && fail 'the binary form is read from a pipe'
  err_has 'binary form of ratings, which must be a plain file'
  refuse 'unknown option --ratings.*gcmc data inspect --help' data inspect made.gcmc --ratings untimed.csv
  refuse 'seed' data generate --seed -1 none.csv
  refuse 'users [*] items / 2' data generate --users 3 --items 2 --ratings 200 none.csv
  [ ! -e none.csv ] || fail 'a refused generate left a file'
}

# Each fold's figures, their mean and deviation, and no model; a fold again by its config.json.
cross_validation() {
  local fold printed
  expect 0 train timed.csv --folds 3 "${quick[@]}" --save-dir folds
  tail -n 1 out | grep -qE \
    '^Best Iter Idx=[0-9]+, Best Valid RMSE=[0-9.]+, Best Test RMSE=[0-9.]+, deviation=[0-9.]+, folds=3$' || fail 'last line'
  out_has '^Fold=3, Best Iter Idx=' && out_has '^Written to folds: figures, and no model'
  for fold in 1 2 3; do [ -s folds/fold-$fold/curve.svg ] || fail "folds/fold-$fold is not whole"; done
  [ ! -e folds/model ] || fail 'a cross-validation saves a model'
  grep -q '"test_rmse_deviation": 0\.' folds/metrics.json || fail 'metrics.json has no deviation'
  expect 0 train --config folds/fold-2/config.json --save-dir fold
  grep -o '"best_test_rmse": [0-9.]*' fold/metrics.json >figure
  grep -qF "$(cat figure)" folds/fold-2/metrics.json || fail 'a fold does not repeat by its config.json'
  has_run fold
  # An older run's model goes with its figures, and the folds go where a run comes.
  expect 0 train timed.csv --folds 2 "${quick[@]}" --save-dir fold
  if [ -e fold/model ] || [ ! -e fold/fold-2 ]; then fail 'folds in place of a run are not alone'; fi
  expect 0 train timed.csv "${quick[@]}" --save-dir folds
  has_run folds
  [ ! -e folds/fold-1 ] || fail 'a run in place of folds is not alone'
  refuse 'leave out one of them' train timed.csv --folds 3 --seeds 2 "${quick[@]}"
  refuse 'leave out one of them' train timed.csv --folds 3 --split time "${quick[@]}"
  head -n 3 timed.csv >two.csv
  expect 2 train two.csv --folds 3 "${quick[@]}" && err_has 'at most as many folds as ratings'
  refuse 'leave out one of them' train timed.csv --folds 3 --test-ratings parts_time/test.csv "${quick[@]}"
  # Stopped by a signal, the folds that are complete are kept; a run that saves there is refused meanwhile.
  "$gcmc" train timed.csv --folds 500 "${quick[@]}" --save-dir halted_folds >out 2>err &
  local child=$! tries=0 code=0
  until grep -q '^Fold [5-9] of 500' out || [ $((tries += 1)) -gt 600 ]; do sleep 0.05; done
  "$gcmc" train timed.csv "${quick[@]}" --save-dir halted_folds 2>refusal >/dev/null
  grep -q 'halted_folds: a run saves to it' refusal || fail 'two runs save to one folder'
  kill -TERM "$child"
  wait "$child" || code=$?
  [ "$code" -eq 0 ] || fail "stopped folds: exit $code"
  err_has 'stopped by a signal: [0-9]+ of 500 folds are kept' && out_has ', folds=[0-9]+$'
  grep -q '"stopped": true' halted_folds/metrics.json || fail 'metrics.json does not say that folds are missing'
  [ -s halted_folds/fold-4/metrics.json ] || fail 'a complete fold is not kept'
  # A set that has its folds in files is tested on these.
  mkdir -p hundred
  awk -F, 'NR > 1 { gsub("[ui]", ""); printf "%d\t%d\t%d\t%d\n", $1, $2, $3, $4 }' timed.csv >hundred/u.data
  for fold in 1 2 3 4 5; do
    awk -v k=$fold 'NR % 5 == k - 1' hundred/u.data >hundred/u$fold.test
    awk -v k=$fold 'NR % 5 != k - 1' hundred/u.data >hundred/u$fold.base
  done
  expect 0 train hundred --folds 5 "${quick[@]}" --save-dir ready
  cp out ready_out
  expect 0 train hundred --split u2 "${quick[@]}" --silent
  grep -qF "Fold=2, $(cat out)" ready_out || fail 'fold 2 of ml-100k is not u2'
  expect 0 train --config ready/fold-2/config.json --silent
  [ ! -s err ] || fail 'a fold that repeats has other ratings'
  grep -qF "Fold=2, $(cat out)" ready_out || fail 'fold 2 of ml-100k does not repeat'
  refuse 'give --split u2' train hundred --folds 5 --fold 2 "${quick[@]}"
  refuse 'ready/config.json: is of a run, whose model would be in model/' info ready
  expect 0 train hundred --folds 5 --split random "${quick[@]}"
  if cmp -s out ready_out; then fail 'random folds of ml-100k are its own'; fi
  refuse 'leave out --folds' train timed.csv --folds 3 --resume --save-dir resumed_folds "${quick[@]}"
  refuse 'leave out folds' tune timed.csv --folds 3 --search gcn_dropout=0.1,0.2 --save-dir tuned_folds
  expect 0 data split timed.csv --folds 3 parts_folds
  [ "$(tail -qn +2 parts_folds/fold-*/test.csv | sort | cksum)" = "$(tail -n +2 timed.csv | sort | cksum)" ] ||
    fail 'the folds do not test every rating once'
  refuse 'parts_folds/fold-3: is there, and this split has no such fold' data split timed.csv --folds 2 parts_folds
  expect 0 data split timed.csv --folds 3 --fold 2 parts_fold
  [ "$(echo parts_fold/*)" = parts_fold/fold-2 ] || fail 'other folds than the one asked for are written'
  expect 0 data split timed.csv --data-valid-ratio 0 parts_fold/fold-2
  [ ! -e parts_fold/fold-2/valid.csv ] || fail 'a part of an older split is left'
  # An older split is taken away first, and nobody else's file with it.
  expect 0 data split timed.csv --seed 1 disk_parts
  (ulimit -f 4 && trap '' XFSZ && "$gcmc" data split timed.csv --seed 2 disk_parts >out 2>err) && fail 'a full disk is none'
  [ ! -e disk_parts/test.csv ] || fail 'parts of two splits lie side by side'
  mkdir -p foreign && echo 'my,own,columns' >foreign/valid.csv
  refuse 'foreign/valid.csv: is there, and is no part that gcmc wrote' data split timed.csv foreign
  [ "$(ls foreign)" = valid.csv ] || fail 'a refused split leaves parts'
  refuse 'timed.csv: is, or lies in, what is read' data convert timed.csv timed.csv
  mkdir -p own_parts && cp timed.csv own_parts/train.csv
  printf 'item,genre\n1,a\n' | tee genres.csv >genres_before.csv
  refuse 'own_parts/later.csv: is, or lies in, what is read' data convert own_parts own_parts/later.csv
  refuse 'genres.csv: is, or lies in, what is read' data convert timed.csv --item-features genres.csv genres.csv
  cmp -s genres.csv genres_before.csv || fail 'a refused conversion replaced its features'
  refuse 'leave it out where the ratings have a path' data inspect timed.csv --data-dir .
  refuse 'ends neither in .csv' data convert nowhere.csv out.txt
  refuse 'ends neither in .csv' data generate synthetic-10m out.txt
  cp parts_fold/fold-2/train.csv whole.csv
  refuse 'train.csv: is, or lies in, what is read' data split parts_fold/fold-2/train.csv parts_fold/fold-2
  mkdir -p own && cp timed.csv own/train.csv
  refuse 'own/train.csv: is, or lies in, what is read' data split own own
  cmp -s timed.csv own/train.csv || fail 'a refused split changed what it was to split'
  cmp -s whole.csv parts_fold/fold-2/train.csv || fail 'a split replaced its own input'
  expect 0 data split timed.csv --data-valid-ratio 0 "it's parts"
  out_has "^gcmc train 'it'.''s parts/train.csv' --data-valid-ratio 0 .*--test-ratings 'it'.''s parts/test.csv'\$"
  printed=$(tail -n 1 out)
  eval "\"$gcmc\" ${printed#gcmc} ${quick[*]} --silent" >printed_out
  expect 0 train timed.csv --data-valid-ratio 0 --train-selection last --train-schedule constant "${quick[@]}" --silent
  cmp -s out printed_out || fail 'the command that a split prints trains on another one'
  refuse 'name them by their path' train --continue kept "${quick[@]}"
  refuse 'unknown option --test-predictions' tune timed.csv --test-predictions
}

# config.json leads to the same ratings from any folder, and says when they are others.
recorded() {
  mkdir -p deep/place
  sed -n '1,$p' timed.csv >deep/place/mine.csv
  (cd deep && "$gcmc" train place/mine.csv --test-ratings ../parts_time/test.csv "${quick[@]}" --save-dir ../kept >/dev/null 2>&1) ||
    fail 'a run in another folder'
  grep -q "\"ratings\": \"$PWD/deep/place/mine.csv\"" kept/config.json || fail 'config.json has no whole path'
  grep -q "\"test_ratings\": \"$PWD/parts_time/test.csv\"" kept/config.json || fail 'config.json has no whole path'
  grep -q '"held_out": [1-9]' kept/metrics.json || fail 'metrics.json has no count of ratings that are held out'
  (cd / && "$gcmc" train --config "$work/kept/config.json" --save-dir "$work/kept_again" >/dev/null 2>"$work/err") ||
    fail 'a run does not repeat from another folder'
  if grep -q 'other ratings' err; then fail 'a run that repeats has other ratings'; fi
  same_model kept kept_again 'a run does not repeat from another folder to the same bits'
  echo 'u1,new,3,5' >>deep/place/mine.csv
  expect 0 train --config kept/config.json
  err_has 'note: these are other ratings than those of the run that is repeated: [0-9]+ bytes in .*mine.csv then'
  # A set by name is found again where it was, until another is asked for.
  mkdir -p sets && cp -r tiny sets/other
  GCMC_DATA_DIR=$work/sets "$gcmc" train --data-name other "${quick[@]}" --save-dir named >/dev/null 2>err || fail 'a set by name'
  expect 0 train --config named/config.json --save-dir named_again
  expect 0 train --config named/config.json timed.csv --save-dir renamed
  grep -q '"dataset": "timed"' renamed/metrics.json || fail "another file's ratings have the name of the file of options"
  same_model named named_again 'a set by name does not repeat from its place'
  expect 2 train --config named/config.json --data-name another
}

# On a terminal one line is rewritten, no wider than it is; time left counts the draws that are to come.
terminal() {
  local command
  command=$(printf '%q ' timeout --foreground -s INT 1 "$gcmc" train "${small[@]}" --train-max-iter 20 --embedding-draws 65536)
  TERM=xterm script -qec "stty cols 70; $command" /dev/null </dev/null 2>err | tr '\r' '\n' >out
  out_has '^.\[K1/20  at most (0:0[1-9]|0:[1-9]|[1-9])[0-9:]* left  Val RMSE '
  out_has 'averaging embeddings: draw [0-9]+/65536  [0-9]+:[0-9][0-9] left$'
  out_has '^.\[Kgcmc: stopping: no more draws'
  if sed 's/^.\[K//' out | grep '^[0-9]*/20 ' | grep -E '.{70}'; then fail 'a rewritten line is wider than the terminal'; fi
}

# A stopped run goes on by the same command, to the bits of one that was not stopped; other options are refused.
checkpoints() {
  local long=("${small[@]}" --train-max-iter 2000000 --train-schedule constant --train-log-interval 1000000)
  local short=("${small[@]}" --train-max-iter 30 --checkpoint-interval 0)
  refuse '--resume needs --save-dir' train "${small[@]}" --resume
  mkdir -p same
  refuse '--checkpoint-dir is the folder of the run' train "${small[@]}" --save-dir same --checkpoint-dir same
  expect 0 train "${short[@]}" --save-dir owned
  refuse 'owned/model: is where checkpoints keep the best' train "${short[@]}" --save-dir same --checkpoint-dir owned
  refuse 'made/model: is where checkpoints keep the best' train "${short[@]}" --save-dir same --checkpoint-dir made \
    --model-dir ./made/model
  refuse '--continue names the model that this run replaces' train "${small[@]}" --continue owned --save-dir same --resume \
    --model-dir owned/model
  refuse '--continue names the model that this run replaces' train "${small[@]}" --continue owned --save-dir same \
    --checkpoint-dir owned
  [ -s owned/model/model.safetensors ] || fail 'a refused run took a model away'
  refuse 'a search goes on by what its folder holds' tune "${small[@]}" --resume --save-dir same --search train_lr=0.1,0.2
  timeout -s TERM 2 "$gcmc" train "${long[@]}" --save-dir cut --resume >out 2>err </dev/null ||
    [ "$?" -eq 124 ] || fail 'a stopped run with checkpoints fails'
  err_has 'after iteration [0-9]+ of 2000000; the same command goes on from there$'
  [ -s cut/checkpoint/checkpoint-1.safetensors ] || fail 'a signal writes no checkpoint'
  refuse 'cut/checkpoint: its checkpoint is of another training: gcn_dropout was 0.7 and now is 0.5' \
    train "${long[@]}" --save-dir cut --resume --gcn-dropout 0.5 --silent
  sed '2s/,[1-5],0$/,5,0/' tiny/ratings.csv >other.csv
  refuse 'checksum of the ratings was [0-9a-f]* and now is [0-9a-f]*: ' \
    train other.csv --data-name tiny "${long[@]:4}" --save-dir cut --resume --silent
  timeout -s INT 4.5 "$gcmc" train "${long[@]}" --train-max-iter 100000000 >out 2>err </dev/null
  err_has 'may take [0-9:]*: with --checkpoint-dir DIR'
  if grep -q 'may take' <<<"$(timeout -s INT 4.5 "$gcmc" train "${long[@]}" --checkpoint-dir other 2>&1)"; then
    fail 'a training with checkpoints is told how to have them'
  fi
  expect 0 train "${short[@]}" --save-dir whole
  (timeout -s KILL 0.15 "$gcmc" train "${short[@]}" --checkpoint-dir places >out 2>err </dev/null) 2>killed
  expect 0 train "${short[@]}" --checkpoint-dir places --save-dir whole2 --threads 1
  cmp -s whole/model/model.safetensors whole2/model/model.safetensors || fail 'a cut run ends with other bits'
  [ -z "$(ls -A places)" ] || fail 'checkpoints are left behind'
  (timeout -s KILL 2 "$gcmc" train "${long[@]}" --checkpoint-interval 0.001 --checkpoint-dir best >out 2>err \
    </dev/null) 2>killed
  expect 0 evaluate --model best --format json
  printf 'user,item\nu1,i3\n' >pair.csv
  expect 0 predict --model best pair.csv
  expect 0 train "${short[@]}" --checkpoint-dir best2
  [ -z "$(ls -A best2)" ] || fail 'the best model so far is left behind'
  local file
  for file in 1 2; do cp cut/checkpoint/checkpoint-1.safetensors "places/checkpoint-$file.safetensors"; done
  truncate -s -1 places/checkpoint-*.safetensors
  refuse 'places: no checkpoint works: .*remove them' train "${long[@]}" --checkpoint-dir places --silent
}

# Yesterday's model, trained on with today's ratings: ids are mapped, options hold.
continued() {
  expect 0 train "${small[@]}" --train-max-iter 40 --gcn-agg-accum stack --seed 9 --save-dir yesterday
  { cat tiny/ratings.csv; printf 'somebody,i3,5,0\nsomebody,i4,2,0\nu1,new,4,0\n'; } | grep -v '^u7,' >today.csv
  expect 0 train today.csv --continue yesterday --train-max-iter 3 --save-dir today
  err_has 'trained on with 1 new and 1 vanished users, 1 new and 0 vanished items$'
  err_has 'the model has seen [0-9]+ of the [0-9]+ validation and [0-9]+ of the [0-9]+ test ratings'
  grep -q '"gcn_agg_units": *20' today/config.json || fail 'the options of the model do not hold'
  grep -q '"train_max_iter": *3' today/config.json || fail 'an option on the command line does not hold'
  grep -q '^somebody$' today/model/users.txt || fail 'a new user is not there'
  sed 's/,5,0$/,6,0/' today.csv >six.csv
  refuse 'value 6, which is none of the model' train six.csv --continue yesterday --silent
  expect 2 train today.csv --continue yesterday --gcn-agg-units 40
  err_has 'encoder.user.weight.*other options.*the saved model has gcn_agg_units 20, '
  refuse 'nowhere' train today.csv --continue nowhere
  refuse '--continue names the model that this run replaces' train today.csv --continue today --save-dir today --resume
}

help_and_version
manual_and_completion
wrong_name
wrong_input
train
precedence
predict
own_ratings
own_features
ensemble
automatic
timed
tune
tune_signal
recommend
device
signal TERM
ends
save_folders
figures
too_large
stops
start
full_disk
stand_in
checkpoints
continued
data_commands
cross_validation
recorded
terminal
[ "$failures" -eq 0 ] && echo 'all as documented'
exit "$((failures > 0))"
