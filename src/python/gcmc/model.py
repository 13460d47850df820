"""Models that are trained on ratings and answer by the caller's ids."""

from __future__ import annotations

import json
import numbers
import os
import warnings
from typing import Any, Callable

import numpy as np

from . import _gcmc
from .columns import (array_of_ids, columns_of, ids_of, kind_of_texts, numbers_of, rating_columns,
                      require_one_length)


def _text(name: str, value: Any) -> str:
    """An option's value as the library reads it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value))
    raise ValueError(f"option {name}: {value!r} is neither text, a number, nor True or False")


class Model:
    """A model of ratings.

    ``preset`` is auto, best, dgl or paper; ``threads`` 0 takes all cores, and no answer depends on it. Further options
    go by the names of docs/guide.md's table (``train_max_iter=100``). Throws ValueError for a name or value that is none.

    After ``fit``: ``user_ids_``, ``item_ids_``, ``levels_`` (rating values), ``metrics_`` (a dict: metrics.json) and
    ``history_`` (a dict of arrays, one value an evaluation).
    """

    def __init__(self, preset: str = "auto", seed: int = 1, threads: int = 0, **options: Any) -> None:
        self._params = {"preset": preset, "seed": seed, "threads": threads, **options}
        self._predictor: _gcmc.Predictor | None = None
        self._check()

    def __repr__(self) -> str:
        return f"Model({', '.join(f'{name}={value!r}' for name, value in self._params.items())})"

    def _texts(self) -> dict[str, str]:
        return {name: _text(name, value) for name, value in self._params.items() if name != "preset"}

    def _check(self) -> None:
        _gcmc.check_options(str(self._params["preset"]), self._texts())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All that the constructor was given, by name, as scikit-learn asks for it."""
        return dict(self._params)

    def set_params(self, **params: Any) -> Model:
        """Changes options for the next ``fit``. Throws ValueError, and changes nothing, as the constructor."""
        before = self._params
        self._params = {**before, **params}
        try:
            self._check()
        except ValueError:
            self._params = before
            raise
        return self

    def fit(self, ratings: Any, *, valid: Any = None, callback: Callable[[dict[str, Any]], Any] | None = None) -> Model:
        """Trains on ``ratings``: columns user, item, rating and perhaps time, in a tuple or dict of arrays, or a pandas,
        polars or pyarrow table (by these names, or its first three). Ids are whole numbers or text; of a pair that is
        rated twice the last rating counts.

        A test part and a validation part are drawn as the options say (``data_test_ratio``, ``data_valid_ratio``,
        ``split``). With ``valid``, ratings in the same form, these are the validation part and there is no test part.

        ``callback`` gets a dict after each iteration; its exception ends the training, is raised, and the model is what
        it was before. Ctrl-C ends after the running iteration and keeps what was trained, with a warning;
        ``metrics_["stopped"]`` is then True. Other threads run meanwhile. Throws ValueError for ratings or options that
        do not fit, or if training diverges.
        """
        kinds: list[type] = [str, str]
        columns = rating_columns(ratings, kinds)
        held_out = None if valid is None else rating_columns(valid)
        predictor, history, metrics, stopped = _gcmc.train(columns, held_out, self._params["preset"], self._texts(),
                                                           callback)
        self._keep(predictor, kinds)
        self.history_ = history
        self.metrics_ = json.loads(metrics)
        if stopped:
            warnings.warn("training was stopped by Ctrl-C: the model is the best until then", RuntimeWarning, 2)
        return self

    def _keep(self, predictor: _gcmc.Predictor, kinds: list[type] | None = None) -> None:
        texts = predictor.user_ids(), predictor.item_ids()
        user_kind, item_kind = kinds or map(kind_of_texts, texts)
        self._predictor = predictor
        self.user_ids_ = array_of_ids(texts[0], user_kind)
        self.item_ids_ = array_of_ids(texts[1], item_kind)
        self.levels_ = predictor.levels()

    def _asked(self) -> _gcmc.Predictor:
        if self._predictor is None:
            raise ValueError("the model is not trained: call fit, or gcmc.load")
        return self._predictor

    def _known_users(self, users: Any) -> np.ndarray:
        return _known(ids_of(users, "user"), self._asked().user_numbers, "user")

    def _known_items(self, items: Any) -> np.ndarray:
        return _known(ids_of(items, "item"), self._asked().item_numbers, "item")

    def predict(self, users: Any, items: Any) -> np.ndarray:
        """Expected ratings, float64 [pairs], of ``users[k]`` and ``items[k]``; a single id goes with all of the other
        side. Where an id is unknown: the bias baseline's value."""
        return self._scores(users, items)[0]

    def predict_proba(self, users: Any, items: Any) -> np.ndarray:
        """Probabilities, float64 [pairs, levels], of ``levels_``; zeros where an id is unknown."""
        return self._scores(users, items)[1]

    def _scores(self, users: Any, items: Any) -> tuple[np.ndarray, np.ndarray]:
        predictor = self._asked()
        user_ids, item_ids = ids_of(users, "user"), ids_of(items, "item")
        if np.ndim(users) == 0:
            user_ids = _repeated(user_ids, len(item_ids))
        elif np.ndim(items) == 0:
            item_ids = _repeated(item_ids, len(user_ids))
        return predictor.score(user_ids, item_ids)

    def recommend(self, users: Any = None, n: int = 10, exclude_rated: bool = True) -> dict[str, np.ndarray]:
        """The ``n`` items with the highest expected rating for each of ``users`` (None: all; or one id): columns user,
        item and rating, user by user, the best first. Throws ValueError for an unknown user."""
        predictor = self._asked()
        numbers_ = np.arange(len(self.user_ids_), dtype=np.int32) if users is None else self._known_users(users)
        whose, items, ratings = predictor.recommend(numbers_, n, not exclude_rated)
        return {"user": self.user_ids_[whose], "item": self.item_ids_[items], "rating": ratings}

    def similar_items(self, item: Any, n: int = 10, by: str = "embeddings") -> dict[str, np.ndarray]:
        """The ``n`` items most like this one: columns item and similarity (a cosine). ``by`` is embeddings, or ratings:
        the predicted ones."""
        others, similarity = self._asked().similar(False, int(self._known_items(item)[0]), n, _by_ratings(by))
        return {"item": self.item_ids_[others], "similarity": similarity}

    def similar_users(self, user: Any, n: int = 10, by: str = "embeddings") -> dict[str, np.ndarray]:
        """As ``similar_items``: columns user and similarity."""
        others, similarity = self._asked().similar(True, int(self._known_users(user)[0]), n, _by_ratings(by))
        return {"user": self.user_ids_[others], "similarity": similarity}

    def fold_in(self, ratings: Any) -> Newcomer:
        """A user who was not in training, by the columns item and rating of what the user rated. Items that the model
        does not have are left out, and values between the levels are taken for the nearest one."""
        item, rating = columns_of(ratings, ("item", "rating"))
        items, values = ids_of(item, "item"), numbers_of(rating, "rating")
        require_one_length(items, values)
        return Newcomer(self, self._asked().fold_in(items, values))

    def explain(self, user: Any, item: Any) -> dict[str, Any]:
        """Why ``predict(user, item)`` is what it is: ``rating``, and columns ``item``, ``rated`` (the user's rating of
        it) and ``effect`` (the prediction, less what it were without that rating), the largest first."""
        return self._explanation(self._asked().explain(int(self._known_users(user)[0]),
                                                       int(self._known_items(item)[0])))

    def _explanation(self, answer: tuple[float, np.ndarray, np.ndarray, np.ndarray]) -> dict[str, Any]:
        rating, items, rated, effects = answer
        return {"rating": rating, "item": self.item_ids_[items], "rated": rated, "effect": effects}

    def evaluate(self, test: Any = None, n: int = 10) -> dict[str, Any]:
        """Errors, calibration and ranking by lists of ``n`` on the ratings ``test``, or on the test part of the training:
        what ``gcmc evaluate --format json`` writes."""
        return json.loads(self._asked().evaluate(None if test is None else rating_columns(test), n))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the model's folder, which ``gcmc.load`` and the program read. Throws OSError where the disk fails."""
        self._asked().save(os.fspath(folder))


