"""Reads what gcmc_bench measured: Google Benchmark's JSON, one number a benchmark and counter, the median of repetitions."""
import json
import pathlib
import statistics
import sys

# Of a benchmark's entry, what is no counter of ours.
NOT_COUNTERS = {"iterations", "threads", "repetitions", "repetition_index", "family_index", "per_family_instance_index",
                "cpu_time"}
MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}


def plain_name(name):
    """Without what Google Benchmark adds about the way of timing."""
    return "/".join(part for part in name.split("/")
                    if part not in ("real_time", "manual_time") and not part.startswith(("iterations:", "repeats:")))


def figures(entry):
    found = {key: value for key, value in entry.items() if isinstance(value, (int, float)) and key not in NOT_COUNTERS}
    found["ms"] = found.pop("real_time") * MILLISECONDS[entry["time_unit"]]
    return found


class Results:
    """benchmarks: name -> {"ms": median time, counter: median}; context: of the last file read."""

    def __init__(self, paths):
        repetitions, self.context = {}, {}
        for path in paths:
            try:
                document = json.loads(pathlib.Path(path).read_text())
            except (OSError, ValueError) as error:
                sys.exit(f"{path}: cannot be read as gcmc_bench's JSON ({error})")
            self.context = document["context"]
            for entry in document["benchmarks"]:
                if entry.get("run_type") == "aggregate":
                    continue
                if entry.get("error_occurred"):
                    sys.exit(f"{path}: {entry['name']} failed: {entry.get('error_message')}")
                repetitions.setdefault(plain_name(entry["name"]), []).append(figures(entry))
        self.benchmarks = {name: {key: statistics.median(run.get(key, 0) for run in runs) for key in set().union(*runs)}
                           for name, runs in repetitions.items()}

    def get(self, name, figure="ms"):
        """None where it was not measured."""
        return self.benchmarks.get(name, {}).get(figure)


def json_files(path):
    """The file itself, or all files of a folder."""
    path = pathlib.Path(path)
    return sorted(path.glob("*.json")) if path.is_dir() else [path]
