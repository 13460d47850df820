#!/usr/bin/env python3
"""Times how the Python package reads ratings out of frames, beside the program's reader of CSV, and prints the table of
docs/python.md as Markdown.

    python3 benchmarks/python_frames.py [--ratings 10000000] [--program build/release/bin/gcmc]

Each row is a process of its own. Memory is the peak of the resident set while reading, less what was resident before,
frame included; of the program it is the peak. Needs the package gcmc, pandas, polars, pyarrow and duckdb.
"""

import argparse
import ctypes
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

FORMS = ["dict of arrays", "pandas", "polars", "pyarrow", "duckdb", "polars, text ids", "pandas, text ids"]


def columns(count):
    random = np.random.default_rng(1)
    return {"user": random.integers(0, 200_000, count), "item": (random.pareto(1, count) * 100).astype(np.int64) % 20_000,
            "rating": random.integers(1, 6, count).astype(np.float64)}


def frame_of(form, count):
    table = columns(count)
    library = form.split(",")[0]
    if library == "dict of arrays":
        return table
    if library == "pyarrow":
        import pyarrow
        return pyarrow.table(table)
    if library == "duckdb":
        import duckdb
        connection = duckdb.connect()
        connection.register("given", __import__("pyarrow").table(table))
        connection.execute("create table ratings as select * from given")
        connection.unregister("given")
        return connection.table("ratings")
    if library == "polars":
        import polars
        frame = polars.DataFrame(table)
        return frame.with_columns(polars.format("u{}", "user").alias("user")) if "text" in form else frame
    import pandas
    frame = pandas.DataFrame(table)
    return frame.assign(user="u" + frame["user"].astype(str)) if "text" in form else frame


def resident(field):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def measure(form, count):
    import gcmc
    frame = frame_of(form, count)
    ctypes.CDLL(None).malloc_trim(0)  # what making the frame left behind, which some give back by and by
    time.sleep(2)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before, start, start_of_cpu = resident("VmRSS"), time.perf_counter(), time.process_time()
    assert gcmc.describe(frame)["ratings"] > 0
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time() - start_of_cpu,
                      "megabytes": resident("VmHWM") - before}))


def measure_program(program, count, folder):
    path = os.path.join(folder, "ratings.csv")
    with open(path, "w") as file:
        file.write("user,item,rating\n")
        table = columns(count)
        for begin in range(0, count, 100_000):
            rows = zip(*(column[begin:begin + 100_000].tolist() for column in table.values()))
            file.write("".join(f"{user},{item},{rating:g}\n" for user, item, rating in rows))
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([program, "data", "inspect", path, "--json"], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_maxrss > before.ru_maxrss, "an earlier child was larger"
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "megabytes": after.ru_maxrss / 1024}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=10_000_000)
    parser.add_argument("--program", default="build/release/bin/gcmc")
    parser.add_argument("--form", help="measure this one alone, in this process")
    given = parser.parse_args()
    if given.form:
        return measure(given.form, given.ratings)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        rows["`gcmc data inspect`, CSV"] = measure_program(given.program, given.ratings, folder)
    for form in FORMS:
        command = [sys.executable, __file__, "--form", form, "--ratings", str(given.ratings)]
        rows[form] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print(f"| {given.ratings:,} ratings from | seconds | CPU seconds | MB |\n|---|---|---|---|")
    for form, row in rows.items():
        print(f"| {form} | {row['seconds']:.1f} | {row['cpu']:.1f} | {row['megabytes']:.0f} |")


if __name__ == "__main__":
    main()
