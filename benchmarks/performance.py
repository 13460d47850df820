#!/usr/bin/env python3
"""Measures with gcmc_bench, and writes the tables of docs/performance.md and the figure docs/roofline.svg.

    python3 benchmarks/performance.py [--bench build/release/bin/gcmc_bench] [--out build/performance] [--only REGEX]
        [--repetitions 5] [--graph FILE]... [--line NS] [--through COMMAND] [--no-measuring]
    python3 benchmarks/performance.py --prototype FOLDER [--python PYTHON] [--bench ...] [--through COMMAND]

Each group of benchmarks runs in a process of its own, and its JSON lies in OUT; --only measures a part anew, and
--no-measuring writes from what lies there. --through runs every process through a command that keeps the machine quiet.
--line NS repeats, up to 12 times, what ran while a cache line took longer than so many nanoseconds from one thread to the
other: a virtual machine's cores may lie far apart on the host, now and then.
--prototype writes the table of other programs' steps alone: FOLDER/epoch, our AVX2 kernels and, run by PYTHON, which has
torch, FOLDER/peer_pytorch.py, by turns with ours on FOLDER/ml100k.bin, ml1m.bin and ml10m.bin.
The standard library is all it needs.
"""
import argparse
import json
import math
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys

import roofline
from results import Results, json_files, plain_name

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETS = [("ml-100k", "stack"), ("ml-1m", "stack"), ("ml-1m", "sum"), ("ml-10m", "stack")]
PROTOTYPE_GRAPHS = {"ml-100k": "ml100k.bin", "ml-1m": "ml1m.bin", "ml-10m": "ml10m.bin"}
MOST_TRIES = 12
PYTORCH_EPOCHS = {"ml-100k": 30, "ml-1m": 8}
# Without it, most of PyTorch's time goes to the kernel, which clears pages.
TUNED_ALLOCATOR = ("glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:"
                   "glibc.malloc.trim_threshold=8589934592")


# ---- measuring

def call(arguments, command, folder=None, **variables):
    command = shlex.split(arguments.through) + [str(part) for part in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, cwd=folder,
                          env={**os.environ, **variables})
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)} failed:\n{done.stderr}")
    return done.stdout


def group_of(name):
    """What runs in one process: an epoch and its evaluation; all operations of one step; the rest by kind."""
    kind, *parts = plain_name(name).split("/")
    if kind in ("epoch", "evaluate", "evaluated_epoch"):
        return "epoch-" + "-".join(parts)
    return kind if kind == "ceiling" else f"{kind}-" + "-".join(parts[1:])


def measure(arguments):
    graphs = [f"--graph={graph}" for graph in arguments.graph]
    names = call(arguments, [arguments.bench, *graphs, "--benchmark_list_tests"]).split()
    groups = {}
    for name in names:
        if re.search(arguments.only, name):
            groups.setdefault(group_of(name), []).append(name)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for group, members in groups.items():
        print(group, flush=True)
        out = arguments.out / (group.replace(":", "") + ".json")
        unfinished, nearest = out.with_suffix(".tmp"), math.inf
        for _ in range(MOST_TRIES):
            call(arguments, [arguments.bench, *graphs, f"--benchmark_repetitions={arguments.repetitions}",
                             "--benchmark_filter=^(" + "|".join(members).replace(".", "[.]") + ")$",
                             f"--benchmark_min_time={0.1 if group.startswith('kernel') else 0.5}",
                             f"--benchmark_out={unfinished}"])
            farthest = farthest_line(unfinished)
            if farthest < nearest:
                nearest = farthest
                unfinished.rename(out)
            if nearest <= arguments.line:
                break
        unfinished.unlink(missing_ok=True)


def farthest_line(path):
    """The slowest of all repetitions' line_ns; 0 where one thread ran."""
    entries = json.loads(path.read_text())["benchmarks"]
    return max((entry.get("line_ns", 0) for entry in entries if entry["run_type"] == "iteration"), default=0)


def our_step(arguments, graph, case, **variables):
    out = arguments.out / "prototype.tmp"
    call(arguments, [arguments.bench, f"--graph={graph}", f"--benchmark_filter=^epoch/{case}/", "--benchmark_repetitions=3",
                     "--benchmark_min_time=2", f"--benchmark_out={out}"], **variables)
    step = Results([out]).get(f"epoch/{case}", "median_ms")
    out.unlink()
    return step


def pytorch_step(arguments, folder, shape, aggregation):
    if not arguments.python or shape not in PYTORCH_EPOCHS:
        return None
    told = call(arguments, [arguments.python, "peer_pytorch.py", shape[3:], aggregation, PYTORCH_EPOCHS[shape], "csr"],
                folder, GLIBC_TUNABLES=TUNED_ALLOCATOR)
    return 1e3 * float(re.search(r"median ([0-9.]+)", told)[1])


