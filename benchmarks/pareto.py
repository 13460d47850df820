#!/usr/bin/env python3
"""Measures error against wall time of our presets and of other programs; writes their tables and figure.

    python3 benchmarks/pareto.py [--build build/release] [--out build/pareto] [--sets ml-100k,...] [--seeds 3]
                                 [--ours fast,auto,...] [--peers libmf,surprise,...] [--tune-only]
                                 [--write docs/performance.md]

GCMC_DATA_DIR holds the data sets. OUT gets a virtual environment with the peers, which pip fetches, the sets' parts as gcmc
data split makes them, what was chosen (tuned.json) and what was measured (points.json): the script goes on where it was
stopped. A peer that is not there is said to be missing.

Every point is a process of its own, which reads, trains and tests; seconds are from its start to its end. Options of peers
are chosen for each length by validation ratings, with seed 1; then peers train on training and validation ratings, as our
presets do in their own way, and the test part is read once a run. Runs take turns, so that a busy minute is everybody's.
"""
import argparse
import itertools
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ["numpy", "scipy", "matplotlib", "libmf", "scikit-surprise", "cornac", "myfm", "mlpack"]


def grid(**choices):
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


FACTORS = grid(k=[10, 50], learning_rate=[0.005, 0.01], lambda_reg=[0.02, 0.05])
SURPRISE = grid(n_factors=[100], lr_all=[0.005, 0.01], reg_all=[0.02, 0.05, 0.1])
# name -> (shown name, lengths, options to choose from)
PEERS = {
    "libmf": ("LIBMF", [5, 10, 20, 40], grid(k=[32, 64, 128], penalty=[0.05, 0.07, 0.1], eta=[0.05, 0.1])),
    "surprise": ("Surprise SVD", [5, 10, 20, 40], SURPRISE),
    "cornac": ("Cornac MF", [10, 25, 50, 100], FACTORS),
    "myfm": ("myFM", [10, 30, 100], grid(rank=[8, 16])),
    "myfm-svdpp": ("myFM, ordered probit, SVD++", [10, 30, 100], grid(rank=[8])),
    "mlpack": ("mlpack RegSVD", [10, 30, 100], grid(rank=[5, 20], neighborhood=[5, 50],
                                                    normalization=["none", "item_mean"])),
}
# set -> (arguments of gcmc data split, name -> arguments of gcmc train); {seed} is the run's
def fast(*budgets):
    return {f"fast, {seconds} s": f"--preset fast --time-budget {seconds}s" for seconds in budgets}


OURS = {
    "ml-100k": ("ml-100k --split u1", {**fast(0.7, 1, 3, 10), "dgl": "--preset dgl --gcn-agg-accum stack",
                                       "best": "--preset best"}),
    "ml-1m": ("ml-1m", {**fast(1.6, 2, 2.5, 3.6, 7, 12, 17, 25), "dgl": "--preset dgl --gcn-agg-accum sum",
                        "best": "--preset best"}),
    "ml-latest-small": ("ml-latest-small", {**fast(1, 3, 10), "auto": "--preset auto"}),
}


