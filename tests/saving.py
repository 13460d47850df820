#!/usr/bin/env python3
"""What a run leaves when saving goes wrong, when two save at once, and when it is stopped.

    saving.py GCMC faults SHIM STRIDE   every STRIDE-th file call of a save fails, is cut off, or is met by a signal
    saving.py GCMC pairs COUNT          two runs into one folder at once
    saving.py GCMC timeouts COUNT       runs ended by coreutils' timeout, which signals twice; on a loaded machine
    saving.py GCMC terminal             one Ctrl-C, and a second one
    saving.py GCMC readers SECONDS      a model is read all the while it is saved again and again
"""
import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GCMC = str(Path(sys.argv[1]).resolve())
WORK = Path(tempfile.mkdtemp(prefix="saving-"))
FIGURES = ["config.json", "history.csv", "metrics.json", "curve.svg"]


def make_ratings():
    folder = WORK / "tiny"
    folder.mkdir()
    draw = random.Random(1)
    lines = ["userId,movieId,rating"]
    lines += [f"u{u},i{i},{draw.randint(1, 5)}" for u in range(60) for i in range(30) if draw.random() < 0.5]
    (folder / "ratings.csv").write_text("\n".join(lines) + "\n")


def train_command(folder, seed, *more):
    return [GCMC, "train", "--data-name", "tiny", "--data-dir", str(WORK), "--gcn-agg-units", "20", "--gcn-out-units",
            "8", "--threads", "1", "--train-max-iter", "2", "--seed", str(seed), "--save-dir", str(folder), *more]


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def predictions(model):
    """None if the model does not load."""
    result = subprocess.run([GCMC, "predict", "--model", str(model), "-"], input="u1,i1\nu2,i3\nu9,i8\n", text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return result.stdout if result.returncode == 0 else None


def texts(folder):
    return {name: (folder / name).read_text() for name in FIGURES if (folder / name).exists()}


def seed_of(text):
    return json.loads(text)["seed"]


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".") and ".gcmc-" in path.name]


class Runs:
    """An older run (seed 1) and what a new one (seed 7) is when nothing goes wrong."""

    def __init__(self):
        self.old, new = WORK / "old", WORK / "new"
        for folder, seed in ((self.old, 1), (new, 7)):
            result = run(train_command(folder, seed))
            assert result.returncode == 0, result.stderr
        self.predictions = {predictions(self.old): 1, predictions(new): 7}
        assert len(self.predictions) == 2

    def model(self, folder):
        """The seed of the model in `folder`; 0: there is none that loads."""
        return self.predictions.get(predictions(folder), 0)

    def check(self, folder):
        """The seed of the model; figures are of the same run, or are not there."""
        seed = self.model(folder)
        assert seed, "no model that loads"
        for name in ("config.json", "metrics.json"):
            text = texts(folder).get(name)
            assert text is None or seed_of(text) == seed, f"{name} of seed {seed_of(text)} beside a model of {seed}"
        return seed


def faults(shim, stride):
    runs = Runs()
    target, spare, count = WORK / "target", WORK / "spare", WORK / "count"

    def attempt(action, at):
        shutil.rmtree(target, ignore_errors=True)
        shutil.rmtree(spare, ignore_errors=True)
        shutil.copytree(runs.old, target)
        spare.mkdir()
        return run(train_command(target, 7), env={**os.environ, "LD_PRELOAD": shim, "FAULTY_UNDER": str(target),
                   "FAULTY_AT": str(at), "FAULTY_ACTION": action, "FAULTY_COUNT": str(count), "TMPDIR": str(spare)})

    result = attempt("", 0)
    assert result.returncode == 0 and runs.check(target) == 7, result.stderr
    calls, tally = int(count.read_text()), {}
    for action in ("KILL", "TERM", "EIO", "ENOSPC"):
        for at in range(1, calls + 1, stride):
            result = attempt(action, at)
            trained = "Iter=2" in result.stdout
            try:
                seed = runs.check(target)
                whole = len(texts(target)) == 4
                if action == "TERM" and "Iter=" not in result.stdout:
                    assert result.returncode == -signal.SIGTERM and seed == 1 and whole, "a signal before training"
                elif action == "TERM":
                    assert result.returncode == 0 and seed == 7 and whole, "a signal lost the run"
                elif result.returncode == 0:
                    assert action != "KILL" and seed == 7 and whole, "exit 0, but not all is there"
                elif action != "KILL":
                    assert result.returncode in (1, 2) and result.stderr.count("\n") <= 2, "no clear error"
                    rescued = [p for p in spare.iterdir() if runs.model(p) == 7]
                    assert seed == 7 or whole, "the older run has lost files"
                    # A disk that is full for good is full for the run too.
                    assert not trained or seed == 7 or rescued, "a finished training is lost"
                if seed == 1 and not trained:
                    assert whole, "the older run has lost files before there was a new one"
                kept = "new" if seed == 7 else "rescued" if list(spare.iterdir()) else "old"
                tally[action, kept] = tally.get((action, kept), 0) + 1
                if at % (5 * stride) == 1:
                    again = run(train_command(target, 7))
                    assert again.returncode == 0 and runs.check(target) == 7, "the next run fails: " + again.stderr
                    assert not leftovers(target), f"left behind: {leftovers(target)}"
            except AssertionError as problem:
                print(f"FAILED: {action} at call {at} of {calls}: {problem}\n{result.stdout}{result.stderr}"
                      f"exit {result.returncode}; {sorted(p.name for p in target.iterdir())}")
                sys.exit(1)
    for (action, kept), number in tally.items():
        print(f"{action:6} at each {stride}. of {calls} file calls: {kept} model {number} times")


