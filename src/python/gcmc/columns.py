"""Columns out of what callers hold ratings in, and ids of either kind."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from ._gcmc import Column, RatingColumns, columns_of_stream

_MATRIX = ("a bare matrix does not say whether its rows are users or items, nor their ids: "
           "give columns, such as (users, items, ratings)")


def columns_of(table: Any, names: Sequence[str], optional: Sequence[str] = ()) -> list[Any]:
    """The named columns of a dict, a frame or a table; of a tuple, or where a name is missing, the first ones. None for
    an optional one that is not there."""
    if hasattr(table, "tocoo") or (isinstance(table, np.ndarray) and table.dtype.names is None):
        raise ValueError(_MATRIX)
    if isinstance(table, (tuple, list)):
        found = list(table)
        if not len(names) <= len(found) <= len(names) + len(optional):
            raise ValueError(f"{len(found)} columns, but {_listed(names, optional)} were expected")
        return found + [None] * (len(names) + len(optional) - len(found))
    columns = named_columns(table)
    if all(name in columns for name in names):
        return [columns.get(name) for name in (*names, *optional)]
    if len(columns) < len(names):
        raise ValueError(f"columns {_listed(list(columns))}, but {_listed(names, optional)} were expected")
    return list(columns.values())[:len(names)] + [None] * len(optional)


def named_columns(table: Any) -> dict[Any, Any]:
    """Of a frame of pandas, whose columns are NumPy's, its columns; of what else has the Arrow C stream interface, those
    of the stream."""
    if isinstance(table, dict):
        return table
    if isinstance(table, np.ndarray):
        return {name: table[name] for name in table.dtype.names or ()}
    if hasattr(table, "__arrow_c_stream__") and not hasattr(table, "iloc"):
        return {column.name: column for column in columns_of_stream(table.__arrow_c_stream__())}
    if type(table).__name__ == "LazyFrame":
        raise ValueError("a LazyFrame has no values yet: collect() it")
    if not hasattr(table, "columns"):
        raise ValueError(f"{type(table).__name__} is none of: tuple or dict of arrays, or a table of pandas, polars, "
                         "pyarrow, duckdb or another library with the Arrow C stream interface")
    return {name: table[name] for name in table.columns}


def _listed(names: Sequence[Any], optional: Sequence[str] = ()) -> str:
    return ", ".join(map(str, names)) + "".join(f"[, {name}]" for name in optional)


def ids_of(column: Any, name: str) -> Column:
    """A column of whole numbers or text. A single id is a column of one."""
    if isinstance(column, (str, int, np.integer)) and not isinstance(column, bool):
        column = [column]
    taken = _arrow_column(column, name)
    if taken is None:
        return _ids_of_array(column, name)
    if not taken.is_whole and not taken.is_text:
        raise ValueError(f"{taken.name}: ids are whole numbers or text, not {taken.type_name}")
    return taken


def numbers_of(column: Any, name: str) -> Column:
    """A column of numbers; times are seconds."""
    taken = _arrow_column(column, name)
    if taken is None:
        return Column.of_array(name, _numbers_of_array(column, name))
    if not taken.is_number or (name == "rating" and taken.type_name.startswith("Arrow's t")):
        raise ValueError(f"{taken.name}: {taken.type_name} is no number: cast the column to float64")
    return taken


def _arrow_column(column: Any, name: str) -> Column | None:
    """None for what NumPy has to take."""
    if isinstance(column, Column):
        return column
    kept_by_numpy = isinstance(getattr(column, "dtype", None), np.dtype) and column.dtype.kind in "iufM"
    if kept_by_numpy or not hasattr(column, "__arrow_c_stream__"):
        return None
    try:
        columns = columns_of_stream(column.__arrow_c_stream__())
    except (ImportError, TypeError, ValueError):  # pandas without pyarrow; objects of several types
        return None
    if len(columns) != 1:
        raise ValueError(f"{name}: {len(columns)} columns in place of one")
    columns[0].name = name
    return columns[0]


def _one_dimension(column: Any, name: str) -> np.ndarray[Any, Any]:
    if isinstance(column, np.ma.MaskedArray) and np.ma.getmaskarray(column).any():
        raise ValueError(f"{name}: row {np.argmax(np.ma.getmaskarray(column))} is masked: leave such rows out")
    array = np.asarray(column)
    if array.ndim != 1:
        raise ValueError(f"{name}: a column was expected, not an array of shape {array.shape}")
    return array


def _ids_of_array(column: Any, name: str) -> Column:
    array = _one_dimension(column, name)
    if array.size == 0:
        return Column.of_array(name, np.empty(0, np.int64))
    if array.dtype.kind in "iu":
        return Column.of_array(name, _native(array))
    if array.dtype.kind == "f":
        missing = np.flatnonzero(np.isnan(array))
        if missing.size:
            raise ValueError(f"{name}: row {missing[0]} has no value: leave such rows out")
        raise ValueError(f"{name}: ids are whole numbers or text, not {array.dtype}")
    return _ids_of_objects(column if isinstance(column, list) else array.tolist(), name)


def _ids_of_objects(ids: list[Any], name: str) -> Column:
    if all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) for one in ids):
        array = _whole(ids)
        if array is not None:
            return Column.of_array(name, array)
    for k, one in enumerate(ids):
        if isinstance(one, bool) or not isinstance(one, (str, int, np.integer)):
            raise ValueError(f"{name}: row {k} is {one!r}, which is neither a whole number nor text")
    return Column.of_texts(name, [str(one) for one in ids])


def _whole(ids: list[int]) -> np.ndarray[Any, Any] | None:
    """As int64, or as uint64; None where neither holds them all."""
    for kind in (np.int64, np.uint64):
        if np.iinfo(kind).min <= min(ids) and max(ids) <= np.iinfo(kind).max:
            return np.array(ids, kind)
    return None


def _native(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _without_types_of_pandas(column: Any) -> Any:
    """Times of a zone as NumPy's, and numbers that may be missing as floats: NumPy takes both for objects."""
    dtype = getattr(column, "dtype", None)
    if isinstance(dtype, np.dtype) or not hasattr(column, "to_numpy"):
        return column
    kind = getattr(dtype, "kind", "O")
    if kind == "M":
        return column.to_numpy("datetime64[ns]")
    return column.to_numpy("float64", na_value=np.nan) if kind in "iuf" else column


