"""A scorer of gcmc for LensKit's pipelines, so that its evaluation judges it beside its own models. Needs the package
lenskit."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from lenskit.data import Dataset, ItemList, RecQuery
from lenskit.pipeline import Component
from lenskit.training import Trainable, TrainingOptions

from .model import Model
from .newcomer import Newcomer


class GCMCConfig(BaseModel):  # type: ignore[misc]
    """What ``Model`` takes: ``preset``, ``seed``, ``threads`` and options by name.

    >>> from gcmc.lenskit import GCMCConfig
    >>> GCMCConfig(preset="dgl", train_max_iter=5).model_dump()
    {'preset': 'dgl', 'seed': 1, 'threads': 0, 'train_max_iter': 5}
    """

    model_config = ConfigDict(extra="allow")

    preset: str = "auto"
    seed: int = 1
    threads: int = 0


class GCMCScorer(Component[ItemList], Trainable):  # type: ignore[misc]
    """Scores are expected ratings; NaN for items that the model does not know. Users that it does not know are folded in
    by the rated items of the query; where it has none with ratings, their scores are NaN too.

    >>> from gcmc.lenskit import GCMCScorer
    >>> from lenskit.pipeline import topn_pipeline
    >>> pipeline = topn_pipeline(GCMCScorer(preset="dgl", train_max_iter=5), n=3)
    >>> pipeline.train(dataset)
    >>> len(pipeline.run("recommender", query=100))
    3
    """

    config: GCMCConfig

    def is_trained(self) -> bool:
        return hasattr(self, "model_")

    def train(self, data: Dataset, options: TrainingOptions = TrainingOptions()) -> None:
        """Trains on the data set's interactions, which have to have ratings."""
        if self.is_trained() and not options.retrain:
            return
        frame = data.interaction_table(format="pandas", original_ids=True)
        names = [name for name in ("user_id", "item_id", "rating", "timestamp") if name in frame]
        self.model_ = Model(**self.config.model_dump()).fit(tuple(frame[name].to_numpy() for name in names))

    def __call__(self, query: object, items: ItemList) -> ItemList:
        asked = RecQuery.create(query)
        ids = items.ids()
        scores = np.full(len(items), np.nan)
        known = np.isin(ids, self.model_.item_ids_)
        if known.any() and asked.user_id in self.model_.user_ids_:
            scores[known] = self.model_.predict(asked.user_id, ids[known])
        elif known.any() and (newcomer := self._newcomer(asked.history_items)) is not None:
            scores[known] = newcomer.predict(ids[known])
        return ItemList(items, scores=scores)

    def _newcomer(self, rated: ItemList | None) -> Newcomer | None:
        ratings = None if rated is None else rated.field("rating")
        return None if rated is None or ratings is None else self.model_.fold_in((rated.ids(), ratings))
