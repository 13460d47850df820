#!/usr/bin/env python3
"""Plays Amazon SageMaker: lays out /opt/ml elsewhere, starts the container's entry point, checks docs/sagemaker.md.

    sagemaker_contract.py GCMC [CHECK ...]

Checks are the functions below whose names begin with train_ or serve_; without any, all of them. Needs the standard
library alone; mounts and processes numbered 1 need root and util-linux's unshare, and are skipped without.
"""
import csv
import faulthandler
import gzip
import hashlib
import http.client
import io
import json
import os
import re
import shlex
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
STARTED = []  # processes, which end with the check that started them
SMALL = {"train_max_iter": "6", "gcn_agg_units": "40"}


class Tree:
    """What SageMaker lays out for a job, and what the job leaves."""

    def __init__(self, name, parameters=None, channels=(), **resources):
        self.base, self.log = WORK / name, ""
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

    def start(self, mode="train", within=(), **more):
        """`within`: a command that starts the container's in a world of its own."""
        with open(self.base / "stderr", "a") as errors:
            process = subprocess.Popen([*map(str, within), GCMC, "sagemaker", mode], env=self.environment(more), cwd=WORK,
                                       text=True, stdout=subprocess.PIPE, stderr=errors)
        STARTED.append(process)
        return process

    def errors(self):
        return (self.base / "stderr").read_text()

    def train(self, codes=(0,), within=(), **more):
        process = self.start("train", within, **more)
        self.log = process.communicate(timeout=120)[0]
        assert process.returncode in codes, (process.returncode, self.errors())
        return self.log

    def fails(self, *words, **more):
        failure = self.base / "output/failure"
        failure.unlink(missing_ok=True)
        log = self.train(codes=(1, 2), **more)
        text = failure.read_bytes()
        assert 0 < len(text) < 1024 and all(word in text.decode() for word in words), text
        assert not re.search(LAST, log)
        failure.unlink()

    def model(self):
        """Of each file of the model a digest."""
        files = sorted(path for path in (self.base / "model").rglob("*") if path.is_file())
        assert files, "no model"
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check_metrics(log):
    """A number in digits wherever a tuner looks for one; the last line is the job's."""
    numbers = re.findall(r"RMSE=([^,:\s]*)", log)
    assert numbers and all(re.fullmatch(r"[0-9]+\.[0-9]+", number) for number in numbers), log
    assert re.search(OBJECTIVE, log) and re.search(LAST, log.splitlines()[-1]), log


