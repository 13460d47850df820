"""Training, asking, saving: ids in, ids out."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import gcmc

SMALL = {"preset": "dgl", "train_max_iter": 30, "gcn_agg_units": 20, "gcn_out_units": 8, "gcn_dropout": 0.3}


def made_ratings(users=60, items=40, count=1200, seed=7):
    random = np.random.default_rng(seed)
    pairs = random.permutation(users * items)[:count]
    user, item = pairs // items, pairs % items
    taste, quality = random.normal(size=users), random.normal(size=items)
    rating = np.clip(np.round(3 + taste[user] + quality[item] + 0.3 * random.normal(size=count)), 1, 5)
    return {"user": user + 100, "item": item + 5, "rating": rating}


@pytest.fixture(scope="module")
def ratings():
    return made_ratings()


@pytest.fixture(scope="module")
def model(ratings):
    return gcmc.Model(**SMALL).fit(ratings)


def test_it_learns_and_keeps_curve_and_figures(model):
    assert model.metrics_["best_test_rmse"] < 0.9  # ratings have a deviation of 1.3
    assert len(model.history_["iteration"]) == 30 and set(model.history_["model"]) == {1}
    assert model.history_["loss"][-1] < model.history_["loss"][0]
    assert list(model.levels_) == [1, 2, 3, 4, 5]


def test_probabilities_are_of_the_levels(model, ratings):
    users, items = ratings["user"][:9], ratings["item"][:9]
    probabilities = model.predict_proba(users, items)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(probabilities @ model.levels_, model.predict(users, items), rtol=1e-6)


def test_one_id_goes_with_all_of_the_other_side(model):
    assert list(model.predict(100, [5, 6, 7])) == list(model.predict([100] * 3, [5, 6, 7]))
    assert list(model.predict([100, 101], 5)) == list(model.predict([100, 101], [5, 5]))
    with pytest.raises(ValueError, match="2 users and 3 items"):
        model.predict([100, 101], [5, 6, 7])


def test_an_unknown_id_gets_the_baseline_and_no_probability(model):
    assert 1 <= model.predict([999], [5])[0] <= 5
    assert not model.predict_proba([999], [5]).any()


def test_recommendations_are_unrated_items_best_first(model, ratings):
    answer = model.recommend(users=[100, 101], n=3)
    assert list(answer["user"]) == [100] * 3 + [101] * 3
    for user in (100, 101):
        rated = set(ratings["item"][ratings["user"] == user])
        own = answer["user"] == user
        assert rated.isdisjoint(answer["item"][own]) and (np.diff(answer["rating"][own]) <= 0).all()
    assert list(answer["rating"]) == list(model.predict(answer["user"], answer["item"]))
    assert len(model.recommend(n=2)["user"]) == 2 * len(model.user_ids_)
    assert len(model.recommend(100, n=1000, exclude_rated=False)["item"]) == len(model.item_ids_)
    with pytest.raises(ValueError, match="does not know user 999"):
        model.recommend([999])


def test_what_is_similar_is_no_less_than_what_follows(model):
    items, users = model.similar_items(5, n=4), model.similar_users(100, n=4, by="ratings")
    assert 5 not in items["item"] and 100 not in users["user"]
    for answer in (items, users):
        assert (np.diff(answer["similarity"]) <= 0).all() and answer["similarity"].max() <= 1 + 1e-6
    with pytest.raises(ValueError, match="neither"):
        model.similar_items(5, by="titles")


def test_reasons_are_ratings_of_the_user(model, ratings):
    answer = model.explain(100, 5)
    assert answer["rating"] == pytest.approx(model.predict([100], [5])[0], abs=1e-4)
    given = {i: r for u, i, r in zip(*ratings.values()) if u == 100}
    assert len(answer["item"]) > 0 and all(given[i] == r for i, r in zip(answer["item"], answer["rated"]))
    assert (np.diff(np.abs(answer["effect"])) <= 1e-12).all()


def test_a_newcomer_is_answered_by_its_ratings(model):
    fond, cross = model.fold_in(([5, 6, 7], [5, 5, 5])), model.fold_in({"item": [5, 6, 7], "rating": [1, 1, 1]})
    others = [8, 9, 10, 11]
    assert fond.predict(others).mean() > cross.predict(others).mean()
    assert {5, 6, 7}.isdisjoint(fond.recommend(n=100)["item"])
    assert set(fond.explain(8)["item"]) == {5, 6, 7}
    np.testing.assert_allclose(fond.predict_proba(others).sum(1), 1, rtol=1e-6)


def test_evaluation_is_of_the_test_part_or_of_ratings_given(model, ratings):
    own = model.evaluate()
    assert own["rmse"] == pytest.approx(model.metrics_["best_test_rmse"], abs=1e-6)
    assert model.evaluate(ratings)["pairs"] == 1200


def test_a_saved_model_answers_alike_and_trains_alike(model, ratings, tmp_path):
    model.save(tmp_path / "model")
    loaded = gcmc.load(tmp_path / "model")
    users, items = ratings["user"], ratings["item"]
    assert loaded.predict(users, items).tobytes() == model.predict(users, items).tobytes()
    assert loaded.metrics_["best_test_rmse"] == model.metrics_["best_test_rmse"]
    assert loaded.user_ids_.dtype == np.int64 and list(loaded.recommend(100)["item"]) == list(model.recommend(100)["item"])
    again = gcmc.Model(**loaded.get_params()).fit(ratings)
    assert again.predict(users, items).tobytes() == model.predict(users, items).tobytes()


def test_several_seeds_are_averaged_saved_and_loaded(ratings, tmp_path):
    several = gcmc.Model(**SMALL, seeds=2).fit(ratings)
    several.save(tmp_path / "model")
    assert set(several.history_["model"]) == {1, 2}
    assert list(gcmc.load(tmp_path / "model").predict([100], [5])) == list(several.predict([100], [5]))


def test_bits_do_not_depend_on_threads(model, ratings):
    other = gcmc.Model(**SMALL, threads=3).fit(ratings)
    assert other.predict(ratings["user"], ratings["item"]).tobytes() == \
        model.predict(ratings["user"], ratings["item"]).tobytes()


def test_given_validation_ratings_are_the_validation_part():
    every = made_ratings()
    train, valid = ({k: v[part] for k, v in every.items()} for part in (slice(0, 1000), slice(1000, 1200)))
    metrics = gcmc.Model(**SMALL).fit(train, valid=valid).metrics_
    assert (metrics["train_ratings"], metrics["valid_ratings"], metrics["test_ratings"]) == (1000, 200, 0)


def test_the_program_gets_the_same_bits_and_reads_the_same_model(ratings, tmp_path):
    program = os.environ.get("GCMC_PROGRAM")
    if not program:
        pytest.skip("GCMC_PROGRAM is not set")
    table = tmp_path / "ratings.csv"
    rows = "".join(f"{u},{i},{r}\n" for u, i, r in zip(*ratings.values()))
    table.write_text("user,item,rating\n" + rows)
    ours = gcmc.Model(**SMALL).fit(ratings)
    kernels = {**os.environ, "GCMC_CPU_ISA": ours.metrics_["backend"].removeprefix("cpu-")}

    def run(command, *arguments, **options):
        flags = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
        return subprocess.run([program, command, *flags, *arguments], check=True, env=kernels, capture_output=True).stdout

    run("train", **SMALL, ratings=table, seed=1, save_dir=tmp_path / "run")
    theirs = gcmc.load(tmp_path / "run")
    users, items = ratings["user"], ratings["item"]
    assert theirs.predict(users, items).tobytes() == ours.predict(users, items).tobytes()

    ours.save(tmp_path / "ours")
    (tmp_path / "pairs.csv").write_text("user,item\n100,5\n101,6\n")
    said = [run("predict", tmp_path / "pairs.csv", model=tmp_path / folder) for folder in ("ours", "run")]
    assert said[0] == said[1] and said[0].count(b"\n") >= 2


@pytest.mark.parametrize("named, ordinal", [({}, "false"), ({"gcn_agg_accum": "sum"}, "true"),
                                            ({"gcn_agg_accum": "sum", "ordinal": False}, "false")])
def test_what_follows_from_a_named_option_of_the_paper_follows_here(ratings, named, ordinal):
    options = {"train_max_iter": 1, "gcn_agg_units": 20, "gcn_out_units": 8, **named}
    saved = gcmc.Model("paper", **options).fit(ratings)._predictor.options()
    assert saved.get("ordinal", "false") == ordinal


def test_auto_is_the_default():
    assert gcmc.Model().get_params() == {"preset": "auto", "seed": 1, "threads": 0}
    model = gcmc.Model(train_max_iter=3, embedding_draws=1, gcn_agg_units=20, gcn_out_units=8).fit(made_ratings())
    assert model.metrics_["preset"] == "auto" and model.metrics_["iterations"] == 3


def test_wrong_options_are_told_at_construction():
    with pytest.raises(ValueError, match="did you mean train_max_iter"):
        gcmc.Model(train_max_itr=3)
    with pytest.raises(ValueError, match="seed"):
        gcmc.Model(seed=-1)
    with pytest.raises(ValueError, match="preset"):
        gcmc.Model(preset="bset")
    with pytest.raises(ValueError, match="split u1 belongs to ml-100k's own files"):
        gcmc.Model(split="u1")
    with pytest.raises(ValueError, match="device: fit trains on the processor"):
        gcmc.Model(device="0")
    with pytest.raises(ValueError, match="folds: fit trains on one fold"):
        gcmc.Model(folds=5)
    model = gcmc.Model(gcn_agg_units=20)
    with pytest.raises(ValueError, match="gcn_dropout"):
        model.set_params(gcn_dropout=2)
    assert model.get_params() == gcmc.Model(gcn_agg_units=20).get_params()
    assert model.set_params(seed=5).get_params()["seed"] == 5


def test_scikit_learns_clone_is_untrained_and_equal(model):
    clone = pytest.importorskip("sklearn.base").clone(model)
    assert clone.get_params() == model.get_params()
    with pytest.raises(ValueError, match="not trained"):
        clone.predict([100], [5])


def test_an_exception_in_the_callback_is_raised_and_the_model_stays(model, ratings):
    before = model.predict([100], [5])[0]

    def fail(progress):
        if progress["iteration"] == 3:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        model.fit(ratings, callback=fail)
    assert model.predict([100], [5])[0] == before


def test_the_callback_sees_every_iteration(ratings):
    seen = []
    gcmc.Model(**SMALL).fit(ratings, callback=lambda progress: seen.append(progress["iteration"]))
    assert seen == list(range(1, 31))


@pytest.fixture
def long_training():
    """With Python's own handling of Ctrl-C, which a shell's background jobs start without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield gcmc.Model(**{**SMALL, "train_max_iter": 50000, "train_early_stopping_patience": 50000})
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_training_and_keeps_the_model(ratings, long_training):
    model = long_training

    def interrupt(progress):
        if progress["iteration"] == 20:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.warns(RuntimeWarning, match="Ctrl-C"):
        model.fit(ratings, callback=interrupt)
    assert model.metrics_["stopped"] and 20 <= model.metrics_["iterations"] <= 22
    assert len(model.recommend(100)["item"]) == 10


