"""Models of gcmc for RecTools: its data sets in, its frames of recommendations out, so that its metrics and
cross-validation judge them beside its own models. Needs the package rectools."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from rectools.dataset import Dataset
from rectools.models.base import ModelBase

from .model import Model

Ids = np.ndarray[Any, Any]


class GCMCModel(ModelBase):  # type: ignore[misc]
    """Trains a copy of ``model`` on the weights of a data set's interactions, which are the ratings.

    >>> from rectools.dataset import Dataset
    >>> from gcmc.rectools import GCMCModel
    >>> fitted = GCMCModel(gcmc.Model("dgl", train_max_iter=5)).fit(Dataset.construct(interactions))
    >>> fitted.recommend([100], Dataset.construct(interactions), k=3, filter_viewed=True)["rank"].tolist()
    [1, 2, 3]
    """

    recommends_for_warm = False
    recommends_for_cold = False

    def __init__(self, model: Model, verbose: int = 0) -> None:
        super().__init__(verbose=verbose)
        self.model = model

    def _fit(self, dataset: Dataset) -> None:
        frame = dataset.interactions.df
        self.trained = copy.deepcopy(self.model).fit(
            {"user": frame["user_id"].to_numpy(), "item": frame["item_id"].to_numpy(),
             "rating": frame["weight"].to_numpy(), "time": frame["datetime"].to_numpy()})

    def _recommend_u2i(self, user_ids: Ids, dataset: Dataset, k: int, filter_viewed: bool,
                       sorted_item_ids_to_recommend: Ids | None) -> tuple[Ids, Ids, Ids]:
        found = self.trained.recommend(user_ids, k, filter_viewed, sorted_item_ids_to_recommend)
        return found["user"], found["item"], found["rating"]

    def _recommend_i2i(self, target_ids: Ids, dataset: Dataset, k: int,
                       sorted_item_ids_to_recommend: Ids | None) -> tuple[Ids, Ids, Ids]:
        """An item is the most like itself."""
        targets: list[Any] = []
        items: list[Any] = []
        scores: list[float] = []
        allowed = None if sorted_item_ids_to_recommend is None else set(sorted_item_ids_to_recommend.tolist())
        for target in target_ids.tolist():
            found = self.trained.similar_items(target, n=len(self.trained.item_ids_))
            pairs = [(target, 1.0), *zip(found["item"].tolist(), found["similarity"].tolist())]
            best = [pair for pair in pairs if allowed is None or pair[0] in allowed][:k]
            targets += [target] * len(best)
            items += [item for item, _ in best]
            scores += [score for _, score in best]
        return np.array(targets), np.array(items), np.array(scores)