def _numbers_of_array(column: Any, name: str) -> np.ndarray[Any, Any]:
    array = _one_dimension(_without_types_of_pandas(column), name)
    if array.dtype.kind in "bcm" or (name == "rating" and array.dtype.kind == "M"):
        raise ValueError(f"{name}: {array.dtype} is no number: cast the column to float64")
    if array.dtype.kind == "M":
        seconds = array.astype("datetime64[us]").astype(np.int64) / 1e6
        return np.where(np.isnat(array), np.nan, seconds)
    if array.dtype.kind in "iu" or array.dtype in (np.float32, np.float64):
        return _native(array)
    try:
        return np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        for k, value in enumerate(array):
            try:
                float(value)
            except (TypeError, ValueError, OverflowError):
                raise ValueError(f"{name}: row {k} is {str(value)!r}, which is no number") from None
        raise


def rating_columns(table: Any, kinds: list[type] | None = None) -> RatingColumns:
    """Ratings for the library. `kinds` gets the kind of the users' and of the items' ids."""
    user, item, rating, time = columns_of(table, ("user", "item", "rating"), ("time",))
    users, items, ratings = ids_of(user, "user"), ids_of(item, "item"), numbers_of(rating, "rating")
    times = None if time is None else numbers_of(time, "time")
    require_one_length(users, items, ratings, *(() if times is None else (times,)))
    if kinds is not None:
        kinds[:] = [kind_of(users), kind_of(items)]
    return RatingColumns(users, items, ratings, times)


def require_one_length(*columns: Column) -> None:
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(f"columns of different lengths: {lengths}")


def kind_of(ids: Column) -> type:
    return int if ids.is_whole else str


def kind_of_texts(texts: list[str]) -> type:
    """int if every id is a whole number as Python writes it."""
    def is_number(text: str) -> bool:
        digits = text.removeprefix("-")
        return (digits.isascii() and digits.isdigit() and len(digits) <= 20 and str(int(text)) == text
                and -2**63 <= int(text) < 2**64)
    return int if all(map(is_number, texts)) else str


def array_of_ids(texts: list[str], kind: type) -> np.ndarray[Any, Any]:
    """int64 or uint64; or objects: str, or numbers that neither holds."""
    if kind is str:
        return np.array(texts, object)
    ids = [int(text) for text in texts]
    array = _whole(ids)
    return np.array(ids, object) if array is None else array