def test_ctrl_c_without_a_callback(ratings, long_training):
    model = long_training
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.warns(RuntimeWarning, match="Ctrl-C"):
        model.fit(ratings)
    timer.join()
    assert model.metrics_["stopped"]


def test_other_threads_run_while_it_trains(ratings):
    counted, done = 0, threading.Event()

    def train():
        gcmc.Model(**{**SMALL, "train_max_iter": 200, "gcn_agg_units": 200}, threads=1).fit(ratings)
        done.set()

    thread = threading.Thread(target=train)
    thread.start()
    while not done.is_set():
        counted += 1
        time.sleep(0.001)
    thread.join()
    assert counted > 20


def test_errors_are_of_their_kind(model, tmp_path):
    with pytest.raises(ValueError):
        gcmc.load(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises((ValueError, OSError)):
        model.save(tmp_path / "file" / "model")
    with pytest.raises(ValueError, match="finite"):
        gcmc.Model(**SMALL).fit(([1], [2], [float("nan")]))
    if os.path.exists("/dev/full"):
        with pytest.raises((ValueError, OSError)):
            model.save("/dev/full")


WITH_TOO_MANY_THREADS = """
import resource, gcmc
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, [pages * resource.getpagesize() + 2**30] * 2)
try:
    gcmc.Model("dgl", train_max_iter=2, gcn_agg_units=10, gcn_out_units=4, threads=1024).fit(([1, 2], [7, 7], [3, 5]))
except OSError as problem:
    print(problem)
"""


def test_threads_that_the_machine_cannot_start_are_its_error():
    said = subprocess.run([sys.executable, "-c", WITH_TOO_MANY_THREADS], check=True, capture_output=True, text=True)
    assert "of 1024 threads" in said.stdout
