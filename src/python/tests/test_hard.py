"""Signals, threads, forks, exceptions and memory."""

import gc
import multiprocessing
import os
import pathlib
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import gcmc

from test_model import SMALL, made_ratings

QUICK = {**SMALL, "train_max_iter": 5}


@pytest.fixture(scope="module")
def ratings():
    return made_ratings()


@pytest.fixture(scope="module")
def model(ratings):
    return gcmc.Model(**QUICK).fit(ratings)


def test_another_thread_goes_on_while_ratings_are_read_and_trained_on():
    random = np.random.default_rng(1)
    many = random.integers(0, 20000, 1_000_000), random.integers(0, 2000, 1_000_000), random.integers(1, 6, 1_000_000)
    gaps, done, reading = [], threading.Event(), threading.Event()

    def stop_at_once(progress):
        reading.set()
        raise InterruptedError

    def train():
        with pytest.raises(InterruptedError):
            gcmc.Model(**{**QUICK, "gcn_agg_units": 10}, threads=1).fit(many, callback=stop_at_once)
        done.set()

    thread = threading.Thread(target=train)
    thread.start()
    before = time.perf_counter()
    while not done.is_set():
        time.sleep(0.002)
        now = time.perf_counter()
        gaps.append(now - before)
        before = now
    thread.join()
    assert reading.is_set() and len(gaps) > 20
    assert sum(gaps) > 5 * max(gaps)  # at no time did it wait for the most of it


def test_many_threads_ask_at_once(model, ratings):
    expected = model.predict(ratings["user"], ratings["item"]).tobytes()
    lists = [model.recommend(user, n=5)["item"].tolist() for user in (100, 101, 102)]
    wrong = []

    def ask(k):
        for _ in range(20):
            if model.predict(ratings["user"], ratings["item"]).tobytes() != expected:
                wrong.append("predict")
            if model.recommend(100 + k % 3, n=5)["item"].tolist() != lists[k % 3]:
                wrong.append("recommend")

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


ITEMS = gcmc._gcmc.Column.of_array("item", np.full(20000, 5))


@pytest.mark.parametrize("ask", [
    lambda predictor, newcomer: predictor.item_numbers(ITEMS),
    lambda predictor, newcomer: predictor.score_newcomer(newcomer, ITEMS),
    lambda predictor, newcomer: predictor.recommend_newcomer(newcomer, 10, False),
    lambda predictor, newcomer: predictor.explain_newcomer(newcomer, 0),
    lambda predictor, newcomer: predictor.explain(0, 0),
], ids=["ids", "predict of a newcomer", "recommend to a newcomer", "explain to a newcomer", "explain"])
def test_another_thread_runs_while_it_is_asked(model, ask):
    """One that Python itself does not let in: only what is asked can."""
    predictor, newcomer = model._predictor, model.fold_in((range(5, 45), [1, 5] * 20))._newcomer
    interval, go, ran = sys.getswitchinterval(), threading.Lock(), []
    go.acquire()
    thread = threading.Thread(target=lambda: ran.append(go.acquire()))
    thread.start()
    sys.setswitchinterval(1000)
    try:
        go.release()
        end = time.monotonic() + 10
        while not ran and time.monotonic() < end:
            ask(predictor, newcomer)
        assert ran
    finally:
        sys.setswitchinterval(interval)
        thread.join()


def test_two_models_train_at_once_to_their_bits(model, ratings):
    found = {}

    def train(k):
        found[k] = gcmc.Model(**QUICK).fit(ratings).predict(ratings["user"], ratings["item"]).tobytes()

    threads = [threading.Thread(target=train, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found.values()) == {model.predict(ratings["user"], ratings["item"]).tobytes()}


def _fit_and_ask(pipe, model, ratings):
    asked = model.predict(ratings["user"], ratings["item"]).tobytes()
    own = gcmc.Model(**QUICK, threads=2).fit(ratings).predict(ratings["user"], ratings["item"]).tobytes()
    pipe.send((asked, own))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_asks_and_trains_with_threads_of_its_own(ratings):
    model = gcmc.Model(**QUICK, threads=2).fit(ratings)
    expected = model.predict(ratings["user"], ratings["item"]).tobytes()  # the parent's threads have run
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_fit_and_ask, args=(there, model, ratings))
    child.start()
    try:
        assert here.poll(60), "the child hangs"
        assert here.recv() == (expected, expected)
    finally:
        child.kill()
        child.join()


@pytest.mark.parametrize("problem", [ValueError("no"), KeyError("no"), SystemExit(3)], ids=repr)
def test_what_a_callback_raises_is_raised_with_its_trace(ratings, problem):
    def fail(progress):
        raise problem

    untrained = gcmc.Model(**QUICK)
    with pytest.raises(type(problem)) as raised:
        untrained.fit(ratings, callback=fail)
    assert raised.value is problem and "fail" in [entry.name for entry in raised.traceback]
    with pytest.raises(ValueError, match="not trained"):
        untrained.predict([100], [5])


def test_a_callback_may_ask_and_train_other_models(model, ratings):
    seen = []

    def ask(progress):
        seen.append(len(model.recommend(100, n=3)["item"]))
        if progress["iteration"] == 2:
            gcmc.Model(**QUICK).fit(ratings)

    gcmc.Model(**QUICK).fit(ratings, callback=ask)
    assert seen == [3] * 5


def test_frames_and_callbacks_are_let_go(ratings):
    class Columns(dict):
        pass

    class Callback:
        def __call__(self, progress):
            pass

    columns, callback = Columns({name: column.copy() for name, column in ratings.items()}), Callback()
    held = [weakref.ref(columns), weakref.ref(callback), weakref.ref(columns["user"])]
    model = gcmc.Model(**QUICK).fit(columns, callback=callback)
    assert model.user_ids_.size == 60
    del columns, callback
    gc.collect()
    assert [one() for one in held] == [None] * 3


def resident():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.slow
def test_a_thousand_fits_and_drops_leave_memory_where_it_was(ratings):
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({**ratings, "user": [f"user {one}" for one in ratings["user"]]})

    def fits(count):
        for _ in range(count):
            model = gcmc.Model(**{**QUICK, "train_max_iter": 2}).fit(table)
            model.recommend(n=3)
            with pytest.raises(ZeroDivisionError):
                model.fit(table, callback=lambda progress: 1 / 0)
        gc.collect()

    fits(100)
    before = resident()
    fits(1000)
    assert resident() - before < 8
