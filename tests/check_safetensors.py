#!/usr/bin/env python3
"""Opens saved models with the safetensors package, and predicts with the very code of docs/guide.md.

check_safetensors.py MODEL_DIR PREDICTIONS.csv [MODEL_DIR PREDICTIONS.csv ...]

PREDICTIONS.csv is what `gcmc predict` says: columns user, item and rating, or prediction; ids as in users.txt and
items.txt. Checks names, types and shapes of all tensors against config.json, then runs the guide's program for each row:
it must print the same rating. Exit status 0 if all agree, else 1.
"""
import csv
import json
import os
import re
import subprocess
import sys

import numpy as np
from safetensors import SafetensorError, safe_open

ABSOLUTE_TOLERANCE = {"F32": 1e-4, "F64": 2e-6}  # both print six digits
GUIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "guide.md")


class Mismatch(Exception):
    pass


def read_ids(path):
    with open(path, "rb") as file:
        text = file.read()
    ids = text.split(b"\n")
    if ids.pop() != b"":
        raise Mismatch(f"{path}: its last line does not end")
    return ids


def expected_shapes(config, users, items, present):
    """name -> (shape, type); None in a shape is any extent."""
    options = config["options"]
    levels = len(config["rating_values"])
    output, units, bases = (options[name] for name in ("gcn_out_units", "gcn_agg_units", "gen_r_num_basis_func"))
    tables = levels + bool(options["implicit"])
    stack = options["gcn_agg_accum"] == "stack"
    width = units // tables if stack else units
    hidden = width * tables if stack else width
    sides = {"user": users, "item": items}

    shapes = {
        "decoder.basis": ([bases, output, output], "real"),
        "decoder.coefficients": ([bases, levels], "real"),
        "rated.offsets": ([users + 1], "I64"),
        "rated.items": ([None], "I32"),
        "rated.levels": ([None], "U8"),
        "tested.offsets": ([users + 1], "I64"),
        "tested.items": ([None], "I32"),
        "tested.levels": ([None], "U8"),
    }
    if options["calibrate"]:
        shapes["calibration"] = ([2], "F64")
    featured = [side for side in sides if f"features.{side}.weight" in present]
    for side, count in sides.items():
        shapes[f"encoder.{side}.weight"] = ([tables, count, width], "real")
        shapes[f"{side}_embedding"] = ([count, output], "embedding")
        if f"{side}_embedding.scale" in present:
            shapes[f"{side}_embedding.scale"] = ([count], "F32")
        shapes[f"baseline.{side}_bias"] = ([count], "F64")
    for side in featured:
        feature_units = options["feature_units"]
        shapes[f"features.{side}.weight"] = ([None, feature_units], "real")
        shapes[f"features.{side}.bias"] = ([feature_units], "real")
        shapes[f"features.{side}.dense"] = ([feature_units, output], "real")
    for side in ["both"] if options["share_param"] and not featured else list(sides):
        shapes[f"dense.{side}.weight"] = ([hidden, output], "real")
        if options["dense_bias"]:
            shapes[f"dense.{side}.bias"] = ([output], "real")
    slim = not any(name.startswith("encoder.") for name in present)
    return {name: shape for name, shape in shapes.items()
            if not (slim and name.startswith(("encoder.", "dense.", "features.")))}


def check_tensors(file, config, users, items):
    """Returns the type of the weights, F32 or F64; and that of the embeddings."""
    present = set(file.keys())
    expected = expected_shapes(config, users, items, present)
    if present != set(expected):
        missing, more = sorted(set(expected) - present), sorted(present - set(expected))
        raise Mismatch(f"tensors missing: {missing}, unexpected: {more}")
    real = file.get_slice("decoder.basis").get_dtype()
    if real not in ABSOLUTE_TOLERANCE:
        raise Mismatch(f"decoder.basis is {real}, not F32 or F64")
    embedding = "I8" if "user_embedding.scale" in present else real
    for name, (shape, dtype) in expected.items():
        tensor = file.get_slice(name)
        actual = tensor.get_shape()
        if len(actual) != len(shape) or any(s is not None and s != a for s, a in zip(shape, actual)):
            raise Mismatch(f"{name} has shape {actual}, not {shape}")
        wanted = {"real": real, "embedding": embedding}.get(dtype, dtype)
        if tensor.get_dtype() != wanted:
            raise Mismatch(f"{name} is {tensor.get_dtype()}, not {wanted}")
        if not np.all(np.isfinite(file.get_tensor(name))):
            raise Mismatch(f"{name} holds a value that is not finite")
    offsets = file.get_tensor("rated.offsets")
    ratings = len(file.get_tensor("rated.items"))
    if offsets[0] != 0 or offsets[-1] != ratings or np.any(np.diff(offsets) < 0):
        raise Mismatch("rated.offsets does not ascend from 0 to the number of rated.items")
    if ratings != len(file.get_tensor("rated.levels")) or ratings != config["sizes"]["ratings"]:
        raise Mismatch("rated.items, rated.levels and config.json disagree on the number of ratings")
    return real, embedding


def guide_program():
    """The one block of Python in the guide."""
    with open(GUIDE, encoding="utf-8") as file:
        blocks = re.findall(r"^```python\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    if len(blocks) != 1:
        raise Mismatch(f"{GUIDE}: {len(blocks)} blocks of Python, one was expected")
    return blocks[0]


def check_predictions(folder, path, tolerance):
    program = guide_program()
    worst, rows = 0.0, 0
    with open(path, newline="", encoding="utf-8") as csv_file:
        for row in csv.DictReader(csv_file):
            told = float(row["rating"] if "rating" in row else row["prediction"])
            run = subprocess.run([sys.executable, "-c", program, folder, row["user"], row["item"]],
                                 capture_output=True, text=True, check=False)
            if run.returncode != 0:
                raise Mismatch(f"the guide's program fails on {row}: {run.stderr}")
            difference = abs(float(run.stdout) - told)
            if not difference <= tolerance:
                raise Mismatch(f"{path}: user {row['user']}, item {row['item']}: {told}, not {run.stdout.strip()}")
            worst, rows = max(worst, difference), rows + 1
    if rows == 0:
        raise Mismatch(f"{path}: no predictions")
    return rows, worst


def check(folder, predictions):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    if (config["format"], config["version"]) != ("gcmc-model", 1):
        raise Mismatch(f"format {config['format']} {config['version']}, not gcmc-model 1")
    user_ids = read_ids(os.path.join(folder, "users.txt"))
    item_ids = read_ids(os.path.join(folder, "items.txt"))
    sizes = config["sizes"]
    if (sizes["users"], sizes["items"]) != (len(user_ids), len(item_ids)):
        raise Mismatch("config.json and the id files disagree on the number of users or items")
    with safe_open(os.path.join(folder, "model.safetensors"), framework="np") as file:
        real, embedding = check_tensors(file, config, len(user_ids), len(item_ids))
        calibrated = "calibration" in file.keys()
    rows, worst = check_predictions(folder, predictions, ABSOLUTE_TOLERANCE[real])
    print(f"check_safetensors: passed: {folder}: {real}, embeddings {embedding}{', calibrated' * calibrated}, {rows} predictions, "
          f"largest difference {worst:.2g}")


def main():
    if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
        print(__doc__)
        return 1
    try:
        for folder, predictions in zip(sys.argv[1::2], sys.argv[2::2]):
            check(folder, predictions)
    except (Mismatch, SafetensorError, OSError, LookupError, TypeError, ValueError) as problem:
        print(f"check_safetensors: FAILED: {type(problem).__name__}: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
