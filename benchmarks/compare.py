#!/usr/bin/env python3
"""Compares two builds: the median time of every benchmark that both measured, and new over old.

    gcmc_bench --benchmark_filter=ml-1m --benchmark_repetitions=9 --benchmark_out=old.json     # by each build
    python3 benchmarks/compare.py old.json new.json [--phases]

A folder stands for all JSON files in it. --phases also compares the phases of the training steps. Run both builds in
the same minutes, one after the other and back again: another hour is another machine.
"""
import argparse
import sys

from results import Results, json_files


def rows(old, new, phases):
    for name in old.benchmarks:
        if name not in new.benchmarks:
            continue
        yield name, old.get(name), new.get(name)
        if phases:
            for key in old.benchmarks[name]:
                if key.startswith("ms_") and new.get(name, key):
                    yield f"    {key[3:]}", old.get(name, key), new.get(name, key)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--phases", action="store_true")
    arguments = parser.parse_args()
    found = list(rows(Results(json_files(arguments.old)), Results(json_files(arguments.new)), arguments.phases))
    if not found:
        sys.exit("the two have no benchmark in common")
    width = max(len(name) for name, _, _ in found)
    print(f"{'':{width}}  {'old ms':>10}  {'new ms':>10}  new/old")
    for name, before, after in found:
        print(f"{name:{width}}  {before:10.3f}  {after:10.3f}  {after / before:7.3f}")


if __name__ == "__main__":
    main()
