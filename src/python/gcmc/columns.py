"""Columns out of what callers hold ratings in, and ids of either kind."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from ._gcmc import RatingColumns

_SPARSE = ("a bare matrix does not say whether its rows are users or items, nor their ids: "
           "give columns, such as (users, items, ratings)")


def columns_of(table: Any, names: Sequence[str], optional: Sequence[str] = ()) -> list[Any]:
    """The named columns of a dict, a frame or a table; of a tuple, or where a name is missing, the first ones."""
    if hasattr(table, "tocoo") or (isinstance(table, np.ndarray) and table.dtype.names is None):
        raise ValueError(_SPARSE)
    if isinstance(table, (tuple, list)):
        found = list(table)
        if not len(names) <= len(found) <= len(names) + len(optional):
            raise ValueError(f"{len(found)} columns, but {_listed(names, optional)} were expected")
        return found + [None] * (len(names) + len(optional) - len(found))
    keys = _names_of_columns(table)
    if all(name in keys for name in names):
        return [table[name] if name in keys else None for name in (*names, *optional)]
    if len(keys) < len(names):
        raise ValueError(f"columns {_listed(keys)}, but {_listed(names, optional)} were expected")
    return [table[key] for key in keys[:len(names)]] + [None] * len(optional)


def _names_of_columns(table: Any) -> list[Any]:
    if isinstance(table, dict):
        return list(table)
    if isinstance(table, np.ndarray):
        return list(table.dtype.names)
    names = getattr(table, "column_names", None)  # pyarrow; pandas and polars have columns
    if names is None:
        names = getattr(table, "columns", None)
    if names is None:
        raise ValueError(f"{type(table).__name__} is none of: tuple or dict of arrays, pandas, polars, pyarrow table")
    return list(names)


def _listed(names: Sequence[Any], optional: Sequence[str] = ()) -> str:
    return ", ".join(map(str, names)) + "".join(f"[, {name}]" for name in optional)


def ids_of(column: Any, name: str) -> np.ndarray | list[str]:
    """Whole numbers as int64, anything else as a list of str. A single id is a column of one."""
    if isinstance(column, (str, int, np.integer)) and not isinstance(column, bool):
        column = [column]
    array = np.asarray(column)
    if array.ndim != 1:
        raise ValueError(f"{name}: a column of ids was expected, not an array of shape {array.shape}")
    if array.dtype.kind in "iu" and (array.dtype != np.uint64 or not array.size or array.max() < 2**63):
        return np.ascontiguousarray(array, dtype=np.int64)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind == "f":
        raise ValueError(f"{name}: ids are whole numbers or text, not {array.dtype}; "
                         "where a frame has missing ids, drop those rows, then make the column whole numbers")
    return _ids_of_objects(column if isinstance(column, list) else array.tolist(), name)


def _ids_of_objects(ids: list[Any], name: str) -> np.ndarray | list[str]:
    if all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) and -2**63 <= one < 2**63 for one in ids):
        return np.array(ids, dtype=np.int64)
    for k, one in enumerate(ids):
        if isinstance(one, bool) or not isinstance(one, (str, int, np.integer)):
            raise ValueError(f"{name}: row {k} is {one!r}, which is neither a whole number nor text")
    return [str(one) for one in ids]


def numbers_of(column: Any, name: str) -> np.ndarray:
    """A column of float64."""
    array = np.asarray(column)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[us]").astype(np.int64) / 1e6  # seconds
    try:
        array = np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{name}: {problem}") from None
    if array.ndim != 1:
        raise ValueError(f"{name}: a column was expected, not an array of shape {array.shape}")
    return array


def rating_columns(table: Any, kinds: list[type] | None = None) -> RatingColumns:
    """Ratings for the library. `kinds` gets the kind of the users' and of the items' ids."""
    user, item, rating, time = columns_of(table, ("user", "item", "rating"), ("time",))
    users, items, ratings = ids_of(user, "user"), ids_of(item, "item"), numbers_of(rating, "rating")
    times = None if time is None else numbers_of(time, "time")
    require_one_length(users, items, ratings, *(() if times is None else (times,)))
    if kinds is not None:
        kinds[:] = [kind_of(users), kind_of(items)]
    return RatingColumns(users, items, ratings, times)


def require_one_length(*columns: Any) -> None:
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(f"columns of different lengths: {lengths}")


def kind_of(ids: np.ndarray | list[str]) -> type:
    return int if isinstance(ids, np.ndarray) else str


def kind_of_texts(texts: list[str]) -> type:
    """int if every id is a whole number as Python writes it."""
    def is_number(text: str) -> bool:
        digits = text.removeprefix("-")
        return digits.isascii() and digits.isdigit() and str(int(text)) == text and -2**63 <= int(text) < 2**63
    return int if all(map(is_number, texts)) else str


def array_of_ids(texts: list[str], kind: type) -> np.ndarray:
    return np.array([int(text) for text in texts], np.int64) if kind is int else np.array(texts, object)