class Newcomer:
    """A user as ``Model.fold_in`` embeds it."""

    def __init__(self, model: Model, newcomer: _gcmc.Newcomer) -> None:
        self._model, self._newcomer, self._predictor = model, newcomer, model._asked()
        self._item_ids = model.item_ids_

    def predict(self, items: Any) -> np.ndarray:
        """Expected ratings, float64 [items]. Throws ValueError for an unknown item."""
        return self._predictor.score_newcomer(self._newcomer, ids_of(items, "item"))[0]

    def predict_proba(self, items: Any) -> np.ndarray:
        """Probabilities, float64 [items, levels]."""
        return self._predictor.score_newcomer(self._newcomer, ids_of(items, "item"))[1]

    def recommend(self, n: int = 10, exclude_rated: bool = True) -> dict[str, np.ndarray]:
        """Columns item and rating, the best first."""
        _, items, ratings = self._predictor.recommend_newcomer(self._newcomer, n, not exclude_rated)
        return {"item": self._item_ids[items], "rating": ratings}

    def explain(self, item: Any) -> dict[str, Any]:
        """As ``Model.explain``."""
        number = _known(ids_of(item, "item"), self._predictor.item_numbers, "item")
        return self._model._explanation(self._predictor.explain_newcomer(self._newcomer, int(number[0])))


def load(folder: str | os.PathLike[str], threads: int = 0) -> Model:
    """The model in a folder that ``Model.save`` or ``gcmc train`` wrote. Its ids are int where all of a side are whole
    numbers, else str. Throws ValueError for what is no model, OSError where the disk fails."""
    predictor = _gcmc.load(os.fspath(folder), threads)
    options: dict[str, Any] = predictor.options()
    model = Model(predictor.preset(), int(options.pop("seed")), threads, **options)
    model._keep(predictor)
    model.metrics_ = predictor.metrics()
    return model


def _known(ids: Any, numbers_of_ids: Callable[[Any], np.ndarray], name: str) -> np.ndarray:
    found = numbers_of_ids(ids)
    if (found < 0).any():
        raise ValueError(f"the model does not know {name} {ids[int(np.argmax(found < 0))]!s}")
    return found


def _repeated(ids: Any, count: int) -> Any:
    return np.repeat(ids, count) if isinstance(ids, np.ndarray) else ids * count


def _by_ratings(by: str) -> bool:
    if by not in ("embeddings", "ratings"):
        raise ValueError(f"by: {by!r} is neither embeddings nor ratings")
    return by == "ratings"
