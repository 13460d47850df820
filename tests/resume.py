#!/usr/bin/env python3
"""Trainings that are killed at random moments, and started again by the same command until they end: the model, the
figures (less times and memory) and the history are those of a training that nobody cut.

    resume.py GCMC kills COUNT [SEED]   SIGKILL, COUNT times in all, over the kinds of training; now and then SIGTERM
    resume.py GCMC calls SHIM STRIDE    every STRIDE-th call that writes checkpoints is met by SIGKILL
    resume.py GCMC full                 checkpoints on a disk that is full (a tmpfs of its own; needs root)
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GCMC = str(Path(sys.argv[1]).resolve())
WORK = Path(tempfile.mkdtemp(prefix="resume-"))
TIMES = ("seconds", "seconds_total", "seconds_per_iteration", "seconds_validating", "peak_memory_bytes", "threads")

SEARCH = "a search"
# Checkpoints after every iteration, so that many kills come while one is written.
KINDS = {
    "plateau": ["--train-max-iter", "60", "--train-lr", "0.1", "--train-decay-patience", "3"],
    "refit with draws": ["--train-max-iter", "40", "--refit", "--calibrate", "--embedding-draws", "5",
                         "--train-average-decay", "0.9", "--train-lr", "0.05"],
    "three seeds": ["--train-max-iter", "25", "--seeds", "3", "--refit", "--train-lr", "0.05"],
    "rare validations": ["--train-max-iter", "60", "--train-valid-interval", "7", "--precision", "double",
                         "--train-target-removal", "0.1", "--implicit", "--checkpoint-interval", "0.0002"],
    SEARCH: ["--trials", "4", "--eta", "2", "--rungs", "2", "--train-max-iter", "40", "--search", "gcn_dropout=0.1..0.9",
             "--search", "train_lr=0.01..0.1"],
}


def make_ratings():
    folder = WORK / "tiny"
    folder.mkdir()
    draw = random.Random(1)
    lines = ["userId,movieId,rating"]
    lines += [f"u{u},i{i},{min(5, max(1, round(3 + (u % 5 - 2) / 2 + (i % 3 - 1) + draw.gauss(0, 1))))}"
              for u in range(300) for i in range(150) if draw.random() < 0.2]
    (folder / "ratings.csv").write_text("\n".join(lines) + "\n")


def command(kind, folder, *more):
    does = "tune" if kind == SEARCH else "train"
    return [GCMC, does, "--data-name", "tiny", "--data-dir", str(WORK), "--gcn-agg-units", "100",
            "--checkpoint-interval", "0", *KINDS[kind], "--save-dir", str(folder), *more]


def again(kind):
    """What makes the same command go on; a search does without."""
    return [] if kind == SEARCH else ["--resume"]


def run(arguments, **more):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in TIMES}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def content(folder):
    """By name: models as bytes, figures less times, histories less seconds."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if path.suffix == ".json":
            found[name] = without_times(json.loads(path.read_text()))
        elif path.name == "history.csv":
            found[name] = [line.rsplit(",", 1)[0] for line in path.read_text().splitlines()]
        elif path.name != "curve.svg":
            found[name] = path.read_bytes()
    return found


def uncut(kind):
    folder = WORK / "uncut" / kind.replace(" ", "-")
    start = time.time()
    result = run(command(kind, folder, *again(kind), "--threads", "1"))
    assert result.returncode == 0, result.stderr
    return content(folder), time.time() - start


def compare(kind, folder, expected):
    found = content(folder)
    assert found.keys() == expected.keys(), f"{kind}: {sorted(found)} instead of {sorted(expected)}"
    for name in expected:
        assert found[name] == expected[name], f"{kind}: {name} is not that of an uncut run"


def moment(files):
    """What a killed run was about, by what it left."""
    if any(".checkpoint-" in name for name in files):
        return "writing a checkpoint"
    if any(name.startswith(".run.gcmc-") or name.startswith(".model.gcmc-") for name in files):
        return "saving"
    return "training or reading"


