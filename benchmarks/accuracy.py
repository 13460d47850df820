#!/usr/bin/env python3
"""Reproduces the tables of docs/accuracy.md: trains every configuration there and prints the figures as Markdown.

    python3 benchmarks/accuracy.py [--quick] [--only PART] [--out build/accuracy] [--write docs/accuracy.md]

Trainings lie in OUT, one folder each; those that are complete are not repeated, so a stopped run goes on where it was.
--quick takes a few minutes on two cores: seed 1 on ml-100k's u1, and one short run on ml-1m.
Data is found as `gcmc train` finds it (GCMC_DATA_DIR, the cache, a download). The standard library is all it needs.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ML100K = "--data-name ml-100k"
ML1M = "--data-name ml-1m"
DGL100K = "--preset dgl --use-one-hot-fea true --gcn-agg-accum stack"
DGL1M = "--preset dgl --use-one-hot-fea true --gcn-agg-accum sum"

# What was tried beside the preset best: changes to it, and the seeds of each.
TRIALS_1M = {"": [1],
             "--gcn-dropout 0.5": [1],
             "--gcn-dropout 0.5 --train-target-removal 0.1": [1],
             "--gcn-dropout 0.5 --train-target-removal 0.1 --train-max-iter 3000 --train-lr 0.03": [1]}

# What best was on ml-1m when these were tried.
BEFORE = ("--ordinal true --train-min-lr 0.0004 --train-table-lr-factor 1 --train-warm-up 0 --train-average-decay 0.99 "
          "--train-max-iter 2000 --gcn-agg-units 500")


class Lab:
    """Trains what is not trained yet, and reads figures."""

    def __init__(self, program, out):
        self.program, self.out = program, out

    def train(self, name, arguments):
        """The metrics.json of `gcmc train ARGUMENTS`, whose run lies in out/name."""
        folder = self.out / name
        metrics, told = folder / "metrics.json", folder / "arguments.txt"
        if not (metrics.exists() and told.exists() and told.read_text() == arguments):
            print(f"{name}: gcmc train {arguments}", file=sys.stderr, flush=True)
            subprocess.run([self.program, "train", *arguments.split(), "--silent", "--save-dir", str(folder)],
                           check=True, stdout=subprocess.DEVNULL)
            told.write_text(arguments)
        result = json.loads(metrics.read_text())
        if result["stopped"]:
            told.unlink()
            sys.exit(f"{name} was stopped: run this again to go on")
        return result


def figure(value):
    return f"{value:.4f}".lstrip("0") if value is not None else ""


def difference(values):
    """The mean of signed differences."""
    mean = sum(values) / len(values)
    return ("−" if mean < 0 else "+") + figure(abs(mean))


def spread(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return figure(mean)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    return f"{figure(mean)} ± {figure(deviation)}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def runs_row(name, runs):
    """A row of one configuration's runs, which differ in their seeds."""
    tests = [run["best_test_rmse"] for run in runs]
    training = runs[0]["valid_in_training"]
    return [f"`{name}`", *map(figure, tests), f"**{spread(tests)}**",
            "trained on" if training else spread([run["best_valid_rmse"] for run in runs]),
            ", ".join(str(run["best_iteration"]) for run in runs),
            f"{sum(run['seconds_total'] for run in runs) / len(runs):.0f}"]


RUNS_HEAD = ["test: mean ± deviation", "validation", "iterations", "seconds each"]


def seeds_table(lab, prefix, configurations, seeds):
    """Configurations, each trained with every seed on its own, and the bias baseline."""
    rows, baselines = [], []
    for name, arguments in configurations:
        runs = [lab.train(f"{prefix}-{name}-{seed}", f"{arguments} --seed {seed}") for seed in seeds]
        baselines = [run["baseline_test_rmse"] for run in runs]
        rows.append(runs_row(name, runs))
    rows.insert(0, ["bias baseline", *map(figure, baselines), spread(baselines), "", "", ""])
    return table(["configuration", *(f"seed {seed}" for seed in seeds), *RUNS_HEAD], rows)


def together(lab, prefix, name, arguments, seeds):
    """The metrics.json of `seeds` models trained in one run, with the figures of each and of their average."""
    return lab.train(f"{prefix}-{name}", f"{arguments} --seed 1 --seeds {seeds}")


def averages_table(lab, prefix, configurations, seeds):
    """Configurations, each trained with seeds 1 .. `seeds` in one run, and what their averaged predictions reach."""
    rows = []
    for name, arguments in configurations:
        run = together(lab, prefix, name, arguments, seeds)
        rows.append([*runs_row(name, run["members"]), f"**{figure(run['best_test_rmse'])}**"])
    rows.insert(0, ["bias baseline"] + [figure(run["baseline_test_rmse"])] * (seeds + 1) + [""] * 4)
    return table(["configuration", *(f"seed {seed}" for seed in range(1, seeds + 1)), *RUNS_HEAD, "averaged"], rows)