class Lab:
    """What is known, in OUT, and how more is measured."""

    def __init__(self, arguments):
        self.out, self.program = arguments.out, str(arguments.build / "bin/gcmc")
        self.python = str(self.out / "venv/bin/python")

    def known(self, name):
        path = self.out / name
        return json.loads(path.read_text()) if path.exists() else {}

    def keep(self, name, what):
        part = self.out / (name + ".part")
        part.write_text(json.dumps(what, indent=1))
        part.replace(self.out / name)

    def parts(self, name, seed):
        """train.csv, valid.csv, test.csv and all.csv, the first two together."""
        folder = self.out / f"{name}-{seed}"
        if not (folder / "all.csv").exists():
            run([self.program, "data", "split", *OURS[name][0].split(), "--seed", str(seed), folder])
            header, *rest = (folder / "valid.csv").read_text().splitlines(keepends=True)
            (folder / "all.csv").write_text((folder / "train.csv").read_text() + "".join(rest))
        return folder

    def peer(self, peer, train, test, seed, length, options):
        """Error and seconds."""
        begin = time.perf_counter()
        printed = run([self.python, "-W", "ignore", ROOT / "benchmarks/pareto_peers.py", peer, train, test, str(seed),
                       str(length), json.dumps(options)])
        return float(printed.split()[-1]), time.perf_counter() - begin

    def ours(self, name, options, seed):
        begin = time.perf_counter()
        printed = run([self.program, "train", "--data-name", *OURS[name][0].split(), "--seed", str(seed), "--silent",
                       *options.split()])
        seconds = time.perf_counter() - begin
        return float(re.search(r"Best Test RMSE=([0-9.]+)", printed).group(1)), seconds

    def missing(self, peer):
        """Why the peer cannot be run; empty if it can."""
        module = peer.split("-")[0]
        return "" if subprocess.run([self.python, "-c", f"import {module}"], capture_output=True).returncode == 0 else (
            f"pip cannot install {module}")


def run(command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stderr}")
    return result.stdout


def make_environment(out):
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "venv/bin/python").exists():
        venv.create(out / "venv", with_pip=True)
        for package in PACKAGES:  # one that cannot be had is missing, the others are not
            subprocess.run([out / "venv/bin/pip", "install", "--quiet", package], check=False)


def tune(lab, name, peers):
    """For each peer and length the options of the least validation error: {peer: {length: options}}."""
    tuned, folder = lab.known("tuned.json"), lab.parts(name, 1)
    for peer in peers:
        _, lengths, choices = PEERS[peer]
        for length, options in itertools.product(lengths, choices):
            key = f"{name} {peer} {length} {json.dumps(options)}"
            if key in tuned:
                continue
            tuned[key] = lab.peer(peer, folder / "train.csv", folder / "valid.csv", 1, length, options)[0] if (
                len(choices) > 1) else 0
            print(f"{key}: {tuned[key]}", file=sys.stderr, flush=True)
            lab.keep("tuned.json", tuned)

    def chosen(peer, length):
        return min(PEERS[peer][2], key=lambda options: tuned[f"{name} {peer} {length} {json.dumps(options)}"])
    return {peer: {length: chosen(peer, length) for length in PEERS[peer][1]} for peer in peers}


def measure(lab, name, chosen, seeds, presets):
    """{what: [[error, seconds] of each seed]}, where what is a preset or a peer and its length."""
    points = lab.known("points.json")
    for seed in range(1, seeds + 1):
        folder = lab.parts(name, seed)
        for what, options in OURS[name][1].items():
            if what.split(",")[0] not in presets:
                continue
            take(lab, points, f"{name}|{what}", seed, lambda: lab.ours(name, options, seed))
        for peer, lengths in chosen.items():
            for length, options in lengths.items():
                take(lab, points, f"{name}|{PEERS[peer][0]}|{length}", seed,
                     lambda: lab.peer(peer, folder / "all.csv", folder / "test.csv", seed, length, options))
    return {key.split("|", 1)[1]: list(runs.values()) for key, runs in points.items() if key.startswith(name + "|")}


def take(lab, points, key, seed, run_once):
    runs = points.setdefault(key, {})
    if str(seed) in runs:
        return
    runs[str(seed)] = run_once()
    print(f"{key} seed {seed}: {runs[str(seed)]}", file=sys.stderr, flush=True)
    lab.keep("points.json", points)


def summary(runs):
    """Mean error, median seconds."""
    return statistics.mean(error for error, _ in runs), statistics.median(seconds for _, seconds in runs)


def shown(error):
    return f"{error:.4f}".lstrip("0")