def pairs(count):
    runs = Runs()
    refused = 0
    for k in range(count):
        target = WORK / "shared"
        shutil.rmtree(target, ignore_errors=True)
        if k % 2:
            shutil.copytree(runs.old, target)
        both = []
        for seed in (1, 7):
            both.append(subprocess.Popen(train_command(target, seed), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                         text=True))
            time.sleep(random.random() * 0.05)
        errors = [(process.communicate()[1], process.returncode) for process in both]
        for error, code in errors:
            assert code == 0 or (code == 2 and "a run saves to it (process " in error), error
            refused += code != 0
        assert any(code == 0 for _, code in errors)
        runs.check(target)
        assert len(texts(target)) == 4 and not leftovers(target), list(target.iterdir())
    print(f"{count} pairs of runs into one folder: {refused} runs refused at their start, every folder whole")


def timeouts(count):
    load = [subprocess.Popen([sys.executable, "-c", "import os; os.nice(19)\nwhile True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        for threads in (1, 2, 16):
            early = 0
            for k in range(count):
                target = WORK / "timed"
                shutil.rmtree(target, ignore_errors=True)
                command = train_command(target, 1, "--train-max-iter", "100000000", "--train-decay-patience",
                                        "100000000", "--threads", str(threads))
                seconds = f"{1.5 + random.random():.2f}"
                result = run(["timeout", "--preserve-status", seconds, *command])
                began = "Iter=" in result.stdout
                if not began and result.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM):
                    early += 1  # there was nothing to save yet
                    assert not (target / "model").exists()
                    continue
                if result.returncode != 0 or not predictions(target) or len(texts(target)) != 4:
                    print(f"FAILED: timeout {seconds}, {threads} threads, run {k}: exit {result.returncode}, "
                          f"{'training' if began else 'not yet training'}\n{result.stderr}")
                    sys.exit(1)
            print(f"{count} runs with {threads} threads ended by timeout: {early} before training, all others saved")
    finally:
        for process in load:
            process.kill()


def readers(seconds):
    runs = Runs()
    target = WORK / "read"
    shutil.copytree(runs.old, target)
    end, reads = time.time() + seconds, 0
    writer = None
    while time.time() < end:
        if writer is None or writer.poll() is not None:
            writer = subprocess.Popen(train_command(target, random.choice((1, 7))), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        assert runs.model(target), "a reader found no model"
        reads += 1
    writer.wait()
    print(f"{reads} reads of a model while it was replaced: all of a whole model")


def press(command, expected, presses):
    """Runs it on a terminal, presses Ctrl-C each time that the next of the expected texts has come: its exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command[0], command, {**os.environ, "TERM": "xterm"})
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the end of a terminal
            break
        while presses and expected[-presses] in shown:
            os.write(terminal, b"\x03")
            presses -= 1
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def on_terminal():
    runs = Runs()
    target = WORK / "pressed"
    shutil.copytree(runs.old, target)
    older = texts(target)
    slow = train_command(target, 7, "--train-max-iter", "100000000", "--train-schedule", "constant",
                         "--gcn-agg-units", "60000")
    code = press(slow, [b" left", b"second Ctrl-C ends at once"], 2)
    assert code == -signal.SIGINT, f"a second Ctrl-C: exit {code}"
    assert runs.check(target) == 1 and texts(target) == older, "a run that was ended at once changed the older one"
    quick = train_command(target, 7, "--train-max-iter", "100000000", "--train-schedule", "constant")
    code = press(quick, [b" left"], 1)
    assert code == 0 and predictions(target) and texts(target) != older, f"one Ctrl-C: exit {code}"
    assert not leftovers(target), leftovers(target)
    print("one Ctrl-C saves, a second one ends at once")


def main():
    make_ratings()
    try:
        if sys.argv[2] == "faults":
            faults(shutil.copy(sys.argv[3], WORK), int(sys.argv[4]))  # LD_PRELOAD takes no path with a blank
        elif sys.argv[2] == "pairs":
            pairs(int(sys.argv[3]))
        elif sys.argv[2] == "terminal":
            on_terminal()
        elif sys.argv[2] == "timeouts":
            timeouts(int(sys.argv[3]))
        else:
            readers(float(sys.argv[3]))
    finally:
        shutil.rmtree(WORK, ignore_errors=True)


main()
