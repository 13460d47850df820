#!/usr/bin/env python3
"""What a side graph is worth where tastes follow it: python3 benchmarks/side_graph.py build/release/bin/gcmc [SEEDS]

Made-up ratings, always the same: users have tastes that are means over their friends' tastes, three times over, and rate a
few items each. Trains with and without --user-graph, on the same split, and prints the test RMSE of every seed."""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

USERS, ITEMS, FRIENDS, RATINGS, TASTES = 3000, 150, 8, 8, 4
OPTIONS = ["--preset", "auto", "--refit", "false", "--train-max-iter", "2000", "--feature-units", "50",
           "--data-test-ratio", "0.2", "--data-test-seed", "1", "--silent"]


def make(folder: pathlib.Path) -> None:
    draw = random.Random(1)
    friends = [set() for _ in range(USERS)]
    for user in range(USERS):  # near on a ring, one in ten anywhere
        for _ in range(FRIENDS // 2):
            far = draw.random() < 0.1
            other = draw.randrange(USERS) if far else (user + draw.randint(1, 10)) % USERS
            if other != user:
                friends[user].add(other)
                friends[other].add(user)
    tastes = [[draw.gauss(0, 1) for _ in range(TASTES)] for _ in range(USERS)]
    for _ in range(3):
        tastes = [[sum(tastes[f][k] for f in friends[u]) / len(friends[u]) for k in range(TASTES)] for u in range(USERS)]
    for k in range(TASTES):
        size = (sum(t[k] ** 2 for t in tastes) / USERS) ** 0.5
        for t in tastes:
            t[k] /= size
    items = [([draw.gauss(0, 1) for _ in range(TASTES)], draw.gauss(0, 0.3)) for _ in range(ITEMS)]
    with open(folder / "ratings.csv", "w") as out:
        out.write("user,item,rating\n")
        for user in range(USERS):
            for item in draw.sample(range(ITEMS), RATINGS):
                direction, bias = items[item]
                liking = sum(a * b for a, b in zip(tastes[user], direction)) / TASTES**0.5
                rating = min(5, max(1, round(3.3 + bias + liking + draw.gauss(0, 0.5))))
                out.write(f"u{user},i{item},{rating}\n")
    with open(folder / "friends.csv", "w") as out:
        out.write("source,target\n")
        for user in range(USERS):
            out.writelines(f"u{user},u{other}\n" for other in sorted(friends[user]))


def rmse(program: str, folder: pathlib.Path, seed: int, *more: str) -> tuple[float, float]:
    subprocess.run([program, "train", folder / "ratings.csv", "--seed", str(seed), "--save-dir", folder / "run",
                    *OPTIONS, *more], check=True, stdout=subprocess.DEVNULL)
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    return metrics["best_test_rmse"], metrics["baseline_test_rmse"]


def main() -> None:
    program, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make(folder)
        print("| seed | bias baseline | without the graph | with it |\n|---|---|---|---|")
        sums = [0.0, 0.0, 0.0]
        for seed in range(1, seeds + 1):
            without, baseline = rmse(program, folder, seed)
            with_graph, _ = rmse(program, folder, seed, "--user-graph", str(folder / "friends.csv"))
            print(f"| {seed} | {baseline:.4f} | {without:.4f} | {with_graph:.4f} |", flush=True)
            sums = [a + b / seeds for a, b in zip(sums, (baseline, without, with_graph))]
        print("| mean | " + " | ".join(f"{x:.4f}" for x in sums) + " |")


if __name__ == "__main__":
    main()