def run_prototype(arguments):
    """Medians of the others' and our steps, by turns. Rows of a table."""
    rows, folder = [], pathlib.Path(arguments.prototype).resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for shape, aggregation in SETS:
        graph, case = folder / PROTOTYPE_GRAPHS[shape], f"{shape}/{aggregation}/dgl/keep:0.3/threads:2"
        turns = []
        for _ in range(3):
            told = call(arguments, [folder / "epoch", graph, aggregation, 0.3, 12 if shape == "ml-10m" else 40])
            turns.append([our_step(arguments, graph, case), float(re.search(r"median ([0-9.]+) ms", told)[1]),
                          pytorch_step(arguments, folder, shape, aggregation),
                          our_step(arguments, graph, case, GCMC_CPU_ISA="avx2")])
        ours, prototype, pytorch, avx2 = (list(column) for column in zip(*turns))
        cells = [milliseconds(statistics.median(ours)), milliseconds(statistics.median(prototype)),
                 ratio_of_turns(ours, prototype)]
        for others in (pytorch, avx2):
            known = others[0] is not None
            cells += [milliseconds(statistics.median(others)), ratio_of_turns(others, ours)] if known else ["", ""]
        rows.append([f"{shape} {aggregation}", *cells])
    return rows


# ---- tables

def milliseconds(value):
    return "" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def percent(value):
    return "" if value is None else f"{100 * value:.0f} %"


def ratio(a, b):
    return "" if a is None or b is None else f"{a / b:.2f}"


def ratio_of_turns(a, b):
    return f"{statistics.median(x / y for x, y in zip(a, b)):.3g}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def steps(results):
    rows = []
    for name in results.benchmarks:
        kind, *case = name.split("/")
        if kind != "epoch" or case[-1] != "threads:2":
            continue
        case = "/".join(case)
        step, alone, evaluation, both = (
            results.get(other, "median_ms") for other in
            (name, "epoch/" + case.replace("threads:2", "threads:1"), "evaluate/" + case, "evaluated_epoch/" + case))
        shape, aggregation, variant, keep, _ = case.split("/")
        rows.append([f"{shape} {aggregation}", variant, keep[5:], milliseconds(step), milliseconds(alone),
                     ratio(alone, step), milliseconds(evaluation),
                     percent(both / step - 1) if both else "",
                     f"{1e6 * step / results.get(name, 'edges'):.1f}", f"{results.get(name, 'peak_gigabytes'):.2f}",
                     f"{line:.0f}" if (line := results.get(name, "line_ns")) else ""])
    return table(["graph", "options", "keep", "step, ms", "1 thread", "speed-up", "evaluation, ms", "adds",
                  "ns an edge", "peak, GB", "line, ns"], rows)


def best(results):
    rows = []
    names = [name.split("/") for name in results.benchmarks if "/best/" in name and name.endswith("threads:2")]
    for shape, keep in ((parts[1], parts[4].removeprefix("keep:")) for parts in names if parts[0] == "epoch"):
        step = results.get(f"epoch/{shape}/stack/best/keep:{keep}/threads:2", "median_ms")
        plain = results.get(f"epoch/{shape}/stack/dgl/keep:{keep}/threads:2", "median_ms")
        rows.append([shape, keep, milliseconds(step), milliseconds(plain), ratio(step, plain)])
    return table(["graph", "keep", "`best`, ms", "`dgl`, ms", "ratio"], rows)


def phases(results):
    columns = [f"epoch/{shape}/{aggregation}/dgl/keep:0.3/threads:2" for shape, aggregation in SETS]
    names = sorted({key for column in columns for key in results.benchmarks.get(column, {}) if key.startswith("ms_")})
    rows = [[name[3:]] + [milliseconds(results.get(column, name)) for column in columns] for name in names]
    rows.append(["whole step"] + [milliseconds(results.get(column)) for column in columns])
    return table(["phase, ms"] + [f"{shape} {aggregation}" for shape, aggregation in SETS], rows)


def kernel_names(results, case):
    return [name for name in results.benchmarks if name.startswith("kernel/") and name.endswith("/" + case)]


def kernels(results):
    rows = []
    for shape, aggregation in SETS:
        for name in kernel_names(results, f"{shape}/{aggregation}/dgl/keep:0.3/threads:2"):
            alone = results.get(name.replace("threads:2", "threads:1"))
            per_edge = results.get(name, "ns_per_edge")
            rows.append([f"{shape} {aggregation}", name.split("/")[1], milliseconds(results.get(name)),
                         ratio(alone, results.get(name)), f"{results.get(name, 'gigaflop_per_s'):.0f}",
                         f"{results.get(name, 'gigabyte_per_s'):.0f}", f"{per_edge:.1f}" if per_edge else "",
                         percent(results.get(name, "of_fma")), percent(results.get(name, "of_stream")),
                         percent(results.get(name, "of_gather")), percent(results.get(name, "of_ceiling"))])
    return table(["graph", "operation", "ms", "speed-up", "GFLOP/s", "GB/s", "ns an edge", "of FMA", "of stream",
                  "of gather", "of its ceiling"], rows)