def kills(count, seed):
    draw = random.Random(seed)
    left, tally, runs = count, {}, 0
    expected = {kind: uncut(kind) for kind in KINDS}
    while left > 0:
        kind = list(KINDS)[runs % len(KINDS)]
        files, seconds = expected[kind]
        folder, runs = WORK / "cut", runs + 1
        shutil.rmtree(folder, ignore_errors=True)
        attempts = 0
        while True:
            attempts += 1
            process = subprocess.Popen(command(kind, folder, *again(kind), "--threads", str(draw.randint(1, 3))),
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if left > 0 and attempts <= 60:
                try:  # mostly early, so that a run is cut often
                    process.wait(timeout=draw.random() * seconds * draw.choice((0.3, 0.6, 1.2)))
                except subprocess.TimeoutExpired:
                    process.send_signal(draw.choice((signal.SIGKILL,) * 4 + (signal.SIGTERM,)))
            error = process.communicate()[1]
            assert "passed over" not in error, error
            if process.returncode == 0 and "stopped by a signal" not in error:
                break
            assert process.returncode in (0, -signal.SIGKILL, -signal.SIGTERM), error
            what = "stopped by SIGTERM"
            if process.returncode == -signal.SIGKILL:
                left -= 1
                what = "killed while " + moment([path.name for path in folder.rglob("*")])
            tally[what] = tally.get(what, 0) + 1
        compare(kind, folder, files)
        for left_behind in ("checkpoint", "running"):
            assert not (folder / left_behind).exists(), "checkpoints are left behind"
    print(f"{count} kills in {runs} trainings, all with the bits of an uncut one: " +
          ", ".join(f"{number} {what}" for what, number in sorted(tally.items())))


def calls(shim, stride):
    kind = "three seeds"
    files, _ = uncut(kind)
    folder, counted = WORK / "cut", WORK / "count"

    def attempt(at):
        return run(command(kind, folder, "--resume"),
                   env={**os.environ, "LD_PRELOAD": shim, "FAULTY_UNDER": str(folder), "FAULTY_AT": str(at),
                        "FAULTY_ACTION": "KILL" if at else "", "FAULTY_COUNT": str(counted)})

    assert attempt(0).returncode == 0
    number, cuts = int(counted.read_text()), 0
    for at in range(1, number + 1, stride):
        shutil.rmtree(folder)
        result = attempt(at)
        cuts += result.returncode == -signal.SIGKILL
        result = attempt(0)
        assert result.returncode == 0, result.stderr
        compare(kind, folder, files)
    print(f"SIGKILL at each {stride}. of {number} file calls, {cuts} in all: the same command ends with the same bits")


def full_disk():
    kind = "three seeds"
    files, _ = uncut(kind)
    disk, folder = WORK / "disk", WORK / "cut"
    disk.mkdir()
    size = sum(path.stat().st_size for path in (WORK / "uncut").rglob("*.safetensors"))
    mount = run(["mount", "-t", "tmpfs", "-o", f"size={size * 3 // 2}", "tmpfs", str(disk)])
    if mount.returncode != 0:
        print("skipped: " + mount.stderr)
        sys.exit(77)
    try:
        start = command(kind, folder, "--checkpoint-dir", str(disk / "checkpoint"), "--threads", "1")
        result = run(start)
        assert result.returncode == 0, result.stderr
        assert result.stderr.count("no checkpoint could be written") == 1, result.stderr
        assert "No space left on device" in result.stderr, result.stderr
        compare(kind, folder, files)
        assert not list((disk / "checkpoint").iterdir()), "left on the full disk"

        shutil.rmtree(folder)
        process = subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        for line in process.stdout:  # the second model's checkpoints do not fit any more
            if line.startswith("Model 3"):
                process.kill()
                break
        process.communicate()
        result = run(start)
        assert result.returncode == 0 and "resumed from iteration" in result.stderr, result.stderr
        compare(kind, folder, files)
        print("a full disk: one note, training goes on, the older checkpoint is gone on from")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def main():
    make_ratings()
    try:
        if sys.argv[2] == "kills":
            kills(int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 1)
        elif sys.argv[2] == "calls":
            calls(shutil.copy(sys.argv[3], WORK), int(sys.argv[4]))  # LD_PRELOAD takes no path with a blank
        else:
            full_disk()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)


main()
