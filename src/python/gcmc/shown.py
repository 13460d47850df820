"""What notebooks show of a model."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .model import Model

#: Of metrics_, and what they are called.
_FIGURES = {"best_test_rmse": "test RMSE", "best_valid_rmse": "validation RMSE", "iterations": "iterations",
            "train_ratings": "training ratings"}


def html_of(model: Model) -> str:
    """A table of options and, once there are any, figures."""
    rows = dict(model.get_params())
    if model._predictor is not None:
        rows["users, items"] = f"{len(model.user_ids_)}, {len(model.item_ids_)}"
        rows["rating values"] = ", ".join(f"{level:g}" for level in model.levels_)
        for name, title in _FIGURES.items():
            if model.metrics_.get(name) is not None:
                rows[title] = f"{model.metrics_[name]:.4g}" if "rmse" in name else model.metrics_[name]
    cells = "".join(f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(str(value))}</td></tr>"
                    for name, value in rows.items())
    state = "" if model._predictor is not None else ", not trained"
    return f"<table><caption>gcmc.Model{state}</caption>{cells}</table>"


def plot_of(history: dict[str, np.ndarray[Any, Any]], axes: Any) -> Any:
    """Draws each model's curves."""
    if axes is None:
        import matplotlib.pyplot
        axes = matplotlib.pyplot.subplots()[1]
    for model in np.unique(history["model"]):
        own = history["model"] == model
        of_model = f", model {model}" if history["model"].max() > 1 else ""
        for name, title in (("train_rmse", "training"), ("valid_rmse", "validation"), ("test_rmse", "test")):
            if np.isfinite(history[name][own]).any():
                axes.plot(history["iteration"][own], history[name][own], label=title + of_model)
    axes.set_xlabel("iteration")
    axes.set_ylabel("RMSE")
    axes.legend()
    return axes
