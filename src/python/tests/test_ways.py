"""What other libraries do with a model: copy, pickle, search, plot; and training on."""

import copy
import json
import os
import pickle
import subprocess

import numpy as np
import pytest

import gcmc

from test_model import SMALL, made_ratings
from test_wheel import PROGRAM

QUICK = {**SMALL, "train_max_iter": 8}


@pytest.fixture(scope="module")
def ratings():
    return made_ratings()


@pytest.fixture(scope="module")
def model(ratings):
    return gcmc.Model(**QUICK, seeds=2).fit(ratings)


def same(one, other, ratings):
    pairs = ratings["user"], ratings["item"]
    return one.predict(*pairs).tobytes() == other.predict(*pairs).tobytes()


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
                         ids=["copy", "deepcopy", "pickle"])
def test_copies_answer_alike_and_keep_everything(model, ratings, again):
    other = again(model)
    assert same(other, model, ratings) and repr(other) == repr(model)
    assert other.metrics_ == model.metrics_ and list(other.history_) == list(model.history_)
    assert other.user_ids_.dtype == np.int64
    before = model.predict([100], [5])[0]
    other.set_params(seed=9).fit(ratings)
    assert model.predict([100], [5])[0] == before and model.get_params()["seed"] == 1


def test_an_untrained_model_is_pickled():
    assert pickle.loads(pickle.dumps(gcmc.Model(seed=4))).get_params()["seed"] == 4


def test_joblib_stores_and_sends_to_other_processes(model, ratings, tmp_path):
    joblib = pytest.importorskip("joblib")
    joblib.dump(model, tmp_path / "model.joblib")
    assert same(joblib.load(tmp_path / "model.joblib"), model, ratings)
    answers = joblib.Parallel(n_jobs=2)(joblib.delayed(model.predict)([user], [5]) for user in (100, 101))
    assert np.concatenate(answers).tolist() == model.predict([100, 101], [5, 5]).tolist()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_scikit_learn_searches_options(ratings, library):
    search = pytest.importorskip("sklearn.model_selection")
    frame = pytest.importorskip(library).DataFrame(ratings)
    grid = search.GridSearchCV(gcmc.Model(**QUICK, data_test_ratio=0), {"gcn_out_units": [4, 8]}, cv=3,
                               error_score="raise")
    grid.fit(frame)
    assert grid.best_params_["gcn_out_units"] in (4, 8)
    assert -2 < grid.best_score_ < -0.5 and grid.best_estimator_.metrics_["test_ratings"] == 0
    assert grid.cv_results_["mean_test_score"][0] != grid.cv_results_["mean_test_score"][1]


def test_the_score_is_minus_the_rmse(model, ratings):
    errors = model.predict(ratings["user"], ratings["item"]) - ratings["rating"]
    assert model.score(ratings) == pytest.approx(-np.sqrt(np.mean(errors**2)), abs=1e-9)


def test_training_goes_on_from_the_weights(ratings):
    model = gcmc.Model(**QUICK).fit(ratings)
    first = model.history_["train_rmse"]
    user, item, rating = (np.append(column, new) for column, new in zip(ratings.values(), (999, 999, 4)))
    model.continue_fit((user, item, rating))
    assert model.history_["train_rmse"][0] < first[0] and 999 in model.user_ids_ and 999 in model.item_ids_
    with pytest.raises(ValueError, match="not trained"):
        gcmc.Model().continue_fit(ratings)


def test_training_goes_on_without_a_value_but_not_with_a_new_one(ratings):
    user, item, rating = ratings.values()
    model = gcmc.Model(**QUICK).fit(ratings)
    assert list(model.continue_fit((user, item, np.minimum(rating, 4))).levels_) == [1, 2, 3, 4, 5]
    before = model.predict(user, item).tobytes()
    with pytest.raises(ValueError, match="the value 4.5, .* 5 levels: train a new model on all ratings, or round"):
        model.continue_fit((user, item, np.append(rating[1:], 4.5)))
    assert model.predict(user, item).tobytes() == before


def test_the_program_trains_on_to_the_same_bits(ratings, tmp_path):
    program = os.environ.get("GCMC_PROGRAM")
    if not program:
        pytest.skip("GCMC_PROGRAM is not set")
    model = gcmc.Model(**QUICK).fit(ratings)
    model.save(tmp_path / "first")
    more = {name: np.append(column, new) for (name, column), new in zip(ratings.items(), (999, 5, 4))}
    rows = "".join(f"{u},{i},{r}\n" for u, i, r in zip(*more.values()))
    (tmp_path / "ratings.csv").write_text("user,item,rating\n" + rows)
    kernels = {**os.environ, "GCMC_CPU_ISA": model.metrics_["backend"].removeprefix("cpu-")}
    subprocess.run([program, "train", "--continue", tmp_path / "first", "--ratings", tmp_path / "ratings.csv",
                    "--save-dir", tmp_path / "run"], check=True, env=kernels, capture_output=True)
    assert same(gcmc.load(tmp_path / "run"), model.continue_fit(more), more)


