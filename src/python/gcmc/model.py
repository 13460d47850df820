"""Models that are trained on ratings and answer by the caller's ids.

In the examples ``ratings`` and ``model`` are those of docs/python.md: users 0 to 79, items film-0 to film-49.
"""

from __future__ import annotations

import contextlib
import json
import numbers
import os
import pathlib
import tempfile
import warnings
from typing import Any

import numpy as np

from . import _gcmc
from .columns import (array_of_ids, columns_of, ids_of, kind_of_texts, numbers_of, rating_columns,
                      require_one_length)
from .frames import answer, library_of, side_file
from .newcomer import Newcomer, count_of, known, one_of
from .progress import Callback, Shown
from .shown import html_of, plot_of

Array = np.ndarray[Any, Any]


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

    ``preset`` is auto, fast (with ``time_budget``), dgl or paper, or best for ml-100k and ml-1m by ``data_name``;
    ``threads`` 0 takes all cores, and no answer depends on it. Further options go by the names of docs/guide.md's table
    (``train_max_iter=100``); ``duplicates`` and ``rating_levels`` say, as in the program, how ratings are read. Raises
    ValueError for a name or value that is none.

    After ``fit``: ``user_ids_`` [users], ``item_ids_`` [items], ``levels_`` [levels] (rating values), ``metrics_`` (a
    dict: metrics.json), ``history_`` (a dict of arrays, one value an evaluation) and ``notes_`` (sentences on features
    and edges that were read).

    >>> gcmc.Model(train_max_iter=100, seed=3)
    Model(preset='auto', seed=3, threads=0, train_max_iter=100)
    """

    user_ids_: Array
    item_ids_: Array
    levels_: Array
    metrics_: dict[str, Any]
    history_: dict[str, Array]
    notes_: list[str]

    def __init__(self, preset: str = "auto", seed: int = 1, threads: int = 0, **options: Any) -> None:
        self._params: dict[str, Any] = {"preset": preset, "seed": seed, "threads": threads, **options}
        self._predictor: _gcmc.Predictor | None = None
        self._library: str | None = None  # of frames, in which answers are given
        self._check()

    def __repr__(self) -> str:
        return f"Model({', '.join(f'{name}={value!r}' for name, value in self._params.items())})"

    def _repr_html_(self) -> str:
        return html_of(self)

    def __getstate__(self) -> dict[str, Any]:
        """What ``pickle`` and ``copy`` take: all attributes, and the files of the model's folder."""
        state = dict(self.__dict__, _predictor=None)
        if self._predictor is not None:
            with tempfile.TemporaryDirectory() as folder:
                model = pathlib.Path(folder, "model")
                self._predictor.save(str(model))
                state["_files"] = {str(file.relative_to(model)): file.read_bytes()
                                   for file in model.rglob("*") if file.is_file()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        files = state.pop("_files", None)
        self.__dict__.update(state)
        if files is not None:
            with tempfile.TemporaryDirectory() as folder:
                for name, content in files.items():
                    path = pathlib.Path(folder, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                self._predictor = _gcmc.load(folder, int(self._params["threads"]))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags
        return Tags(estimator_type=None, target_tags=TargetTags(required=False))

    def _texts(self) -> dict[str, str]:
        return {name: _text(name, value) for name, value in self._params.items() if name != "preset"}

    def _check(self) -> None:
        _gcmc.check_options(str(self._params["preset"]), self._texts())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All that the constructor was given, by name, as scikit-learn asks for it.

        >>> gcmc.Model("dgl", seed=2).get_params()
        {'preset': 'dgl', 'seed': 2, 'threads': 0}
        """
        return dict(self._params)

    def set_params(self, **params: Any) -> Model:
        """Changes options for the next ``fit``. Raises ValueError, and changes nothing, as the constructor.

        >>> gcmc.Model().set_params(seed=7).get_params()["seed"]
        7
        """
        before = self._params
        self._params = {**before, **params}
        try:
            self._check()
        except ValueError:
            self._params = before
            raise
        return self

    def fit(self, ratings: Any, *, valid: Any = None, user_features: Any = None, item_features: Any = None,
            user_graph: Any = None, item_graph: Any = None, callback: Callback | None = None,
            progress: bool = False) -> Model:
        """Trains on ``ratings``: columns user, item, rating and perhaps time, in a tuple or dict of arrays, or a table of
        pandas, polars, pyarrow, duckdb or whatever has the Arrow C stream interface (by these names, or its first
        three). Ids are whole numbers or text; of a pair that is rated twice the last rating counts.

        A test part and a validation part are drawn as the options say (``data_test_ratio``, ``data_valid_ratio``,
        ``split``). With ``valid``, ratings in the same form, these are the validation part and there is no test part.

        ``user_features`` and ``item_features`` are tables with the id in the column user or item, or the first one; a
        graph has columns source, target and perhaps weight. Each is a table, or the path of a file that the program
        would read, and taken as the program takes such a file; ``notes_`` has what is to say of it.

        ``callback`` gets a dict after each iteration, and between draws of the embeddings: phase (training, refit or
        embedding), model (of ``seeds``, from 1), refit (of ``refits``, from 1), iteration, max_iterations, loss, train_rmse, valid_rmse (None where it
        was not read), best_valid_rmse, learning_rate and seconds. Its exception ends the training, is raised, and the
        model is what it was before. Ctrl-C ends after the running iteration and keeps what was trained, with a warning;
        ``metrics_["stopped"]`` is then True. Other threads run meanwhile. ``progress=True`` shows a bar of tqdm's where
        tqdm is installed, else a line now and then on standard error. Raises ValueError for ratings, tables or options
        that do not fit, or if training diverges.

        >>> quick = gcmc.Model("dgl", train_max_iter=2, gcn_agg_units=10, gcn_out_units=4).fit(([1, 2], [7, 7], [3, 5]))
        >>> quick.item_ids_
        array([7])
        """
        sides = {"user_features": user_features, "item_features": item_features, "user_graph": user_graph,
                 "item_graph": item_graph}
        return self._train(None, ratings, valid, sides, callback, progress)

    def continue_fit(self, ratings: Any, *, valid: Any = None, user_features: Any = None, item_features: Any = None,
                     user_graph: Any = None, item_graph: Any = None, callback: Callback | None = None,
                     progress: bool = False) -> Model:
        """Trains on from the weights, on the whole new set of ratings, old and new ones together, in which there may be
        new users and items: ``gcmc train --continue``. The model's own options hold, and what ``set_params`` changed
        since. All else as ``fit``. A random split is drawn anew, so that some of what it holds out was trained on
        before, and its errors are too low: give ``valid``, of ratings that no model has seen. Raises ValueError for a
        rating value that the model does not have: ``fit`` a new model on all ratings then.

        >>> before = gcmc.Model("dgl", train_max_iter=2, gcn_agg_units=10, gcn_out_units=4).fit(([1, 2], [7, 7], [3, 5]))
        >>> before.continue_fit(([1, 2, 3], [7, 7, 8], [3, 5, 3])).item_ids_
        array([7, 8])
        """
        sides = {"user_features": user_features, "item_features": item_features, "user_graph": user_graph,
                 "item_graph": item_graph}
        return self._train(self._asked(), ratings, valid, sides, callback, progress)

    def _train(self, continued: _gcmc.Predictor | None, ratings: Any, valid: Any, sides: dict[str, Any],
               callback: Callback | None, progress: bool) -> Model:
        kinds: list[type] = [str, str]
        columns = rating_columns(ratings, kinds)
        other_kinds = list(kinds)
        held_out = None if valid is None else rating_columns(valid, other_kinds)
        kinds = [int if pair == (int, int) else str for pair in zip(kinds, other_kinds)]
        with tempfile.TemporaryDirectory() as folder:
            files = {name: side_file(folder, name, table) for name, table in sides.items() if table is not None}

            def own_names(text: str) -> str:
                return text.replace(folder + os.sep, "")

            try:
                data = _gcmc.TrainingData(columns, held_out, files)
                with contextlib.closing(Shown(callback)) if progress else contextlib.nullcontext(callback) as watcher:
                    predictor, history, metrics, notes, stopped = _gcmc.train(
                        data, str(self._params["preset"]), self._texts(), continued, watcher)
            except ValueError as problem:
                if folder not in str(problem):
                    raise
                raise ValueError(own_names(str(problem))) from None
        self._keep(predictor, kinds)
        self._library = library_of(ratings)
        self.history_ = history
        self.metrics_ = json.loads(metrics)
        self.notes_ = [own_names(note) for note in notes]
        if stopped:
            warnings.warn("training was stopped by Ctrl-C: the model is the best until then", RuntimeWarning, 3)
        return self

    def _keep(self, predictor: _gcmc.Predictor, kinds: list[type] | None = None) -> None:
        texts = predictor.user_ids(), predictor.item_ids()
        user_ids, item_ids = map(array_of_ids, texts, kinds or map(kind_of_texts, texts))
        self._predictor, self.user_ids_, self.item_ids_ = predictor, user_ids, item_ids
        self.levels_ = predictor.levels()

    def _asked(self) -> _gcmc.Predictor:
        if self._predictor is None:
            raise ValueError("the model is not trained: call fit, or gcmc.load")
        return self._predictor

    def _one_user(self, user: Any) -> int:
        return one_of(self._known_users(user), "user")

    def _one_item(self, item: Any) -> int:
        return one_of(self._known_items(item), "item")

    def _known_users(self, users: Any) -> Array:
        return known(ids_of(users, "user"), self._asked().user_numbers)

    def _known_items(self, items: Any) -> Array:
        return known(ids_of(items, "item"), self._asked().item_numbers)

    @property
    def tensors_(self) -> list[dict[str, Array]]:
        """The tensors of each model (of ``seeds``), by the names of docs/guide.md ("The saved model"), without a copy:
        arrays that cannot be written to.

        >>> model.tensors_[0]["user_embedding"].shape
        (80, 16)
        """
        predictor = self._asked()
        return [predictor.tensors(k) for k in range(predictor.seeds())]

    def predict(self, users: Any, items: Any) -> Array:
        """Expected ratings, float64 [pairs], of ``users[k]`` and ``items[k]``; a single id goes with all of the other
        side. Where an id is unknown: the bias baseline's value.

        >>> model.predict(7, ["film-1", "film-2", "film-3"]).shape
        (3,)
        """
        return self._scores(users, items)[0]

    def predict_proba(self, users: Any, items: Any) -> Array:
        """Probabilities, float64 [pairs, levels], of ``levels_``; zeros where an id is unknown.

        >>> model.predict_proba([7, 8], ["film-1", "film-2"]).sum(axis=1).round(6)
        array([1., 1.])
        """
        return self._scores(users, items)[1]

    def _scores(self, users: Any, items: Any) -> tuple[Array, Array]:
        predictor = self._asked()
        if np.ndim(users) == 0:
            users = [users] * (np.size(items) if np.ndim(items) == 0 else len(items))
        if np.ndim(items) == 0:
            items = [items] * len(users)
        return predictor.score(ids_of(users, "user"), ids_of(items, "item"))

    def recommend(self, users: Any = None, n: int = 10, exclude_rated: bool = True, items: Any = None) -> Any:
        """The ``n`` items with the highest expected rating for each of ``users`` (None: all; or one id), among ``items``
        (None: all): columns user, item and rating, user by user, the best first. As all answers of columns, in the kind
        of frame that the model was trained on, else a dict of arrays. Raises ValueError for an unknown id.

        >>> model.recommend(7, n=3)["rating"].shape
        (3,)
        """
        predictor = self._asked()
        asked = np.arange(len(self.user_ids_), dtype=np.int32) if users is None else self._known_users(users)
        among = None if items is None else self._known_items(items)
        whose, found, ratings = predictor.recommend(asked, count_of(n), not exclude_rated, among)
        return self._answer({"user": self.user_ids_[whose], "item": self.item_ids_[found], "rating": ratings})

    def _answer(self, columns: dict[str, Any]) -> Any:
        return answer(self._library, columns)

    def similar_items(self, item: Any, n: int = 10, by: str = "embeddings") -> Any:
        """The ``n`` items most like this one: columns item and similarity (a cosine). ``by`` is embeddings, or ratings:
        the predicted ones.

        >>> list(model.similar_items("film-1", n=2))
        ['item', 'similarity']
        """
        others, similarity = self._asked().similar(False, self._one_item(item), count_of(n), _by_ratings(by))
        return self._answer({"item": self.item_ids_[others], "similarity": similarity})

    def similar_users(self, user: Any, n: int = 10, by: str = "embeddings") -> Any:
        """As ``similar_items``: columns user and similarity.

        >>> len(model.similar_users(7, n=2, by="ratings")["user"])
        2
        """
        others, similarity = self._asked().similar(True, self._one_user(user), count_of(n), _by_ratings(by))
        return self._answer({"user": self.user_ids_[others], "similarity": similarity})

    def fold_in(self, ratings: Any) -> Newcomer:
        """A user who was not in training, by the columns item and rating of what the user rated. Items that the model
        does not have are left out, and values between the levels are taken for the nearest one.

        >>> model.fold_in((["film-1", "film-2"], [5, 1])).predict(["film-3"]).shape
        (1,)
        """
        item, rating = columns_of(ratings, ("item", "rating"))
        items, values = ids_of(item, "item"), numbers_of(rating, "rating")
        require_one_length(items, values)
        return Newcomer(self, self._asked(), self._asked().fold_in(items, values))

    def explain(self, user: Any, item: Any) -> Any:
        """Why ``predict(user, item)`` is what it is: ``rating``, and columns ``item``, ``rated`` (the user's rating of
        it) and ``effect`` (the prediction, less what it were without that rating), the largest first. In a frame,
        ``rating`` stands in each row.

        >>> list(model.explain(7, "film-1"))
        ['rating', 'item', 'rated', 'effect']
        """
        return self._explanation(self._asked().explain(self._one_user(user), self._one_item(item)))

    def _explanation(self, found: tuple[float, Array, Array, Array]) -> Any:
        rating, items, rated, effects = found
        return self._answer({"rating": rating, "item": self.item_ids_[items], "rated": rated, "effect": effects})

    def evaluate(self, test: Any = None, n: int = 10) -> dict[str, Any]:
        """Errors, calibration and ranking by lists of ``n`` on the ratings ``test``, or on the test part of the training:
        what ``gcmc evaluate --format json`` writes. ``test`` is read by the model's ``duplicates`` and
        ``rating_levels``, which a folder does not keep: set them again on a model of ``gcmc.load``.

        >>> model.evaluate()["pairs"]
        200
        """
        of = None if test is None else rating_columns(test)
        figures: dict[str, Any] = json.loads(self._asked().evaluate(of, self._texts(), count_of(n)))
        return figures

    def score(self, ratings: Any) -> float:
        """Minus the RMSE on ``ratings``, so that more is better, as scikit-learn's searches ask for it.

        >>> model.score(ratings) > -2
        True
        """
        return -float(self.evaluate(ratings)["rmse"])

    def plot_history(self, axes: Any = None) -> Any:
        """RMSE by iteration, drawn by matplotlib on ``axes``, or on new ones, which are returned.

        >>> model.plot_history().get_ylabel()
        'RMSE'
        """
        return plot_of(self.history_, axes)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the model's folder, which ``gcmc.load`` and the program read. Raises OSError where the disk fails.

        >>> import tempfile
        >>> model.save(tempfile.mkdtemp())
        """
        self._asked().save(os.fsdecode(folder))


def load(folder: str | os.PathLike[str], threads: int = 0) -> Model:
    """The model in a folder that ``Model.save`` or ``gcmc train`` wrote. Its ids are int where all of a side are whole
    numbers, else str, and it answers by dicts of arrays. Its options are those in which it differs from its preset,
    without device, threads and a data set's own split. Raises ValueError for what is no model, OSError where the disk
    fails.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> model.save(folder)
    >>> gcmc.load(folder).user_ids_.shape
    (80,)
    """
    predictor = _gcmc.load(os.fsdecode(folder), count_of(threads, "threads"))
    options: dict[str, Any] = dict(predictor.options())
    model = Model(options.pop("preset"), int(options.pop("seed")), threads, **options)
    model._keep(predictor)
    model.metrics_ = predictor.metrics()
    return model


def describe(ratings: Any, *, duplicates: str = "last", rating_levels: str = "") -> dict[str, Any]:
    """What ratings, in any form that ``Model.fit`` takes, hold: users, items, density, levels, times, and what looks
    wrong: what ``gcmc data inspect --json`` writes of a file. ``duplicates`` and ``rating_levels`` are as ``Model``
    takes them.

    >>> gcmc.describe(ratings)["users"]
    80
    """
    reading = {"duplicates": duplicates, "rating_levels": rating_levels}
    figures: dict[str, Any] = json.loads(_gcmc.describe(rating_columns(ratings), reading))
    return figures


def _by_ratings(by: str) -> bool:
    if by not in ("embeddings", "ratings"):
        raise ValueError(f"by: {by!r} is neither embeddings nor ratings")
    return by == "ratings"
