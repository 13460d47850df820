"""Progress of a training on standard error: a bar of tqdm's where tqdm is installed, else a line now and then."""

from __future__ import annotations

import math
import sys
import time
from typing import Any, Callable

Callback = Callable[[dict[str, Any]], Any]

SECONDS_BETWEEN_LINES = 5.0


class Lines:
    """What ``Shown`` uses of tqdm, as lines."""

    def __init__(self, total: int, desc: str, unit: str) -> None:
        self._total, self._title, self._unit = total, desc, unit
        self._done, self._told, self._figures = 0, time.monotonic(), ""

    def set_postfix_str(self, figures: str, refresh: bool) -> None:
        self._figures = figures

    def update(self, steps: int) -> None:
        self._done += steps
        if time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._tell()

    def close(self) -> None:
        self._tell()

    def _tell(self) -> None:
        print(f"{self._title}: {self._done}/{self._total} {self._unit}, {self._figures}", file=sys.stderr, flush=True)
        self._told = time.monotonic()


class Shown:
    """What to call after each iteration, and to close at the end: a bar for each model's training and its refit."""

    def __init__(self, callback: Callback | None) -> None:
        self._callback, self._title = callback, ""
        self._bar: Any = None
        try:
            from tqdm.auto import tqdm as kind
        except ImportError:
            kind = Lines
        self._kind: Any = kind

    def __call__(self, progress: dict[str, Any]) -> None:
        if progress["phase"] != "embedding":
            self._show(progress)
        if self._callback is not None:
            self._callback(progress)

    def _show(self, progress: dict[str, Any]) -> None:
        title = progress["phase"] + (f" {progress['refit']}" if progress["refit"] > 1 else "")
        title += f" of model {progress['model']}" if progress["model"] > 1 else ""
        if title != self._title:
            self.close()
            self._bar, self._title = self._kind(total=progress["max_iterations"], desc=title, unit="steps"), title
        best = progress["best_valid_rmse"]
        validation = f", validation RMSE {best:.4f}" if math.isfinite(best) else ""
        self._bar.set_postfix_str(f"loss {progress['loss']:.4f}{validation}", refresh=False)
        self._bar.update(1)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
