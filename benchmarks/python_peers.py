#!/usr/bin/env python3
"""Compares models of gcmc with LensKit's and Surprise's on ml-100k under one protocol, and prints the table of
docs/python.md as Markdown.

    python3 benchmarks/python_peers.py [--data folder of ml-100k] [--only gcmc]

Every model is trained on u1.base and asked for u1.test, each in a process of its own. Ratings are clipped to 1..5; where
a model has none (an item without ratings), the mean of training counts. nDCG@10 ranks, for each user, all items of
training that the user did not rate there; test ratings above the mean of training are relevant; it is the mean over users
with such an item. Options are the libraries' own, as they come; time and memory are those of training. Needs the package
gcmc, and lenskit and scikit-surprise for their rows: what is not there is left out. The data are the caller's
(GCMC_DATA_DIR).
"""

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np


def read(path):
    return np.loadtxt(path, dtype=np.int64, delimiter="\t", usecols=(0, 1, 2)).T


class Gcmc:
    def __init__(self, **options):
        import gcmc
        self._model = gcmc.Model(data_name="ml-100k", data_test_ratio=0, **options)

    def fit(self, users, items, ratings):
        self._model.fit((users, items, ratings))

    def score(self, user, items):
        return self._model.predict(user, items)


class LensKit:
    def __init__(self, module, name, **config):
        self._scorer = getattr(importlib.import_module(f"lenskit.{module}"), name)(**config)

    def fit(self, users, items, ratings):
        import pandas
        from lenskit.data import from_interactions_df
        from lenskit.training import TrainingOptions
        frame = pandas.DataFrame({"user_id": users, "item_id": items, "rating": ratings.astype(float)})
        self._data = from_interactions_df(frame)
        self._scorer.train(self._data, TrainingOptions(rng=1))

    def score(self, user, items):
        from lenskit.data import ItemList, RecQuery
        query = RecQuery(user_id=user, history_items=self._data.user_row(user))
        return np.asarray(self._scorer(query, ItemList(items)).scores(), dtype=np.float64)


class Surprise:
    def __init__(self, name, **options):
        import surprise
        self._algorithm = getattr(surprise, name)(**options)

    def fit(self, users, items, ratings):
        import pandas
        from surprise import Dataset, Reader
        frame = pandas.DataFrame({"user": users, "item": items, "rating": ratings})
        self._algorithm.fit(Dataset.load_from_df(frame, Reader(rating_scale=(1, 5))).build_full_trainset())

    def score(self, user, items):
        return np.array([self._algorithm.predict(user, item).est for item in items.tolist()])


MODELS = {
    "gcmc, preset dgl": ("gcmc", lambda: Gcmc(preset="dgl")),
    "gcmc, preset auto": ("gcmc", lambda: Gcmc(preset="auto")),
    "LensKit BiasScorer": ("lenskit", lambda: LensKit("basic", "BiasScorer")),
    "LensKit ItemKNNScorer": ("lenskit", lambda: LensKit("knn", "ItemKNNScorer", feedback="explicit")),
    "LensKit BiasedMFScorer": ("lenskit", lambda: LensKit("als", "BiasedMFScorer")),
    "Surprise BaselineOnly": ("surprise", lambda: Surprise("BaselineOnly", verbose=False)),
    "Surprise SVD": ("surprise", lambda: Surprise("SVD", random_state=1)),
    "Surprise KNNBaseline": ("surprise", lambda: Surprise("KNNBaseline", verbose=False)),
}


def resident(field):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def ndcg(scores, relevant):
    """Of one user's list; `scores` are NaN for items that are not ranked."""
    best = np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")[:10]
    discounts = 1 / np.log2(np.arange(10) + 2)
    return (relevant[best] * discounts[:best.size]).sum() / discounts[:min(10, int(relevant.sum()))].sum()


def measure(name, folder):
    train, test = (read(pathlib.Path(folder) / f"u1.{part}") for part in ("base", "test"))
    mean, items = train[2].mean(), np.unique(train[1])
    model = MODELS[name][1]()
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before, start, start_of_cpu = resident("VmRSS"), time.perf_counter(), time.process_time()
    model.fit(*train)
    row = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - start_of_cpu,
           "megabytes": resident("VmHWM") - before}
    squares, lists = [], []
    for user in np.unique(test[0]).tolist():
        own, rated = test[:, test[0] == user], train[1][train[0] == user]
        asked = np.union1d(items, own[1])
        scores = np.full(asked.size, mean)
        known = np.isin(asked, items)
        found = model.score(user, asked[known])
        scores[known] = np.where(np.isfinite(found), found, mean)
        of_test = np.searchsorted(asked, own[1])
        squares.append((np.clip(scores[of_test], 1, 5) - own[2])**2)
        relevant = np.zeros(asked.size)
        relevant[of_test[own[2] >= mean]] = 1
        relevant[~known] = 0
        scores[np.isin(asked, rated) | ~known] = np.nan
        if relevant.any():
            lists.append(ndcg(scores, relevant))
    row.update(rmse=float(np.sqrt(np.concatenate(squares).mean())), ndcg=float(np.mean(lists)))
    print(json.dumps(row))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join(os.environ.get("GCMC_DATA_DIR", "."), "ml-100k"))
    parser.add_argument("--only", default="", help="models whose names begin so")
    parser.add_argument("--model", help="measure this one alone, in this process")
    given = parser.parse_args()
    if given.model:
        return measure(given.model, given.data)
    print("| model | RMSE | nDCG@10 | seconds | CPU seconds | MB |\n|---|---|---|---|---|---|")
    for name, (library, _) in MODELS.items():
        if not name.startswith(given.only) or importlib.util.find_spec(library) is None:
            continue
        command = [sys.executable, __file__, "--model", name, "--data", given.data]
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
        print(f"| {name} | {row['rmse']:.4f} | {row['ndcg']:.4f} | {row['seconds']:.1f} | {row['cpu']:.1f} | "
              f"{row['megabytes']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