def table(points, chosen):
    rows = ["| | seconds | test RMSE | options |", "|---|---|---|---|"]
    options = {f"{PEERS[peer][0]}|{length}": told for peer, lengths in chosen.items() for length, told in lengths.items()}
    for what, runs in sorted(points.items(), key=lambda entry: summary(entry[1])[1]):
        error, seconds = summary(runs)
        told = " ".join(f"{key}={value}" for key, value in options.get(what, {}).items())
        name = what.replace("|", ", ") if "|" in what else f"**gcmc {what}**"
        rows.append(f"| {name} | {seconds:.1f} | {shown(error)} | {told} |")
    return "\n".join(rows)


def draw(path, measured):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams.update({"svg.hashsalt": "gcmc", "font.family": "sans-serif", "svg.fonttype": "none"})
    figure, axes = pyplot.subplots(1, len(measured), figsize=(6.4 * len(measured), 4.8), squeeze=False)
    colours = dict(zip([shown_name for shown_name, _, _ in PEERS.values()],
                       ["#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#8C8C8C"]))
    for place, (name, points) in zip(axes[0], measured.items()):
        lines = {}
        for what, runs in points.items():
            peer, _, length = what.partition("|")
            lines.setdefault(peer if length else "gcmc " + what.split(",")[0], []).append(summary(runs)[::-1])
        for label, line in sorted(lines.items(), key=lambda entry: not entry[0].startswith("gcmc")):
            ours = label.startswith("gcmc")
            place.plot(*zip(*sorted(line)), marker="o" if ours else ".", label=label,
                       color={"gcmc dgl": "#7090C0", "gcmc best": "#002060", "gcmc auto": "#002060"}.get(
                           label, "#0060C0") if ours else colours[label], linewidth=2.4 if ours else 1.2)
        place.set(title=name, xscale="log", xlabel="seconds from start to end", ylabel="test RMSE")
        seconds = [second for line in lines.values() for second, _ in line]
        ticks = [tick for tick in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if min(seconds) < tick * 1.3 and max(seconds) > tick / 1.3]
        place.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        place.minorticks_off()
        lowest = min(error for line in lines.values() for _, error in line)
        place.set_ylim(lowest - 0.004, lowest + 0.07)
        place.grid(color="#E3E6EA")
        place.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def write(document, tables, missing):
    text = document.read_text()
    for name, lines in tables.items():
        begin, end = f"<!-- pareto {name} -->", f"<!-- pareto {name} end -->"
        if begin not in text:
            sys.exit(f"{document}: there is no {begin}")
        told = "".join(f"\n\nMissing: {peer} ({why})." for peer, why in missing.items())
        text = text[:text.index(begin)] + f"{begin}\n\n{lines}{told}\n\n" + text[text.index(end):]
    document.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/pareto")
    parser.add_argument("--sets", default=",".join(OURS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ours", default="fast,dgl,best,auto")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--tune-only", action="store_true")
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    make_environment(arguments.out)
    lab = Lab(arguments)
    if pathlib.Path(sys.prefix).resolve() != (arguments.out / "venv").resolve():
        os.execv(lab.python, [lab.python, *sys.argv])
    missing = {PEERS[peer][0]: lab.missing(peer) for peer in arguments.peers.split(",")}
    missing = {**{peer: why for peer, why in missing.items() if why}, "DGL": "its GC-MC is no part of its package"}
    peers = [peer for peer in arguments.peers.split(",") if PEERS[peer][0] not in missing]
    chosen = {name: tune(lab, name, peers) for name in arguments.sets.split(",")}
    if arguments.tune_only:
        return
    measured = {name: measure(lab, name, chosen[name], arguments.seeds, arguments.ours.split(",")) for name in chosen}
    tables = {name: table(points, chosen[name]) for name, points in measured.items()}
    for name, lines in tables.items():
        print(f"{name}\n{lines}\n")
    for peer, why in missing.items():
        print(f"missing: {peer} ({why})")
    if arguments.write:
        write(arguments.write, tables, missing)
        draw(arguments.write.with_name("pareto.svg"), measured)


main()
