#!/usr/bin/env python3
"""Compares models of gcmc with LensKit's and Surprise's on ml-100k or ml-1m under one protocol, and prints the table of
docs/python.md as Markdown. examples/python/compare.ipynb shows the same.

    python3 benchmarks/python_peers.py [--data FOLDER/ml-1m] [--only gcmc]

Every model is trained on one part and asked for the other, each in a process of its own: ml-100k's u1.base and u1.test;
of ml-1m a tenth, drawn at random, is the test. Ratings are clipped to 1..5; where a model has none (an item without
ratings), the mean of training counts. nDCG@10 ranks, for each of at most 500 users of the test, all items of training
that the user did not rate there; test ratings above the mean of training are relevant; it is the mean over users with
such an item. Options are the libraries' own, as they come; time and memory are those of training. Needs the package gcmc,
and lenskit and scikit-surprise for their rows: what is not there is left out. The data are the caller's (GCMC_DATA_DIR).
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
    """Columns user, item and rating of a file of MovieLens."""
    text = path.read_text().replace("::", "\t")
    return np.loadtxt(text.splitlines(), dtype=np.int64, delimiter="\t", usecols=(0, 1, 2)).T


def read_parts(folder):
    """Training and test."""
    if (folder / "u1.base").exists():
        return read(folder / "u1.base"), read(folder / "u1.test")
    ratings = read(folder / "ratings.dat")
    ratings = ratings[:, np.random.default_rng(1).permutation(ratings.shape[1])]
    of_test = ratings.shape[1] // 10
    return ratings[:, of_test:], ratings[:, :of_test]


class Gcmc:
    def __init__(self, data, **options):
        import gcmc
        self._model = gcmc.Model(data_name=data, data_test_ratio=0, **options)

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


# The library of each, and what makes it for a set's name.
MODELS = {
    "gcmc, preset dgl": ("gcmc", lambda data: Gcmc(data, preset="dgl")),
    "gcmc, preset auto": ("gcmc", lambda data: Gcmc(data, preset="auto")),
    "gcmc, preset fast, 3 s": ("gcmc", lambda data: Gcmc(data, preset="fast", time_budget=3)),
    "gcmc, preset fast, 10 s": ("gcmc", lambda data: Gcmc(data, preset="fast", time_budget=10)),
    "LensKit BiasScorer": ("lenskit", lambda data: LensKit("basic", "BiasScorer")),
    "LensKit ItemKNNScorer": ("lenskit", lambda data: LensKit("knn", "ItemKNNScorer", feedback="explicit")),
    "LensKit BiasedMFScorer": ("lenskit", lambda data: LensKit("als", "BiasedMFScorer")),
    "Surprise BaselineOnly": ("surprise", lambda data: Surprise("BaselineOnly", verbose=False)),
    "Surprise SVD": ("surprise", lambda data: Surprise("SVD", random_state=1)),
    "Surprise KNNBaseline": ("surprise", lambda data: Surprise("KNNBaseline", verbose=False)),
}


USERS_RANKED = 500


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
    train, test = read_parts(folder)
    mean, items = train[2].mean(), np.unique(train[1])
    model = MODELS[name][1](folder.name)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before, start, start_of_cpu = resident("VmRSS"), time.perf_counter(), time.process_time()
    model.fit(*train)
    row = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - start_of_cpu,
           "megabytes": resident("VmHWM") - before}
    squares, lists = [], []
    users = np.unique(test[0])
    ranked = np.random.default_rng(1).permutation(users)[:USERS_RANKED]
    for user in users.tolist():
        own, rated = test[:, test[0] == user], train[1][train[0] == user]
        asked = np.union1d(items, own[1]) if user in ranked else np.unique(own[1])
        scores = np.full(asked.size, mean)
        known = np.isin(asked, items)
        found = model.score(user, asked[known])
        scores[known] = np.where(np.isfinite(found), found, mean)
        of_test = np.searchsorted(asked, own[1])
        squares.append((np.clip(scores[of_test], 1, 5) - own[2])**2)
        if user not in ranked:
            continue
        relevant = np.zeros(asked.size)
        relevant[of_test[own[2] >= mean]] = 1
        relevant[~known] = 0
        scores[np.isin(asked, rated) | ~known] = np.nan
        if relevant.any():
            lists.append(ndcg(scores, relevant))
    row.update(rmse=float(np.sqrt(np.concatenate(squares).mean())), ndcg=float(np.mean(lists)))
    print(json.dumps(row))


def rows(folder, only=""):
    """A dict a model: name, rmse, ndcg, seconds, cpu, megabytes."""
    for name, (library, _) in MODELS.items():
        if not name.startswith(only) or importlib.util.find_spec(library) is None:
            continue
        command = [sys.executable, __file__, "--model", name, "--data", str(folder)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        yield {"name": name, **json.loads(said.splitlines()[-1])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="folder of ml-100k or ml-1m",
                        default=pathlib.Path(os.environ.get("GCMC_DATA_DIR", "."), "ml-100k"))
    parser.add_argument("--only", default="", help="models whose names begin so")
    parser.add_argument("--model", help="measure this one alone, in this process")
    given = parser.parse_args()
    if given.model:
        return measure(given.model, given.data)
    print("| model | RMSE | nDCG@10 | seconds | CPU seconds | MB |\n|---|---|---|---|---|---|")
    for row in rows(given.data, given.only):
        print(f"| {row['name']} | {row['rmse']:.4f} | {row['ndcg']:.4f} | {row['seconds']:.1f} | {row['cpu']:.1f} | "
              f"{row['megabytes']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
