#!/usr/bin/env python3
"""Plays Amazon SageMaker: lays out /opt/ml elsewhere, starts the container's entry point, checks what docs/sagemaker.md says.

    sagemaker.py GCMC [CHECK ...]

Checks are the functions below whose names begin with train_ or serve_; without any, all of them. Needs the standard
library alone.
"""
import faulthandler
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

from made_ratings import write_ratings

faulthandler.dump_traceback_later(600, exit=True)
GCMC = str(Path(sys.argv[1]).resolve())
WORK = Path(tempfile.mkdtemp(prefix="sagemaker-"))
OBJECTIVE = r"Val RMSE=([0-9\.]+)"
LAST = r"Best Iter Idx=[0-9\.]+, Best Valid RMSE=[0-9\.]+, Best Test RMSE=([0-9\.]+)"
SMALL = {"train_max_iter": "6", "gcn_agg_units": "40"}


class Tree:
    """What SageMaker lays out for a job, and what the job leaves."""

    def __init__(self, name, parameters=None, channels=(), **resources):
        self.base = WORK / name
        for folder in ("input/config", "input/data", "model", "output"):
            (self.base / folder).mkdir(parents=True)
        self.write("hyperparameters", parameters or {})
        self.write("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"], **resources})
        self.channels(**{channel: "File" for channel in channels})

    def write(self, name, value):
        (self.base / "input/config" / (name + ".json")).write_text(json.dumps(value))

    def channels(self, **modes):
        self.write("inputdataconfig", {name: {"TrainingInputMode": mode} for name, mode in modes.items()})
        for name in modes:
            (self.base / "input/data" / name).mkdir(exist_ok=True)

    def data(self, channel):
        return self.base / "input/data" / channel

    def environment(self, more):
        return {**os.environ, "SAGEMAKER_BASE_DIR": str(self.base), **more}

    def start(self, mode="train", **more):
        return subprocess.Popen([GCMC, "sagemaker", mode], env=self.environment(more), cwd=WORK, text=True,
                                stdout=subprocess.PIPE, stderr=open(self.base / "stderr", "a"))

    def train(self, code=0, **more):
        process = self.start(**more)
        log = process.communicate(timeout=120)[0]
        errors = (self.base / "stderr").read_text()
        assert (process.returncode == 0) == (code == 0), (process.returncode, errors)
        return log

    def fails(self, *words):
        failure = self.base / "output/failure"
        failure.unlink(missing_ok=True)
        self.train(code=1)
        text = failure.read_bytes()
        assert len(text) < 1024 and all(word in text.decode() for word in words), text
        failure.unlink()

    def model(self):
        """Of each file of the model a digest."""
        files = sorted(path for path in (self.base / "model").rglob("*") if path.is_file())
        assert files, "no model"
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def info(tree):
    result = subprocess.run([GCMC, "info", tree.base / "model"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def parts_of(path):
    """The header of a table, and the lines of its two halves."""
    header, *lines = path.read_text().splitlines(keepends=True)
    return header, lines[::2], lines[1::2]


RATINGS = WORK / "ratings.csv"
write_ratings(RATINGS)


def train_encodings():
    """Raw, JSON within the text, and Python's True give the same job; counts may be written 6.0."""
    models = []
    raw = {"data_name": "synthetic-100k", "train_max_iter": "2", "gcn_agg_units": "40", "train_lr": "0.02", "share_param": "true"}
    spoken = {"data_name": '"synthetic-100k"', "train_max_iter": "2.0", "gcn_agg_units": '"40"', "train_lr": "0.02",
              "share-param": "True", "sagemaker_region": '"x"', "_tuning_objective_metric": "v", "save_dir": "/opt/ml/model/"}
    for k, parameters in enumerate((raw, spoken)):
        tree = Tree(f"encoding-{k}", parameters)
        log = tree.train()
        models.append(tree.model())
    assert models[0] == models[1]
    assert len(re.findall(OBJECTIVE, log)) == 2 and re.findall(LAST, log) and not re.search(r"=(nan|inf)", log), log
    figures = tree.base / "output/data"
    for name in ("config.json", "history.csv", "metrics.json", "curve.svg"):
        assert (figures / name).is_file(), name
    assert not (figures / "model").exists() and not (tree.base / "output/failure").exists()
    tree = Tree("hps", {})
    tree.train(SM_HPS=json.dumps(raw))
    assert tree.model() == models[0]


def train_failures():
    tree = Tree("failures", {"train_max_itr": "5"})
    tree.fails("train_max_itr", "train_max_iter")
    tree.write("hyperparameters", {"train_lr": "fast"})
    tree.fails("train_lr")
    tree.write("hyperparameters", {"ratings": "x.csv"})
    tree.fails("channels")
    tree.write("hyperparameters", {"save_dir": "/elsewhere"})
    tree.fails("save_dir")
    tree.write("hyperparameters", {"data_name": "x" * 3000})
    tree.fails()
    tree.write("hyperparameters", {})
    tree.channels(train="Pipe")
    tree.fails("Pipe", "FastFile")
    tree.channels(train="File")
    tree.fails("train", "holds no file")
    tree.channels(valid="File")
    tree.fails("valid", "validation")
    tree.channels()
    tree.write("resourceconfig", {"hosts": ["algo-1", "algo-2"]})
    tree.fails("2 hosts", "instance")
    (tree.base / "output/failure").write_text("the first reason")
    tree.train(code=1)
    assert (tree.base / "output/failure").read_text() == "the first reason"


def train_channels():
    """One file, parts in sub-folders, a nested folder of a known set, its zip: the same ratings, the same model."""
    whole = Tree("whole", SMALL, ["training"])
    shutil.copy(RATINGS, whole.data("training") / "ratings.txt")
    whole.train()
    named = {**SMALL, "data_name": "ratings"}
    header, *halves = parts_of(RATINGS)
    parts = Tree("parts", named)
    parts.channels(train="FastFile")
    (parts.data("train") / "more").mkdir()
    (parts.data("train") / "_SUCCESS").touch()
    for k, lines in enumerate(halves):
        text = header + "".join(lines)
        (parts.data("train") / ("more" if k else "") / f"part-{k}.csv").write_text(text[:-1] if k == 0 else text)
    parts.data("train").chmod(0o555)
    parts.train()
    nested = Tree("nested", named, ["train"])
    (nested.data("train") / "a/b").mkdir(parents=True)
    shutil.copy(RATINGS, nested.data("train") / "a/b/ratings.csv")
    (nested.data("train") / "a/b/readme.txt").write_text("of the set")
    nested.train()
    packed = Tree("packed", named, ["train"])
    with zipfile.ZipFile(packed.data("train") / "set.zip", "w") as archive:
        archive.write(RATINGS, "set/ratings.csv")
    packed.train()
    for tree in (parts, nested, packed):
        for name in ("users.txt", "items.txt"):
            assert tree.model()[name] == whole.model()[name], (tree.base, name)
    assert nested.model()["model.safetensors"] == packed.model()["model.safetensors"] == whole.model()["model.safetensors"]


def train_parts():
    """Channels of a test and a validation part and of features are used."""
    header, first, second = parts_of(RATINGS)
    tree = Tree("channels", SMALL, ["train", "test", "validation", "features"])
    (tree.data("train") / "a.csv").write_text(header + "".join(first + second[20:]))
    (tree.data("test") / "a.csv").write_text(header + "".join(second[:10]))
    (tree.data("validation") / "a.csv").write_text(header + "".join(second[10:20]))
    (tree.data("features") / "item_features.csv").write_text(
        "itemId,size\n" + "".join(f"i{k},{k}\n" for k in range(45)))
    tree.train()
    told = (tree.base / "stderr").read_text()
    for option in ("--ratings", "--test-ratings", "--valid-ratings", "--item-features"):
        assert option + " " in told, told
    metrics = json.loads((tree.base / "output/data/metrics.json").read_text())
    assert metrics["test_ratings"] == 10 and metrics["valid_ratings"] == 10, metrics


def train_search():
    tree = Tree("search", {**SMALL, "search": "train_lr=0.01,0.03", "trials": "2.0", "rungs": "1"}, ["train"])
    shutil.copy(RATINGS, tree.data("train"))
    tree.train()
    info(tree)
    winner = json.loads((tree.base / "output/data/search/winner.json").read_text())
    config = json.loads((tree.base / "output/data/config.json").read_text())
    assert config["train_lr"] == winner["train_lr"]


def long_job(name):
    tree = Tree(name, {**SMALL, "train_max_iter": "4000", "train_early_stopping_patience": "100000", "checkpoint_interval": "0"}, ["train"])
    shutil.copy(RATINGS, tree.data("train"))
    (tree.base / "checkpoints").mkdir()
    return tree


def await_checkpoint(tree):
    for _ in range(2000):
        if len(list((tree.base / "checkpoints").glob("*"))) > 1:
            return
        time.sleep(0.01)
    raise AssertionError((tree.base / "stderr").read_text())


def train_stop():
    """SIGTERM: a loadable model, exit code 0, a checkpoint that stays."""
    tree = long_job("stop")
    process = tree.start()
    await_checkpoint(tree)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0, (tree.base / "stderr").read_text()
    info(tree)
    assert list((tree.base / "checkpoints").iterdir())


def train_spot():
    """SIGKILL and the same job again: the bits of an uncut one."""
    models = []
    for cut in (False, True):
        tree = long_job(f"spot-{cut}")
        parameters = {**SMALL, "train_max_iter": "40", "checkpoint_interval": "0"}
        tree.write("hyperparameters", parameters)
        if cut:
            process = tree.start()
            await_checkpoint(tree)
            process.kill()
            process.wait()
            process.stdout.close()
        tree.train()
        models.append(tree.model())
    assert "resumed" in (tree.base / "stderr").read_text()
    assert models[0] == models[1]


def train_mounted():
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        return "skipped: no mount may be made here"
    tree = Tree("mounted", SMALL, ["train"])
    shutil.copy(RATINGS, tree.data("train"))
    model = tree.base / "model"
    script = f"mount -t tmpfs none {model} && {GCMC} sagemaker train && cp {model}/* {WORK}/mounted-copy/"
    (WORK / "mounted-copy").mkdir()
    result = subprocess.run(["unshare", "-m", "sh", "-c", script], env=tree.environment({}), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (WORK / "mounted-copy/model.safetensors").is_file()
    return None


class Endpoint:
    """gcmc sagemaker serve on a port of its own."""

    def __init__(self, tree, ready=True, **more):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = tree.start("serve", SAGEMAKER_BIND_TO_PORT=str(self.port), **more)
        self.pings = []
        for _ in range(1000):
            assert self.process.poll() is None, (tree.base / "stderr").read_text()
            try:
                self.pings.append(self.ask("GET", "/ping")[0])
                if not ready or self.pings[-1] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.01)

    def ask(self, method, path, body=None, kind="text/csv", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {**({"Content-Type": kind} if body is not None else {}), **named},
                           encode_chunked=named.get("Transfer-Encoding") == "chunked")
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text.decode()

    def json(self, value, path="/invocations"):
        status, text = self.ask("POST", path, json.dumps(value), "application/json")
        assert status == 200, text
        return json.loads(text)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(40)
        self.process.stdout.close()
        assert kind or code == 0, code


def served():
    """A tree whose model/ is read-only, made once."""
    if not (WORK / "served").exists():
        tree = Tree("served", SMALL, ["train"])
        shutil.copy(RATINGS, tree.data("train"))
        tree.train()
        (tree.base / "model").chmod(0o555)
        served.tree = tree
    return served.tree


def serve_answers():
    with Endpoint(served()) as endpoint:
        assert endpoint.ask("GET", "/ping") == (200, "")
        parameters = json.loads(endpoint.ask("GET", "/execution-parameters")[1])
        assert parameters["BatchStrategy"] == "MULTI_RECORD" and set(parameters) == {
            "MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"}
        status, text = endpoint.ask("POST", "/invocations", "u1,i2\nu3,i4\n", Accept="text/csv")
        assert status == 200 and re.fullmatch(r"\d\.\d+\n\d\.\d+", text), text
        pairs = endpoint.json({"pairs": [{"user": "u1", "item": "i2"}, {"user": "u3", "item": "i4"}]})["predictions"]
        assert [p["rating"] for p in pairs] == [float(line) for line in text.split("\n")]
        status, table = endpoint.ask("POST", "/invocations", "userId,itemId\nu1,i2\nu3,i4")
        assert json.loads(table)["predictions"] == pairs  # JSON is the default; a header is passed over
        assert endpoint.ask("POST", "/invocations", iter([b"u1,", b"i2\nu3,i4"]), Accept="text/csv",
                            Transfer_Encoding="chunked") == (200, text)
        quoted = endpoint.ask("POST", "/invocations", '"u1" , "i2",further\r\nu3,i4\r\n', Accept="text/csv;q=1")
        assert quoted == (200, text)
        assert len(endpoint.json({"action": "recommend", "user": "u1", "n": 3})["recommendations"][0]["items"]) == 3
        assert endpoint.json({"action": "similar", "item": "i1", "n": 2})["similar"]
        assert endpoint.json({"action": "explain", "user": "u1", "item": "i2"})["reasons"]
        assert endpoint.json({"action": "fold-in", "ratings": [{"item": "i1", "rating": 5}]})["recommendations"]
        for status, body, kind, accept in ((415, "x", "image/png", "*/*"), (415, "x", "text/html", "*/*"),
                                           (400, "u1;i2", "text/csv", "*/*"), (400, "u1,i2\n,i3", "text/csv", "*/*"),
                                           (400, "{", "application/json", "*/*"),
                                           (400, '{"action": "dance"}', "application/json", "*/*"),
                                           (406, "u1,i2", "text/csv", "image/png"),
                                           (406, '{"action": "recommend", "user": "u1"}', "application/json", "text/csv")):
            got, text = endpoint.ask("POST", "/invocations", body, kind, Accept=accept)
            assert got == status and json.loads(text)["detail"], (status, body, got, text)
        assert "line 2" in endpoint.ask("POST", "/invocations", "u1,i2\n,i3")[1]


def serve_environment():
    with Endpoint(served(), SAGEMAKER_MAX_PAYLOAD_IN_MB="1", SAGEMAKER_MODEL_SERVER_WORKERS="3",
                  SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv") as endpoint:
        parameters = json.loads(endpoint.ask("GET", "/execution-parameters")[1])
        assert parameters["MaxConcurrentTransforms"] == 3 and parameters["MaxPayloadInMB"] == 1
        assert endpoint.ask("POST", "/invocations", "u1,i2\n" * 200000)[0] == 413
        assert re.fullmatch(r"\d\.\d+", endpoint.ask("POST", "/invocations", "u1,i2")[1])


def serve_batch():
    """A line for a line, in order, whatever is in it."""
    good = [f"u{k % 60},i{k % 45}" for k in range(100000)]
    wrong = {7: "", 4000: "u1", 50000: "u1,", 99999: '"u1,i2'}
    lines = [wrong.get(k, line) for k, line in enumerate(good)]
    with Endpoint(served(), SAGEMAKER_BATCH="true") as endpoint:
        status, text = endpoint.ask("POST", "/invocations", "\n".join(lines) + "\n")
        answers = text.split("\n")
        assert status == 200 and len(answers) == len(lines)
        assert {k for k, answer in enumerate(answers) if answer == "nan"} == set(wrong)
        joined = dict(zip(lines, answers))
        for k in (0, 8, 59999):
            assert endpoint.ask("POST", "/invocations", lines[k]) == (200, joined[lines[k]])


def serve_busy():
    """/ping within two seconds under 256 busy clients, who are all answered when SIGTERM comes."""
    body, codes, end = "\n".join(f"u{k % 60},i{k % 45}" for k in range(20000)), [], time.time() + 3
    with Endpoint(served()) as endpoint:
        def client():
            while time.time() < end:
                codes.append(endpoint.ask("POST", "/invocations", body)[0])
        clients = [threading.Thread(target=client) for _ in range(256)]
        for thread in clients:
            thread.start()
        slowest = 0
        while time.time() < end:
            begin = time.time()
            assert endpoint.ask("GET", "/ping")[0] == 200
            slowest = max(slowest, time.time() - begin)
            time.sleep(0.05)
        for thread in clients:
            thread.join()
        assert slowest < 2 and set(codes) == {200}, (slowest, set(codes))


def serve_loading():
    """Before the model is there /ping is 503 or not yet heard; without one serving ends with a reason."""
    with Endpoint(served()) as endpoint:
        assert endpoint.pings[-1] == 200 and set(endpoint.pings) <= {200, 503}, endpoint.pings
    process = Tree("loading").start("serve")
    process.stdout.close()
    assert process.wait(20) == 2


def serve_many():
    tree = served()
    url = str(tree.base / "model")
    with Endpoint(Tree("many"), SAGEMAKER_MULTI_MODEL="true") as endpoint:
        def add(name, folder):
            return endpoint.ask("POST", "/models", json.dumps({"model_name": name, "url": folder}), "application/json")[0]
        assert endpoint.ask("POST", "/models/a/invoke", "u1,i2")[0] == 404
        assert add("a", url) == 200 and add("a", url) == 409 and add("b", url) == 200
        assert add("c", "/nowhere") == 400
        listed = json.loads(endpoint.ask("GET", "/models")[1])["models"]
        assert listed == [{"modelName": name, "modelUrl": url} for name in ("a", "b")]
        assert json.loads(endpoint.ask("GET", "/models/b")[1])["modelUrl"] == url
        assert endpoint.ask("POST", "/models/b/invoke", "u1,i2", Accept="text/csv")[0] == 200
        assert [endpoint.ask("DELETE", "/models/b")[0] for _ in range(2)] == [200, 404]
        assert endpoint.ask("POST", "/models/b/invoke", "u1,i2")[0] == 404
        huge = WORK / "huge"
        huge.mkdir()
        with open(huge / "model.safetensors", "wb") as file:
            file.truncate(1 << 42)  # holes
        assert add("huge", str(huge)) == 507


def main():
    checks = [check for name, check in globals().items() if name.startswith(("train_", "serve_"))]
    wanted = sys.argv[2:]
    failed = 0
    for check in checks:
        if wanted and check.__name__ not in wanted:
            continue
        begin = time.time()
        try:
            said = check() or "as it should be"
        except Exception:  # the other checks tell more
            faulthandler.cancel_dump_traceback_later()
            sys.excepthook(*sys.exc_info())
            said, failed = "FAILED", failed + 1
        print(f"{check.__name__}: {said} ({time.time() - begin:.1f} s)", flush=True)
    subprocess.run(["chmod", "-R", "u+w", WORK], check=False)
    shutil.rmtree(WORK, ignore_errors=True)
    sys.exit(failed > 0)


main()
