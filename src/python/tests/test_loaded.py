"""What gcmc.load knows of a model: it trains again, and on, as the model that was saved."""

import json

import numpy as np
import pytest

import gcmc

from test_model import SMALL, made_ratings
from test_ways import same

QUICK = {**SMALL, "train_max_iter": 5}
TINY = {"train_max_iter": 3, "gcn_agg_units": 24, "gcn_out_units": 8}


@pytest.fixture(scope="module")
def ratings():
    return made_ratings()


def timed(ratings):
    return (*ratings.values(), np.arange(len(ratings["user"]))[::-1])


def options_of(folder):
    return json.loads((folder / "config.json").read_text())["options"]


def change_options(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    config["options"].update(values)
    (folder / "config.json").write_text(json.dumps(config))


AS_DGL = {"gcn_dropout": 0.7, "train_start": "drawn", "train_schedule": "plateau", "train_valid_interval": 1,
                  "refit": False, "embedding_draws": 0}


@pytest.mark.parametrize("given", [
    {"preset": "best", "data_name": "ml-100k", **TINY, "embedding_draws": 1},
    {"preset": "paper", "data_name": "ml-1m", **TINY},
    {"preset": "paper", **TINY, "gcn_agg_accum": "sum", "ordinal": False},
    {"preset": "auto", **TINY, **AS_DGL},
    {**QUICK, "split": "time"},
    {**QUICK, "folds": 5, "fold": 2},
], ids=["best", "paper of ml-1m", "paper without ordinal", "auto but as dgl", "a split by time", "a fold"])
def test_it_trains_again_and_on_as_the_model_that_was_saved(ratings, tmp_path, given):
    model = gcmc.Model(**given).fit(timed(ratings))
    model.save(tmp_path / "model")
    loaded = gcmc.load(tmp_path / "model")
    assert loaded.get_params()["preset"] == given["preset"]
    again = gcmc.Model(**loaded.get_params()).fit(timed(ratings))
    again.save(tmp_path / "again")
    assert options_of(tmp_path / "again") == options_of(tmp_path / "model") and same(again, model, ratings)
    loaded.continue_fit(timed(ratings)).save(tmp_path / "loaded")
    model.continue_fit(timed(ratings)).save(tmp_path / "on")
    assert options_of(tmp_path / "loaded") == options_of(tmp_path / "on") and same(loaded, model, ratings)


def test_another_programs_device_threads_and_ready_split_are_left_out(ratings, tmp_path):
    model = gcmc.Model(**QUICK).fit(ratings)
    model.save(tmp_path)
    change_options(tmp_path, split="u1", device="0", threads=7)
    loaded = gcmc.load(tmp_path)
    assert {"split", "device"}.isdisjoint(loaded.get_params()) and loaded.get_params()["threads"] == 0
    assert same(gcmc.Model(**loaded.get_params()).fit(ratings), model, ratings)
    assert same(loaded.continue_fit(ratings), model.continue_fit(ratings), ratings)


def test_a_model_of_best_that_was_trained_on_with_ratings_of_ones_own_is_loaded(ratings, tmp_path):
    model = gcmc.Model("best", data_name="ml-100k", **TINY, embedding_draws=1).fit(ratings)
    model.save(tmp_path)
    change_options(tmp_path, data_name="mine")
    loaded = gcmc.load(tmp_path)
    assert loaded.get_params()["preset"] == "dgl" and loaded.get_params()["data_name"] == "mine"
    assert same(gcmc.Model(**loaded.get_params()).fit(ratings), model, ratings)