def folds_table(lab, folds, seeds):
    """dgl and best on ml-100k's five splits, the same options on each."""
    rows = []
    for fold in folds:
        cells, means = [], []
        for name, arguments in (("dgl", DGL100K), ("best", "--preset best")):
            run = together(lab, f"ml-100k-{fold}", name, f"{ML100K} --split {fold} {arguments}", seeds)
            tests = [member["best_test_rmse"] for member in run["members"]]
            means.append(sum(tests) / len(tests))
            cells += [spread(tests), figure(run["best_test_rmse"])]
        rows.append([fold, figure(run["baseline_test_rmse"]), *cells, figure(means[0] - means[1])])
    return table(["split", "bias baseline", "`dgl`", "averaged", "`best`", "averaged", "gain"], rows)


def trials_table(lab, data, base, trials):
    """One change a row to the preset best, without its refit. Validation decides; the test part is not looked at.
    Each seed draws validation ratings of its own, so a change is compared with the unchanged preset seed by seed."""
    rows, unchanged = [], {}
    for change, seeds in trials.items():
        name = change.replace("--", "").replace(" ", "-") or "best"
        runs = {seed: lab.train(f"{data}-trial-{name}-{seed}", f"{base} {change} --seed {seed}") for seed in seeds}
        unchanged = unchanged or runs
        gains = [runs[seed]["best_valid_rmse"] - unchanged[seed]["best_valid_rmse"] for seed in seeds]
        rows.append([f"`{change}`" if change else "none",
                     ", ".join(figure(run["best_valid_rmse"]) for run in runs.values()),
                     difference(gains) if change else "",
                     ", ".join(str(run["best_iteration"]) for run in runs.values()),
                     f"{sum(run['seconds_total'] for run in runs.values()) / len(runs):.0f}"])
    return table(["change", "validation of each seed", "less the unchanged", "iterations", "seconds each"], rows)


def parts(lab, quick):
    """Name and text of every table, in the order of the document."""
    u1 = f"{ML100K} --split u1"
    if quick:
        yield "ml-100k", lambda: seeds_table(
            lab, "ml-100k-quick", [("dgl", f"{u1} {DGL100K}"), ("best", f"{u1} --preset best")], [1])
        yield "ml-1m-short", lambda: seeds_table(
            lab, "ml-1m-short", [("best", f"{ML1M} --preset best --train-max-iter 300 --refit false")], [1])
        return
    yield "ml-100k", lambda: averages_table(
        lab, "ml-100k-u1", [("dgl", f"{u1} {DGL100K}"), ("paper", f"{u1} --preset paper"), ("best", f"{u1} --preset best")],
        3)
    yield "folds", lambda: folds_table(lab, ["u1", "u2", "u3", "u4", "u5"], 3)
    yield "ml-1m", lambda: seeds_table(lab, "ml-1m", [("best", f"{ML1M} --preset best")], [1, 2, 3])
    yield "ml-1m-published", lambda: seeds_table(
        lab, "ml-1m", [("dgl", f"{ML1M} {DGL1M}"), ("paper", f"{ML1M} --preset paper")], [123])
    yield "trials-1m", lambda: trials_table(
        lab, "ml-1m", f"{ML1M} --preset best {BEFORE} --refit false --train-valid-interval 20 --embedding-draws 0"
        " --label-smoothing 0 --calibrate false", TRIALS_1M)
    yield "ml-latest-small", lambda: seeds_table(
        lab, "ml-latest-small", [("dgl", f"--data-name ml-latest-small {DGL100K}"),
                                 ("auto", "--data-name ml-latest-small --preset auto")], [1, 2, 3])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a part of it, in a few minutes")
    parser.add_argument("--only", metavar="PART", help="one table alone")
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/gcmc"), help="the trainer")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/accuracy", help="folder of the runs")
    parser.add_argument("--write", type=pathlib.Path, help="put the tables between this document's markers")
    arguments = parser.parse_args()
    if arguments.quick and arguments.write:
        sys.exit("--quick trains less than the document's tables: leave out --write")
    if not pathlib.Path(arguments.program).exists():
        sys.exit(f"{arguments.program} is not there: bash examples/run.sh builds it")

    text = arguments.write.read_text() if arguments.write else None
    tables = dict(parts(Lab(arguments.program, arguments.out), arguments.quick))
    if arguments.only not in (None, *tables):
        sys.exit(f"there is no table {arguments.only}: {', '.join(tables)}")
    for name, make in tables.items():
        if arguments.only not in (None, name):
            continue
        result = make()
        print(f"## {name}\n\n{result}\n", flush=True)
        if text is not None:
            begin, end = f"<!-- {name} -->\n", f"<!-- {name} end -->"
            if begin not in text:
                sys.exit(f"{arguments.write} has no place for the table {name}: {begin.strip()} ... {end}")
            head, rest = text.split(begin, 1)
            text = f"{head}{begin}\n{result}\n\n{end}{rest.split(end, 1)[1]}"
            arguments.write.write_text(text)


if __name__ == "__main__":
    main()