def test_what_was_set_since_holds_when_training_goes_on(ratings):
    model = gcmc.Model(**QUICK).fit(ratings)
    assert model.set_params(train_max_iter=3).continue_fit(ratings).metrics_["iterations"] == 3


def test_rating_levels_and_duplicates_are_options(ratings):
    user, item, rating = ratings.values()
    fine = (user, item, rating + np.linspace(0, 0.1, 1200))
    with pytest.raises(ValueError, match="256th distinct"):
        gcmc.Model(**QUICK).fit(fine)
    assert len(gcmc.Model(**QUICK, rating_levels="quantiles:4").fit(fine).levels_) == 4
    twice = (np.append(user, user[0]), np.append(item, item[0]), np.append(rating, 9))
    assert 9 in gcmc.Model(**QUICK).fit(twice).levels_
    assert 9 not in gcmc.Model(**QUICK, duplicates="first").fit(twice).levels_
    with pytest.raises(ValueError, match="duplicates"):
        gcmc.Model(duplicates="lats")


def test_other_ratings_are_read_by_the_models_options(ratings, tmp_path):
    user, item, rating = ratings.values()
    fine = (np.append(user, user[0]), np.append(item, item[0]), np.append(rating + np.linspace(0, 0.1, 1200), 9))
    reading = {"rating_levels": "quantiles:4", "duplicates": "first"}
    model = gcmc.Model(**QUICK, **reading).fit(fine)
    model.save(tmp_path / "model")
    rows = "".join(f"{u},{i},{r!r}\n" for u, i, r in zip(*(column.tolist() for column in fine)))
    (tmp_path / "fine.csv").write_text("user,item,rating\n" + rows)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in reading.items()]

    def said(command, *arguments):
        return json.loads(subprocess.run([PROGRAM, *command, *arguments, tmp_path / "fine.csv", *flags], check=True,
                                         capture_output=True).stdout)

    figures = said(["evaluate", "--format=json"], "--model", tmp_path / "model")
    assert model.evaluate(fine) == figures and model.score(fine) == -model.evaluate(fine)["rmse"]
    told = gcmc.describe(fine, **reading)
    assert told["ratings"] == 1200 and told["levels"] == said(["data", "inspect", "--json"])["levels"]
    again = gcmc.load(tmp_path / "model").set_params(**reading)
    assert again.evaluate(fine) == model.evaluate(fine)
    with pytest.raises(ValueError, match="256th distinct"):
        gcmc.describe(fine)


def test_recommendations_among_items(model):
    answer = model.recommend([100, 101], items=[5, 6, 7], exclude_rated=False)
    assert sorted(answer["item"]) == [5, 5, 6, 6, 7, 7]
    with pytest.raises(ValueError, match="does not know item 999"):
        model.recommend(100, items=[999])


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_answers_are_the_callers_kind_of_frame(ratings, library):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    frame = make({**ratings, "item": [f"film {one}" for one in ratings["item"]]})
    model = gcmc.Model(**QUICK).fit(frame)
    plain = gcmc.Model(**QUICK).fit({**ratings, "item": [f"film {one}" for one in ratings["item"]]})
    someone = [one.fold_in((["film 5", "film 6"], [5, 1])) for one in (model, plain)]
    asked = [(one.recommend([100, 101], n=3), one.similar_items("film 5", n=3), one.similar_users(100, n=3),
              one.explain(100, "film 5"), new.recommend(n=3), new.explain("film 7"))
             for one, new in zip((model, plain), someone)]
    for framed, columns in zip(*asked):
        assert type(framed) is type(frame) and isinstance(columns, dict)
        rows = len(next(column for column in columns.values() if np.ndim(column)))
        for name, column in columns.items():
            assert np.asarray(framed[name]).tolist() == np.broadcast_to(column, rows).tolist()


def test_tensors_are_the_models_memory(model):
    first, second = model.tensors_
    assert first["user_embedding"].shape == (60, 8) and first["user_embedding"].dtype == np.float32
    assert not np.array_equal(first["user_embedding"], second["user_embedding"])
    assert not first["user_embedding"].flags.writeable and not first["user_embedding"].flags.owndata
    assert np.shares_memory(first["user_embedding"], model.tensors_[0]["user_embedding"])
    kept = gcmc.Model(**QUICK)
    tensors = kept.fit(made_ratings()).tensors_[0]
    before = tensors["item_embedding"].copy()
    del kept
    np.testing.assert_array_equal(tensors["item_embedding"], before)


def test_notebooks_show_options_and_figures(model, ratings):
    shown = model._repr_html_()
    assert "gcn_agg_units" in shown and "test RMSE" in shown and f"{model.metrics_['best_test_rmse']:.4g}" in shown
    assert "not trained" in gcmc.Model()._repr_html_()
    assert "<b>" not in gcmc.Model(data_name="<b>")._repr_html_()


def test_the_curve_is_drawn_for_each_model(model):
    pytest.importorskip("matplotlib").use("agg")
    labels = [line.get_label() for line in model.plot_history().lines]
    assert "validation, model 1" in labels and "training, model 2" in labels


def test_describe_counts(ratings):
    told = gcmc.describe(ratings)
    assert (told["users"], told["items"], told["ratings"]) == (60, 40, 1200)
