#!/usr/bin/env bash
# The page of gcmc serve in a browser, and axe-core: bash tests/serve_page.sh [BUILD FOLDER] [FOLDER FOR SCREENSHOTS]
# A minute or two. Needs chromium, chromium-driver and python3-venv; what tests/serve_page.py takes from PyPI is installed
# into BUILD FOLDER/serve-page. Trains on ml-100k, whose titles the test looks up: from GCMC_DATA_DIR, or downloaded.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "${1:-$root/build/release}" && pwd)
work=$build/serve-page
mkdir -p "$work"
for command in chromium chromedriver; do
  if ! command -v "$command" >/dev/null; then echo "missing: chromium chromium-driver" >&2 && exit 1; fi
done
if [ ! -x "$work/venv/bin/python" ]; then python3 -m venv "$work/venv"; fi
"$work/venv/bin/pip" install --quiet --disable-pip-version-check selenium
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps axe-playwright-python
if [ ! -e "$work/run/model" ]; then
  "$build/bin/gcmc" train --data-name ml-100k --gcn-agg-accum stack --train-max-iter 400 --silent --save-dir "$work/run"
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$build/bin/gcmc" serve --model "$work/run" --port "$port" >"$work/serve.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  if python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null; then break; fi
  if ! kill -0 "$server" 2>/dev/null; then cat "$work/serve.log" >&2 && exit 1; fi
  sleep 0.1
done
"$work/venv/bin/python" "$root/tests/serve_page.py" "http://127.0.0.1:$port" ${2:+"$2"}