def dropout(results):
    rows = []
    for shape, aggregation in SETS:
        for phase in ("build_table", "aggregate", "dense", "dense_gradient", "dense_backward", "aggregate_backward",
                      "update"):
            names = [f"kernel/{phase}/{shape}/{aggregation}/dgl/keep:{keep}/threads:2" for keep in ("0.3", "0.7", "1")]
            if any(results.get(name) for name in names[1:]):
                rows.append([f"{shape} {aggregation}", phase] + [milliseconds(results.get(name)) for name in names] +
                            [ratio(results.get(names[0]), results.get(names[2])),
                             percent(results.get(names[2], "of_ceiling"))])
    return table(["graph", "operation", "keep 0.3, ms", "keep 0.7", "keep 1", "0.3 over 1", "keep 1, of its ceiling"],
                 rows)


def prior_forms(results):
    rows = []
    for shape, aggregation in SETS:
        case = f"{shape}/{aggregation}/dgl"
        eigen = results.get(f"baseline/eigen_sparse_dense/{case}/keep:1/threads:2")
        for keep in ("0.3", "1"):
            ours = results.get(f"kernel/aggregate/{case}/keep:{keep}/threads:2")
            if eigen:
                rows.append([f"{shape} {aggregation}", f"aggregate, keep {keep}",
                             "Eigen's sparse-dense product, all edges", milliseconds(ours), milliseconds(eigen),
                             ratio(eigen, ours)])
        plain = results.get(f"baseline/unfused_decoder/{case}/keep:0.3/threads:2")
        ours = results.get(f"kernel/decode/{case}/keep:0.3/threads:2")
        if plain:
            rows.append([f"{shape} {aggregation}", "decode", "unfused plain loops", milliseconds(ours),
                         milliseconds(plain), ratio(plain, ours)])
    return table(["graph", "operation", "prior form", "ours, ms", "theirs, ms", "times faster"], rows)


def ceilings(results):
    names = [name.rsplit("/", 1)[0] for name in results.benchmarks
             if name.startswith("ceiling/") and name.endswith("threads:1")]
    rows = []
    for name in names:
        figure = "gigaflop_per_s" if name == "ceiling/fma" else "gigabyte_per_s"
        rows.append([name.split("/", 1)[1].replace("/", ", "), "GFLOP/s" if name == "ceiling/fma" else "GB/s"] +
                    [f"{value:.0f}" if (value := results.get(f"{name}/threads:{threads}", figure)) else ""
                     for threads in (1, 2)])
    return table(["ceiling", "unit", "1 thread", "2 threads"], rows)


def machine(results, arguments):
    context = results.context
    caches = ", ".join(f"L{c['level']} {c['type'].lower()} {c['size'] // 1024} KB"
                       for c in context["caches"] if c["type"] != "Instruction")
    graphs = "graph files" if context["graphs"] == "files" else "the generator's graphs"
    return (f"{context['processor']}, {context['num_cpus']} cores ({caches}); {context['backend']}, "
            f"compiled by {context['compiler']}; {context['date'][:10]}; {graphs}; medians of "
            f"{arguments.repetitions} repetitions.")


def write_between_marks(path, parts):
    text = path.read_text()
    for name, content in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        if begin not in text or end not in text:
            sys.exit(f"{path}: has no marks {begin} and {end}")
        text = text[:text.index(begin) + len(begin)] + "\n" + content + "\n" + text[text.index(end):]
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text)
    unfinished.rename(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=str(ROOT / "build/release/bin/gcmc_bench"), help="the benchmarks' program")
    parser.add_argument("--out", default=ROOT / "build/performance", type=pathlib.Path, help="folder of the JSON files")
    parser.add_argument("--only", default="", help="regular expression of benchmarks to measure")
    parser.add_argument("--repetitions", default=5, type=int, help="of each benchmark; medians are written")
    parser.add_argument("--graph", default=[], action="append", help="a graph file to measure on, instead of our graphs")
    parser.add_argument("--line", default=math.inf, type=float, metavar="NS",
                        help="repeat what ran while the cores lay farther apart than that")
    parser.add_argument("--through", default="", metavar="COMMAND", help="what runs every process")
    parser.add_argument("--prototype", metavar="FOLDER", help="measure beside other programs, and write that table alone")
    parser.add_argument("--python", help="a Python with torch, for the peer beside the prototype")
    parser.add_argument("--no-measuring", action="store_true", help="write from what was measured before")
    arguments = parser.parse_args()
    if arguments.prototype:
        rows = run_prototype(arguments)
        return write_between_marks(ROOT / "docs/performance.md", {
            "prototype": table(["graph", "ours, ms", "prototype, ms", "ours / its", "PyTorch, ms", "its / ours",
                                "our AVX2, ms", "its / ours"], rows)})
    if not arguments.no_measuring:
        measure(arguments)
    results = Results(json_files(arguments.out))
    if not results.benchmarks:
        sys.exit(f"{arguments.out}: no measurements there")
    parts = {"machine": machine(results, arguments), "steps": steps(results), "best": best(results),
             "phases": phases(results), "operations": kernels(results), "dropout": dropout(results),
             "prior forms": prior_forms(results), "ceilings": ceilings(results)}
    write_between_marks(ROOT / "docs/performance.md", parts)
    (ROOT / "docs/roofline.svg").write_text(roofline.draw(results))


if __name__ == "__main__":
    main()
