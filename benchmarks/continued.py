#!/usr/bin/env python3
"""Yesterday's model trained on with today's ratings, beside a training from nothing.

    continued.py GCMC FOLDER [OPTIONS...]   FOLDER: ml-100k's; OPTIONS: of every training, after --continue's own

Training ratings are those of u1.base less a tenth, drawn at random, for validation; yesterday has the first 90 % of them by
time, today all. Validation and test ratings (u1.test) are the same for all, and no training sees them. Prints a table.
"""
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GCMC, DATA, OPTIONS = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
BASE = ["--use-one-hot-fea", "true", "--gcn-agg-accum", "stack"]
SHORT = ["--train-max-iter", "100", "--train-schedule", "cosine"]


def read(name):
    return [line.split("\t") for line in (DATA / name).read_text().splitlines()]


def write(path, rows):
    path.write_text("userId,movieId,rating,timestamp\n" + "".join(",".join(row) + "\n" for row in rows))


def train(work, ratings, folder, *options):
    start = time.time()
    subprocess.run([GCMC, "train", str(work / ratings), "--test-ratings", str(work / "test.csv"), "--valid-ratings",
                    str(work / "valid.csv"), "--save-dir", str(folder), "--silent", "true", *options, *OPTIONS],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics = json.loads((folder / "metrics.json").read_text())
    return {**metrics, "seconds": time.time() - start}


def main():
    print("| training | seed | validation | test | steps, best at | seconds |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        rows = read("u1.base")
        random.Random(1).shuffle(rows)
        known = sorted(rows[len(rows) // 10:], key=lambda row: int(row[3]))
        write(work / "valid.csv", rows[:len(rows) // 10])
        write(work / "test.csv", read("u1.test"))
        write(work / "today.csv", known)
        write(work / "yesterday.csv", known[:len(known) * 9 // 10])
        for seed in ("1", "2", "3"):
            runs = {"yesterday": train(work, "yesterday.csv", work / f"y{seed}", *BASE, "--seed", seed),
                    "today, from nothing": train(work, "today.csv", work / f"n{seed}", *BASE, "--seed", seed),
                    "today, `--continue`": train(work, "today.csv", work / f"c{seed}", "--continue",
                                                 str(work / f"y{seed}")),
                    "today, `--continue`, 100 steps": train(work, "today.csv", work / f"s{seed}", "--continue",
                                                            str(work / f"y{seed}"), *SHORT),
                    "today, from nothing, 100 steps": train(work, "today.csv", work / f"m{seed}", *BASE, "--seed", seed,
                                                            *SHORT)}
            for name, m in runs.items():
                print(f"| {name} | {seed} | {m['best_valid_rmse']:.4f} | {m['best_test_rmse']:.4f} | "
                      f"{m['iterations']}, {m['best_iteration']} | {m['seconds']:.0f} |".replace(" 0.", " ."), flush=True)


main()
