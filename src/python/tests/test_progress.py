"""What fit(progress=True) shows, with tqdm and without, and that nothing is shown unasked."""

import sys

import pytest

import gcmc
import gcmc.progress

from test_model import SMALL, made_ratings


@pytest.fixture(scope="module")
def ratings():
    return made_ratings()


def test_nothing_is_shown_unasked(ratings, capfd):
    gcmc.Model(**SMALL).fit(ratings)
    assert capfd.readouterr() == ("", "")


def test_tqdm_shows_a_bar_for_each_training(ratings, capfd):
    pytest.importorskip("tqdm")
    seen = []
    gcmc.Model(**SMALL, seeds=2, refit=True).fit(ratings, progress=True, callback=seen.append)
    out, shown = capfd.readouterr()
    assert out == "" and "30/30" in shown and "loss" in shown and "validation RMSE" in shown
    for title in ("training: ", "refit: ", "training of model 2: ", "refit of model 2: "):
        assert title in shown
    assert len(seen) > 60


def test_without_tqdm_lines_are_shown_now_and_then(ratings, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    gcmc.Model(**SMALL).fit(ratings, progress=True)
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].startswith("training: 30/30 steps, loss ")
    monkeypatch.setattr(gcmc.progress, "SECONDS_BETWEEN_LINES", 0)
    gcmc.Model(**SMALL).fit(ratings, progress=True)
    assert len(capfd.readouterr().err.splitlines()) == 31


def test_the_bar_is_closed_and_the_model_kept_when_a_callback_fails(ratings, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ZeroDivisionError):
        gcmc.Model(**SMALL).fit(ratings, progress=True, callback=lambda progress: 1 / 0)
    assert capfd.readouterr().err.startswith("training: 1/30")


def test_training_on_shows_it_too(ratings, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    gcmc.Model(**SMALL).fit(ratings).continue_fit(ratings, progress=True)
    assert "training: " in capfd.readouterr().err
