#!/usr/bin/env python3
"""Measures what reading ratings costs, and writes that table of docs/performance.md.

    python3 benchmarks/reading.py [--build build/release] [--out build/reading] [--set synthetic-25m] [--repetitions 5]

OUT gets the set as a table with times and in the binary form, and a virtual environment with pandas and polars, which pip
fetches. Every measurement is a process of its own, and all take turns; figures are medians. Seconds are those of reading
alone, without the start of the process; memory is the process's peak.
"""
import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = """
import sys, time, {module}
begin = time.perf_counter()
table = {module}.read_csv(sys.argv[1])
print(len(table), time.perf_counter() - begin)
"""


def run(command, **variables):
    """What the command prints, and its peak memory in bytes."""
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **variables}) as process:
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} failed")
    return printed, usage.ru_maxrss * 1024


def make_files(arguments):
    """The set with a time for every rating, as MovieLens has it; and in the binary form."""
    program, plain = arguments.build / "bin/gcmc", arguments.out / "plain.csv"
    table, binary = arguments.out / f"{arguments.set}.csv", arguments.out / f"{arguments.set}.gcmc"
    if not binary.exists():
        run([program, "data", "generate", arguments.set, plain])
        times = random.Random(1)
        with open(plain, encoding="ascii") as lines, open(table, "w", encoding="ascii") as timed:
            next(lines)
            timed.write("userId,movieId,rating,timestamp\n")
            for line in lines:
                timed.write(f"{line[:-1]},{1000000000 + int(times.random() * 600000000)}\n")
        plain.unlink()
        run([program, "data", "convert", table, binary])
    return table, binary


def make_python(folder):
    python = folder / "venv/bin/python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pandas", "polars"], check=True)
    return python


def readers(arguments, table, binary):
    """What is measured: its name, file, threads, command and environment."""
    reading, python, cores = arguments.build / "bin/reading", make_python(arguments.out), os.cpu_count()
    for threads in sorted({1, cores}):
        yield "gcmc", table, threads, [reading, table, "passed_over", threads], {}
        yield "polars, into columns", table, threads, [python, "-c", PYTHON.format(module="polars"), table], {
            "POLARS_MAX_THREADS": str(threads)}
    yield "getline and from_chars, into arrays", table, 1, [reading, table, "getline"], {}
    yield "pandas, into columns", table, 1, [python, "-c", PYTHON.format(module="pandas"), table], {}
    yield "gcmc, binary form", binary, 1, [reading, binary, "passed_over", 1], {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/reading")
    parser.add_argument("--set", default="synthetic-25m")
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    measured = list(readers(arguments, *make_files(arguments)))
    results = [[] for _ in measured]
    for _ in range(arguments.repetitions):
        for (*_, command, variables), result in zip(measured, results):
            printed, memory = run(command, **variables)
            result.append([float(word) for word in printed.split()] + [memory])
    print("| reader | threads | s | MB/s | peak MB |\n|---|---|---|---|---|")
    for (name, file, threads, *_), result in zip(measured, results):
        seconds = statistics.median(times[1] for times in result)
        memory = max(times[-1] for times in result)
        print(f"| {name} | {threads} | {seconds:.2f} | {file.stat().st_size / seconds / 1e6:.0f} | {memory / 1e6:.0f} |")
    print("\nA graph of the ratings, shuffled:", ", ".join(
        f"{statistics.median(times[2] / times[0] for times in result) * 1e9:.0f} ns a rating on {threads} threads"
        for (name, _, threads, *_), result in zip(measured, results) if name == "gcmc"))
    print("load, of 1, 5 and 15 minutes:", *(f"{load:.1f}" for load in os.getloadavg()))


if __name__ == "__main__":
    main()
