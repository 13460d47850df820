"""Users who were not in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from . import _gcmc
from .columns import ids_of

if TYPE_CHECKING:
    from .model import Model

Array = np.ndarray[Any, Any]


def known(ids: _gcmc.Column, numbers_of_ids: Callable[[_gcmc.Column], Array]) -> Array:
    """Their numbers in the model. Raises ValueError for an id that it does not have."""
    found = numbers_of_ids(ids)
    if (found < 0).any():
        raise ValueError(f"the model does not know {ids.name} {ids.id(int(np.argmax(found < 0)))}")
    return found


def one_of(numbers: Array, name: str) -> int:
    if len(numbers) != 1:
        raise ValueError(f"{name}: one id was expected, not {len(numbers)}")
    return int(numbers[0])


def count_of(n: Any, name: str = "n") -> int:
    if isinstance(n, (bool, np.bool_)) or not isinstance(n, (int, np.integer)) or not 0 <= n < 2**31:
        raise ValueError(f"{name} is {n!r}, a whole number from 0 on was expected")
    return int(n)


class Newcomer:
    """A user as ``Model.fold_in`` embeds it, who is asked about as the model's own.

    >>> someone = model.fold_in((["film-1", "film-2"], [5, 1]))
    >>> someone.recommend(n=2)["item"].shape
    (2,)
    """

    def __init__(self, model: Model, predictor: _gcmc.Predictor, newcomer: _gcmc.Newcomer) -> None:
        self._model, self._predictor, self._newcomer = model, predictor, newcomer
        self._item_ids = model.item_ids_

    def predict(self, items: Any) -> Array:
        """Expected ratings, float64 [items]. Where an item is unknown: the bias baseline's value.

        >>> model.fold_in((["film-1"], [5])).predict(["film-2", "film-3"]).shape
        (2,)
        """
        return self._predictor.score_newcomer(self._newcomer, ids_of(items, "item"))[0]

    def predict_proba(self, items: Any) -> Array:
        """Probabilities, float64 [items, levels].

        >>> model.fold_in((["film-1"], [5])).predict_proba("film-2").shape == (1, len(model.levels_))
        True
        """
        return self._predictor.score_newcomer(self._newcomer, ids_of(items, "item"))[1]

    def recommend(self, n: int = 10, exclude_rated: bool = True) -> Any:
        """Columns item and rating, the best first, as ``Model.recommend``.

        >>> len(model.fold_in((["film-1"], [5])).recommend(n=4)["item"])
        4
        """
        _, items, ratings = self._predictor.recommend_newcomer(self._newcomer, count_of(n), not exclude_rated)
        return self._model._answer({"item": self._item_ids[items], "rating": ratings})

    def explain(self, item: Any) -> Any:
        """As ``Model.explain``.

        >>> model.fold_in((["film-1"], [5])).explain("film-2")["item"]
        array(['film-1'], dtype=object)
        """
        number = one_of(known(ids_of(item, "item"), self._predictor.item_numbers), "item")
        return self._model._explanation(self._predictor.explain_newcomer(self._newcomer, number))