def info(tree):
    result = subprocess.run([GCMC, "info", tree.base / "model"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def bound(*mounts):
    """A command before which each (folder, place, options) is mounted; None where no mount may be made."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        return None
    steps = [f"mount -o bind,{options} '{folder}' '{place}'" for folder, place, options in mounts]
    return ["unshare", "-m", "sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh"]


def parts_of(path):
    """The header of a table, and the lines of its two halves."""
    header, *lines = path.read_text().splitlines(keepends=True)
    return header, lines[::2], lines[1::2]


RATINGS = WORK / "ratings.csv"
write_ratings(RATINGS)


ENCODINGS = {
    "raw": {"data_name": "synthetic-100k", "train_max_iter": "2", "gcn_agg_units": "40", "train_lr": "0.02",
            "share_param": "True"},
    "sdk-3": {"data-name": "synthetic-100k", "train-max-iter": "2", "gcn-agg-units": "40", "train-lr": "0.02",
              "share-param": "true", "sagemaker_region": '"x"', "sagemaker_program": "x.py"},
    "framework": {"data_name": '"synthetic-100k"', "train_max_iter": "2", "gcn_agg_units": '"40"', "train_lr": '"0.02"',
                  "share_param": '"true"', "save_dir": '"/opt/ml/model/"', "sagemaker_submit_directory": '"s3://x"'},
    "tuner": {"data_name": "synthetic-100k", "train_max_iter": "2.0", "gcn_agg_units": "40.0", "train_lr": "0.02",
              "share_param": "1", "_tuning_objective_metric": "validation:rmse"}}


def train_encodings():
    """Raw, JSON within the text, and a tuner's numbers give the same job, whose figures lie where they should."""
    models = []
    for name, parameters in ENCODINGS.items():
        tree = Tree(name, parameters)
        log = tree.train()
        check_metrics(log)
        assert len(re.findall(OBJECTIVE, log)) == 2, log
        models.append(tree.model())
        figures = tree.base / "output/data"
        config = json.loads((figures / "config.json").read_text())
        assert config["share_param"] is True and config["train_max_iter"] == 2 and config["train_lr"] == 0.02, config
        for file in ("history.csv", "metrics.json", "curve.svg"):
            assert (figures / file).is_file(), file
        with open(figures / "test_predictions.csv", encoding="utf-8") as file:
            errors = [(float(row["rating"]) - float(row["prediction"])) ** 2 for row in csv.DictReader(file)]
        assert len(errors) == 10000 and f"{(sum(errors) / len(errors)) ** .5:.4f}" == re.search(LAST, log)[1]
        assert not (figures / "model").exists() and not (tree.base / "output/failure").exists()
    assert all(model == models[0] for model in models)
    parameters = {**SMALL, "data_name": "synthetic-100k", "preset": "paper", "train_max_iter": "2"}
    for tuned in {}, {"_tuning_objective_metric": "validation:rmse"}:  # paper trains on its validation ratings
        tree = Tree("paper-tuned" if tuned else "paper", {**parameters, **tuned})
        tree.train()
        assert json.loads((tree.base / "output/data/config.json").read_text())["train_on_valid"] is not bool(tuned)


def train_toolkit():
    """What the training toolkit says in the environment is honoured."""
    parameters = Tree("hps")
    parameters.train(SM_HPS=json.dumps({**SMALL, "data_name": "synthetic-100k", "train_max_iter": "1"}))
    tree, other = Tree("toolkit", SMALL, ["train"]), WORK / "toolkit-other"
    for folder in ("in", "model", "out"):
        (other / folder).mkdir(parents=True)
    shutil.copy(RATINGS, other / "in")
    tree.train(SM_CHANNEL_TRAIN=str(other / "in"), SM_MODEL_DIR=str(other / "model"), SM_OUTPUT_DATA_DIR=str(other / "out"),
               SM_HOSTS='["algo-1"]', SM_CURRENT_HOST="algo-1", SM_NUM_GPUS="0", TRAINING_JOB_NAME="job")
    assert (other / "model/model.safetensors").is_file() and (other / "out/metrics.json").is_file()
    assert not list((tree.base / "model").iterdir())
    alone = Tree("toolkit-alone", SMALL)  # named by the environment alone
    assert "954 ratings" in alone.train(SM_CHANNEL_TRAINING=str(other / "in"))


def train_without_channel():
    """The set data_name is looked for in $GCMC_DATA_DIR before it is downloaded; by default the seed example's."""
    nothing = Tree("nothing", SMALL)
    nothing.write("hyperparameters", {**SMALL, "data_url": "http://127.0.0.1:1"})
    nothing.fails("ml-1m", GCMC_DATA_DIR="")
    (WORK / "sets/mine").mkdir(parents=True)
    shutil.copy(RATINGS, WORK / "sets/mine/ratings.csv")
    tree = Tree("no-channel", {**SMALL, "data_name": "mine"})
    log = tree.train(GCMC_DATA_DIR=str(WORK / "sets"))
    assert "954 ratings" in log, log


def train_metrics():
    """Lines leave one by one; neither several models nor a training that bursts print what is no number."""
    for name, more in (("seeds", {"seeds": "2.0"}), ("bursts", {"train_lr": "1000", "train_grad_clip": "1e30"})):
        tree = Tree(name, {**SMALL, **more}, ["train"])
        shutil.copy(RATINGS, tree.data("train"))
        check_metrics(tree.train())
        info(tree)
    tree = long_job("flushed")
    tree.write("hyperparameters", {**SMALL, "checkpoint_interval": "0"})  # which takes a moment after each iteration
    process = tree.start()
    log = ""
    while "Val RMSE" not in log:
        log += os.read(process.stdout.fileno(), 4096).decode()
    assert not re.search(LAST, log), "metrics came at the end"
    assert re.search(LAST, process.communicate(timeout=60)[0])


def train_failures():
    tree = Tree("failures", {"train_max_itr": "5"})
    tree.fails("train_max_itr", "train_max_iter")
    tree.write("hyperparameters", {"train_lr": "fast"})
    tree.fails("train_lr")
    tree.write("hyperparameters", {"ratings": "x.csv"})
    tree.fails("channels")
    tree.write("hyperparameters", {"save_dir": "/elsewhere"})
    tree.fails("save_dir")
    tree.write("hyperparameters", {"train_lr": "", "gcn_agg_units": "40"})
    tree.fails("train_lr", "empty")
    for text in ("x" * 3000, "\u0436" * 3000):
        tree.write("hyperparameters", {"data_name": text})
        tree.fails()
    tree.write("hyperparameters", {})
    tree.channels(train="Pipe")
    tree.fails("Pipe", "FastFile")
    tree.channels(train="File")
    tree.fails("train", "holds no file")
    tree.channels(valid="File")
    tree.fails("valid", "validation")
    for channels in ({"train": "File", "training": "File"}, {"test": "File"}):
        others = Tree("channels-" + "-".join(channels), {}, channels)
        others.fails("training" if "train" in channels else "no channel train")
    tree.channels()
    tree.write("hyperparameters", {"train_on_valid": "True", "_tuning_objective_metric": "validation:rmse"})
    tree.fails("train_on_valid", "tuner")
    tree.write("hyperparameters", {"trials": "3"})
    tree.fails("trials", "search")
    tree.write("hyperparameters", {})
    tree.write("resourceconfig", {"hosts": ["algo-1", "algo-2"]})
    tree.fails("2 hosts", "instance")
    tree.write("resourceconfig", {"hosts": ["algo-1"]})
    header, first, second = parts_of(RATINGS)
    tree.channels(train="File")
    (tree.data("train") / "a.csv").write_text(header + "".join(first))
    (tree.data("train") / "b.csv").write_text(header + "".join(second[:5]) + "oops\n" + "".join(second[5:]))
    tree.fails("b.csv:7: 1 column")
    (tree.data("train") / "b.csv").unlink()
    (tree.base / "input/config/hyperparameters.json").write_text("{")
    tree.fails("hyperparameters.json")
    (tree.base / "output/failure").write_text("the first reason")
    tree.train(codes=(1, 2))
    assert (tree.base / "output/failure").read_text() == "the first reason"
    with open("/dev/full", "w", encoding="utf-8") as full:
        told = Tree("full", {**SMALL, "data_name": "synthetic-100k"})
        code = subprocess.run([GCMC, "sagemaker", "train"], env=told.environment({}), stdout=full, stderr=full).returncode
    assert code == 1 and "standard output" in (told.base / "output/failure").read_text()


def train_budget():
    """A time budget goes without checkpoints, and a note says so; the command in the log is fit for a shell."""
    tree = Tree("budget", {"data_name": "synthetic-100k", "preset": "fast", "time_budget": "1s", "save_id": "it's 1"})
    (tree.base / "checkpoints").mkdir()
    (tree.data("eval")).mkdir(parents=True)
    tree.train()
    assert not list((tree.base / "checkpoints").iterdir()) and "no checkpoints are kept" in tree.errors()
    command = next(line for line in tree.errors().splitlines() if "gcmc train" in line).split("note: ")[1]
    assert "--save-id=it's 1" in shlex.split(command), command
    assert "folder input/data/eval is not used" in tree.errors()
    tree.write("hyperparameters", {**SMALL, "train-max-iter": "5"})
    tree.fails("train_max_iter", "given with - and with _")


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
    before = sorted(parts.data("train").rglob("*"))
    parts.data("train").chmod(0o555)
    parts.train(within=bound((parts.base / "input", parts.base / "input", "ro")) or ())
    assert sorted(parts.data("train").rglob("*")) == before
    nested = Tree("nested", named, ["train"])
    (nested.data("train") / "a/b").mkdir(parents=True)
    shutil.copy(RATINGS, nested.data("train") / "a/b/ratings.csv")
    (nested.data("train") / "a/b/readme.txt").write_text("of the set")
    nested.train()
    packed = Tree("packed", named, ["train"])
    with zipfile.ZipFile(packed.data("train") / "set.zip", "w") as archive:
        archive.write(RATINGS, "set/ratings.csv")
    packed.train()
    zipped = Tree("zipped-parts", named, ["train"])
    for k, lines in enumerate(halves):
        with gzip.open(zipped.data("train") / f"part-{k}.csv.gz", "wt") as file:
            file.write(header * (k == 0) + "".join(lines))  # the second has no header
    zipped.train()
    config = zipped.base / "output/data/config.json"
    assert json.loads(config.read_text())["data_place"] == str(zipped.data("train"))
    again = subprocess.run([GCMC, "train", "--config", config], capture_output=True, text=True, check=True).stdout
    assert again.splitlines()[-1] == zipped.log.splitlines()[-1], again
    shards = Tree("shards", named, ["train"])  # a name that a known set has, and there is more
    for k, lines in enumerate(halves):
        (shards.data("train") / str(k)).mkdir()
        (shards.data("train") / str(k) / "ratings.csv").write_text(header + "".join(lines))
    shards.train()
    beside = Tree("beside", named, ["train"])
    for name, lines in zip(("ratings.csv", "since.csv"), halves):
        (beside.data("train") / name).write_text(header + "".join(lines))
    beside.train()
    for tree in (parts, zipped, shards, beside, nested, packed):
        assert "954 ratings" in tree.log
        for name in ("users.txt", "items.txt"):
            assert tree.model()[name] == whole.model()[name], (tree.base, name)
    assert nested.model()["model.safetensors"] == packed.model()["model.safetensors"] == whole.model()["model.safetensors"]


def train_movielens():
    """MovieLens' own folder, and its zip, in which other files lie beside the ratings."""
    pairs = [line.split(",") for line in RATINGS.read_text().split()[1:]]
    folder = WORK / "ml-100k"
    folder.mkdir()
    (folder / "u.data").write_text("".join(f"{int(user[1:]) + 1}\t{int(item[1:]) + 1}\t{rating}\t88125{k:04}\n"
                                           for k, (user, item, rating) in enumerate(pairs)))
    (folder / "u.user").write_text("".join(f"{k + 1}|24|M|technician|85711\n" for k in range(60)))
    (folder / "u.item").write_text("".join(f"{k + 1}|Film {k} (1995)|01-Jan-1995||x|{'|'.join('1' * 19)}\n"
                                           for k in range(45)))
    (folder / "u.occupation").write_text("technician\n")
    (folder / "README").write_text("of the set")
    for name in ("unpacked", "zipped"):
        tree = Tree(name, SMALL, ["train"])
        if name == "zipped":
            shutil.make_archive(tree.data("train") / "ml-100k", "zip", WORK, "ml-100k")
        else:
            shutil.copytree(folder, tree.data("train") / "sets/ml-100k")
        assert "954 ratings" in tree.train(), tree.log
        assert "Film 44" in "".join(path.read_text() for path in (tree.base / "model").glob("*.txt"))


def train_parts():
    """Channels of a test and a validation part and of features are used."""
    header, first, second = parts_of(RATINGS)
    validated = Tree("validated", {**SMALL, "save_id": "7", "train_max_iter": " 2 "}, ["train", "validation"])
    (validated.data("train") / "a.csv").write_text(header + "".join(first))
    (validated.data("validation") / "a.csv").write_text(header + "".join(second[:9]))
    (validated.base / "input/config/inputdataconfig.json").unlink()  # the folders are there
    log = validated.train()
    assert len(re.findall(OBJECTIVE, log)) == 2 and "Test RMSE" not in log, log
    metrics = json.loads((validated.base / "output/data/7/metrics.json").read_text())
    assert metrics["valid_ratings"] == 9 and metrics["test_ratings"] == 0, metrics
    kept = json.loads((validated.base / "model/config.json").read_text())["metrics"]
    assert set(kept) == {"best_valid_rmse"}, kept  # nothing of a test
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
    listed = Tree("search-list", {**SMALL, "search": '{"gcn_agg_accum": ["sum", "stack"]}', "trials": "2", "rungs": "1"},
                  ["train"])
    shutil.copy(RATINGS, listed.data("train"))
    listed.train()


def train_search_stop():
    """SIGTERM in a search: the reason is told, and the same job goes on where checkpoints are kept."""
    parameters = {**SMALL, "train_max_iter": "400", "search": "train_lr=0.01..0.03", "trials": "12", "rungs": "1"}
    tree = Tree("search-stop", parameters, ["train"])
    shutil.copy(RATINGS, tree.data("train"))
    (tree.base / "checkpoints").mkdir()
    process, results = tree.start(), tree.base / "checkpoints/search/results.json"
    for _ in range(2000):
        if results.exists():
            break
        time.sleep(0.01)
    process.terminate()
    log = process.communicate(timeout=60)[0]
    failure = (tree.base / "output/failure").read_text()
    assert process.returncode == 1 and "winner" in failure and "checkpoints" in failure and not re.search(LAST, log)
    assert not list((tree.base / "model").iterdir())
    (tree.base / "output/failure").unlink()
    done = len(json.loads(results.read_text())["runs"])
    log = tree.train()
    assert 0 < done < 12 and len(re.findall(r"\btrial\b.*Valid RMSE", log)) >= 1, (done, log)
    info(tree)


def train_stop_early():
    """SIGTERM while the ratings are read waits for the training, which then ends in order."""
    tree = long_job("stop-early")
    process = tree.start()
    while "gcmc train" not in tree.errors():  # which is told before they are read
        time.sleep(0.0005)
    process.terminate()
    log = process.communicate(timeout=60)[0]
    assert process.returncode == 0 and re.search(LAST, log), tree.errors()  # perhaps after no iteration
    info(tree)


def long_job(name):
    tree = Tree(name, {**SMALL, "train_max_iter": "4000", "train_early_stopping_patience": "100000",
                       "checkpoint_interval": "0"}, ["train"])
    shutil.copy(RATINGS, tree.data("train"))
    (tree.base / "checkpoints").mkdir()
    return tree


def await_checkpoint(tree):
    for _ in range(2000):
        if list((tree.base / "checkpoints").glob("checkpoint-*")):
            return
        time.sleep(0.01)
    raise AssertionError((tree.base / "stderr").read_text())


def train_stop():
    """SIGTERM: a loadable model, exit code 0, a checkpoint that stays; as process 1, too, which a container's program is."""
    first = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] if bound() else []
    for within in ([], first) if first else ([],):
        tree = long_job("stop" + "-first" * bool(within))
        process = tree.start("train", within)
        await_checkpoint(tree)
        number = process.pid
        if within:
            number = int(Path(f"/proc/{number}/task/{number}/children").read_text())
        os.kill(number, signal.SIGTERM)
        log = process.communicate(timeout=60)[0]
        assert process.returncode == 0, tree.errors()
        check_metrics(log)
        info(tree)
        assert list((tree.base / "checkpoints").iterdir()) and not (tree.base / "output/failure").exists()
    return None if first else "as it should be; skipped: no process of number 1 without root and unshare"


def train_spot():
    """SIGKILL and the same job again: the bits of an uncut one."""
    models = []
    for cut in (False, True):
        tree = long_job(f"spot-{cut}")
        parameters = {**SMALL, "train_max_iter": "20", "checkpoint_interval": "0"}
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
    """model/ is a mount point, input/ read-only."""
    tree, volume = Tree("mounted", SMALL, ["train"]), WORK / "volume"
    volume.mkdir()
    shutil.copy(RATINGS, tree.data("train"))
    within = bound((volume, tree.base / "model", "rw"), (tree.base / "input", tree.base / "input", "ro"))
    if not within:
        return "skipped: no mount may be made here"
    tree.train(within=within)
    assert (volume / "model.safetensors").is_file() and not list((tree.base / "model").iterdir())
    assert not [path for path in volume.iterdir() if path.name.startswith(".")], list(volume.iterdir())
    return None


class Endpoint:
    """gcmc sagemaker serve on a port of its own."""

    def __init__(self, tree, within=(), **more):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = tree.start("serve", within, SAGEMAKER_BIND_TO_PORT=str(self.port), **more)
        self.pings = []
        for _ in range(1000):
            assert self.process.poll() is None, tree.errors()
            try:
                self.pings.append(self.ask("GET", "/ping"))
                if self.pings[-1][0] == 200:
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
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(40)
        self.process.stdout.close()
        assert kind or code == 0, code


def served():
    """A tree whose model/ is not to be written, made once."""
    if not (WORK / "served").exists():
        tree = Tree("served", SMALL, ["train"])
        shutil.copy(RATINGS, tree.data("train"))
        tree.train()
        (tree.base / "model").chmod(0o555)
        served.tree = tree
    return served.tree


def serve_answers():
    with Endpoint(served(), bound((served().base, served().base, "ro")) or ()) as endpoint:
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
        assert endpoint.ask("POST", "/invocations", "movieId,rating,User-ID\ni2,4,u1\ni4,5,u3", Accept="text/csv")[1] == text
        lines = [{"user": "u1", "item": "i2"}, {"action": "similar", "item": "i1", "n": 2}]
        status, told = endpoint.ask("POST", "/invocations", "\n".join(map(json.dumps, lines)), "application/jsonlines")
        assert status == 200 and [json.loads(line) for line in told.split("\n")] == [endpoint.json(line) for line in lines]
        for accept, kind in (("application/json;q=0.5, text/csv", "text/csv"), ("text/csv;q=0, */*", "application/json"),
                             ("text/*;q=0.2, application/json; q=0.1", "text/csv")):
            answer = endpoint.ask("POST", "/invocations", "u1,i2\nu3,i4\n", Accept=accept)[1]
            assert (answer == text) == (kind == "text/csv"), (accept, answer)
        assert endpoint.ask("POST", "/invocations", iter([b"u1,", b"i2\nu3,i4"]), Accept="text/csv",
                            Transfer_Encoding="chunked") == (200, text)
        quoted = endpoint.ask("POST", "/invocations", '"u1" , "i2",further\r\nu3,i4\r\n', Accept="text/csv;q=1")
        assert quoted == (200, text)
        assert len(endpoint.json({"action": "recommend", "user": "u1", "n": 3})["recommendations"][0]["items"]) == 3
        assert endpoint.json({"action": "similar", "item": "i1", "n": 2})["similar"]
        assert endpoint.json({"action": "explain", "user": "u1", "item": "i2"})["reasons"]
        assert endpoint.json({"action": "fold-in", "ratings": [{"item": "i1", "rating": 5}]})["recommendations"]
        for status, body, kind, accept in ((415, "x", "image/png", "*/*"), (415, "x", "text/html", "*/*"),
                                           (400, '{"user": "u1", "item": "i2"}\n{', "application/jsonlines", "*/*"),
                                           (415, "{}", "text/plain", "*/*"),
                                           (415, "{}", "application/x-www-form-urlencoded", "*/*"),
                                           (400, "", "text/csv", "*/*"),
                                           (400, "u1;i2", "text/csv", "*/*"), (400, "u1,i2\n,i3", "text/csv", "*/*"),
                                           (400, '{"user":"u1","item":"i2"}', "text/csv", "*/*"),
                                           (400, '[{"user":"u1","item":"i2"}]', "text/csv", "*/*"),
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
        assert endpoint.ask("POST", "/invocations", iter([b"u1,i2\n" * 10000] * 20), Transfer_Encoding="chunked")[0] == 413
        assert re.fullmatch(r"\d\.\d+", endpoint.ask("POST", "/invocations", "u1,i2")[1])
        assert endpoint.json({"action": "recommend", "user": "u1"})["recommendations"]  # which cannot be csv
    with Endpoint(served(), SAGEMAKER_MAX_PAYLOAD_IN_MB="0") as endpoint:  # no limit: bodies come in chunks
        assert endpoint.ask("POST", "/invocations", "u1,i2\n" * 200000)[0] == 200


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
        printed = subprocess.run([GCMC, "predict", "--model", served().base / "model", "-"], input="\n".join(good[:180]),
                                 capture_output=True, text=True, check=True).stdout
        ratings = [row["rating"] for row in csv.DictReader(io.StringIO(printed))]
        assert len(set(ratings)) > 90  # of 180 pairs, which come again and again
        for k, (line, answer) in enumerate(zip(lines, answers, strict=True)):  # as JoinSource joins them
            assert answer == ("nan" if k in wrong else ratings[k % 180]), (k, line, answer)
        status, text = endpoint.ask("POST", "/invocations", "u1,i2\nu1\nu3,i4", Accept="application/json")
        assert [p["rating"] is None for p in json.loads(text)["predictions"]] == [False, True, False], text
        assert endpoint.ask("POST", "/invocations", "user,item\nu1,i2")[1].split("\n")[0] == "nan"
        assert endpoint.ask("POST", "/invocations", "item,user\ni2,u1")[0] == 400
        record = json.dumps({"user": "u1", "item": "i2"})
        status, text = endpoint.ask("POST", "/invocations", record, "application/json")
        assert status == 200 and json.loads(text)["predictions"] and not text.endswith("\n")
        for wrong in ('{"user": "u1"}', '{"action": "similar", "item": "nope"}\n'):  # alone, as among others
            answer = endpoint.ask("POST", "/invocations", wrong, "application/json")
            assert answer == (200, "null"), (wrong, answer)
        assert endpoint.ask("POST", "/invocations", record, "application/jsonlines", Accept="image/png")[0] == 406
        for kind in ("application/json", "application/jsonlines"):
            status, several = endpoint.ask("POST", "/invocations", "\n".join((record, '{"user":', record)), kind)
            assert status == 200 and several.split("\n") == [text.strip(), "null", text.strip()], several


def serve_busy():
    """/ping within two seconds under 256 clients at once, whose work takes longer; all of them are answered."""
    body, answers = "\n".join(f"u{k % 60},i{k % 45}" for k in range(60000)), []
    with Endpoint(served(), SAGEMAKER_MODEL_SERVER_WORKERS="1") as endpoint:
        def client():
            status, text = endpoint.ask("POST", "/invocations", body, Accept="text/csv")
            answers.append((status, text.count("\n")))
        clients = [threading.Thread(target=client) for _ in range(256)]
        begin, slowest = time.time(), 0
        for thread in clients:
            thread.start()
        while any(thread.is_alive() for thread in clients):
            asked = time.time()
            assert endpoint.ask("GET", "/ping") == (200, "")
            slowest = max(slowest, time.time() - asked)
            time.sleep(0.02)
        took = time.time() - begin
    assert slowest < 2 and answers == [(200, 59999)] * 256, (slowest, set(answers))
    return None if took > 3 else f"as it should be; too quick a machine to tell a queue ({took:.1f} s)"


def serve_stop():
    """SIGTERM: what is in flight, even half a body, is answered; /ping says no more that all is well."""
    body = "\n".join(f"u{k % 60},i{k % 45}" for k in range(100000)).encode()
    with Endpoint(served()) as endpoint:
        head = (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nAccept: text/csv\r\n"
                b"Content-Length: %d\r\n\r\n")
        clients = [socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) for _ in range(16)]
        for client in clients[1:]:
            client.sendall(head % len(body) + body)
        clients[0].sendall(head % len(body) + body[:500000])
        time.sleep(0.1)
        endpoint.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        clients[0].sendall(body[500000:])
        for client in clients:
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert answer.status == 200 and answer.read().count(b"\n") == 99999
            client.close()
        assert endpoint.process.wait(20) == 0


def serve_port():
    """8080, where nothing says otherwise."""
    with socket.socket() as port:
        if port.connect_ex(("127.0.0.1", 8080)) == 0:
            return "skipped: port 8080 is taken"
    process = served().start("serve")
    try:
        for _ in range(500):
            with socket.socket() as port:
                if port.connect_ex(("127.0.0.1", 8080)) == 0:
                    break
            assert process.poll() is None, served().errors()
            time.sleep(0.01)
        else:
            raise AssertionError("nobody listens at port 8080")
    finally:
        process.terminate()
        process.communicate(timeout=40)
    return None


def serve_loading():
    """/ping is 503 while the model, an average of 400 here, is loaded; without one serving ends with a reason."""
    tree = Tree("loading")
    for k in range(400):
        (tree.base / f"model/{k + 1}").symlink_to(served().base / "model")
    with Endpoint(tree) as endpoint:
        *before, ready = endpoint.pings
        assert ready == (200, "") and before and set(before) == {(503, "")}, endpoint.pings
    tree = Tree("no-model")
    process = tree.start("serve")
    process.stdout.close()
    assert process.wait(20) == 2 and "model" in tree.errors()


def serve_many():
    tree = served()
    url = str(tree.base / "model")
    with Endpoint(Tree("many"), SAGEMAKER_MULTI_MODEL="true") as endpoint:
        def add(name, folder):
            return endpoint.ask("POST", "/models", json.dumps({"model_name": name, "url": folder}), "application/json")[0]
        assert endpoint.ask("GET", "/ping") == (200, "") and json.loads(endpoint.ask("GET", "/models")[1]) == {"models": []}
        assert endpoint.ask("POST", "/models/a/invoke", "u1,i2")[0] == 404
        assert add("a", url) == 200 and add("a", url) == 409 and add("b", url) == 200
        assert add("c", "/nowhere") == 400 and add("c", str(WORK)) == 400 and endpoint.ask("GET", "/models/c")[0] == 404
        at_once = []
        loads = [threading.Thread(target=lambda: at_once.append(add("d e/f", url))) for _ in range(8)]
        for load in loads:
            load.start()
        for load in loads:
            load.join()
        assert sorted(at_once) == [200] + [409] * 7, at_once
        assert endpoint.ask("POST", "/models/d%20e%2Ff/invoke", "u1,i2")[0] == 200
        assert endpoint.ask("DELETE", "/models/d%20e%2Ff")[0] == 200
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
        assert endpoint.ask("GET", "/ping") == (200, "") and endpoint.ask("POST", "/models/a/invoke", "u1,i2")[0] == 200
        assert [endpoint.ask(*asked)[0] for asked in (("DELETE", "/models/"), ("POST", "/models//invoke", "u1,i2"))] == [404] * 2
        assert endpoint.ask("GET", "/models/a")[0] == 200
    with Endpoint(served()) as endpoint:  # an endpoint of one model has the routes, too
        assert [model["modelName"] for model in json.loads(endpoint.ask("GET", "/models")[1])["models"]] == ["model"]


def main():
    checks = [check for name, check in globals().items() if name.startswith(("train_", "serve_"))]
    wanted = sys.argv[2:] or [check.__name__ for check in checks]
    tally = {"as it should be": 0, "skipped": 0, "FAILED": 0}
    for check in [globals()[name] for name in wanted]:
        begin = time.time()
        try:
            said = check() or "as it should be"
        except Exception:  # the other checks tell more
            sys.excepthook(*sys.exc_info())
            said = "FAILED"
        while STARTED:
            process = STARTED.pop()
            process.kill()
            process.wait()
        tally[next(word for word in tally if said.startswith(word))] += 1
        print(f"{check.__name__}: {said} ({time.time() - begin:.1f} s)", flush=True)
    subprocess.run(["chmod", "-R", "u+w", WORK], check=False)
    shutil.rmtree(WORK, ignore_errors=True)
    print(f"{len(wanted)} checks: " + ", ".join(f"{count} {word}" for word, count in tally.items()))
    sys.exit(tally["FAILED"] > 0)


main()
