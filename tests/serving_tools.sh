#!/usr/bin/env bash
# gcmc serve under others' tools: bash tests/serving_tools.sh [GCMC] [examples of schemathesis per operation, default 300]
# tritonclient (Open Inference Protocol) must get the bits that gcmc predict prints, as JSON and as binary tensors;
# schemathesis sends what /openapi.json allows and what it does not, and checks every answer. Both come from PyPI.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
gcmc=$(realpath "${1:-$root/build/release/bin/gcmc}")
examples=${2:-300}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet schemathesis 'tritonclient[http]' numpy
"$gcmc" train --data-name synthetic-100k --train-max-iter 5 --silent --save-dir run
"$gcmc" serve --model run --port 0 2>log &
server=$!
for _ in $(seq 300); do
  address=$(sed -n 's/.*listening at \(http:[^ ]*\).*/\1/p' log)
  if [ -n "$address" ] && curl -fs "$address/readyz" >/dev/null; then break; fi
  sleep 0.1
done

venv/bin/python - "$gcmc" "$address" <<'PYTHON'
import csv, io, random, subprocess, sys
import numpy as np
import tritonclient.http as triton

gcmc, address = sys.argv[1:]
draw = random.Random(5)
pairs = [(str(draw.randrange(1, 1000)), str(draw.randrange(1, 1750))) for _ in range(2000)]
printed = subprocess.run([gcmc, "predict", "--model", "run", "--probabilities", "-"], check=True, capture_output=True,
                         text=True, input="".join(f"{u},{i}\n" for u, i in pairs)).stdout
rows = list(csv.DictReader(io.StringIO(printed)))
want = np.array([row["rating"] for row in rows], np.float32)
levels = [name for name in rows[0] if name.startswith("p_")]
chances = np.array([[row[name] for name in levels] for row in rows], np.float32)
client = triton.InferenceServerClient(address.removeprefix("http://"))
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("gcmc")
assert client.get_model_metadata("gcmc")["platform"] == "gcmc"
for binary in (True, False):
    inputs = []
    for name, side in (("user", 0), ("item", 1)):
        inputs.append(triton.InferInput(name, [len(pairs)], "BYTES"))
        inputs[-1].set_data_from_numpy(np.array([pair[side] for pair in pairs], dtype=object), binary_data=binary)
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("rating", "probabilities")]
    answer = client.infer("gcmc", inputs, outputs=outputs)
    assert answer.as_numpy("rating").tobytes() == want.tobytes()
    assert answer.as_numpy("probabilities").tobytes() == chances.tobytes()
    every = client.infer("gcmc", inputs)
    assert every.as_numpy("rating").tobytes() == want.tobytes()
client.load_model("gcmc")
assert client.get_model_repository_index()[0]["state"] == "READY"
try:
    client.infer("none", inputs)
    raise SystemExit("a model that is not there answered")
except triton.InferenceServerException as error:
    assert "none" in str(error)
print(f"tritonclient {triton.__package__}: the bits of gcmc predict, {len(pairs)} pairs, binary and JSON")
PYTHON

venv/bin/schemathesis run "$address/openapi.json" --max-examples "$examples" --exclude-path-regex 'unload' \
  --exclude-checks unsupported_method,positive_data_acceptance --workers 1 --no-color 2>&1 | tail -400
curl -fs "$address/livez"
