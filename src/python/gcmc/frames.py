"""Answers as the caller's kind of frame, and tables of features and edges as files for the library's reader."""

from __future__ import annotations

import csv
import importlib
import os
from typing import Any

import numpy as np

from .columns import named_columns

#: Libraries whose frames are answered by frames, and how each makes one of a dict of columns.
_MAKERS = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "table"}

_SIDES = {"user_features": ("user",), "item_features": ("item",), "user_graph": ("source", "target", "weight"),
          "item_graph": ("source", "target", "weight")}


def library_of(table: Any) -> str | None:
    """The library of a frame; None for what is answered by dicts of arrays."""
    name = type(table).__module__.partition(".")[0]
    return name if name in _MAKERS else None


def answer(library: str | None, columns: dict[str, Any]) -> Any:
    """The columns as a frame of the library, one value for all rows where it is no array."""
    if library is None:
        return columns
    rows = max(len(column) for column in columns.values() if np.ndim(column))
    full = {name: column if np.ndim(column) else np.full(rows, column) for name, column in columns.items()}
    plain = {name: column.tolist() if column.dtype == object else column for name, column in full.items()}
    return getattr(importlib.import_module(library), _MAKERS[library])(plain)


def side_file(folder: str, name: str, table: Any) -> str:
    """The path of a table of features or edges: as given, or of one written into the folder."""
    if isinstance(table, (str, os.PathLike)):
        return os.fspath(table)
    path = os.path.join(folder, name + ".csv")
    columns = {column: _texts(name, column, values) for column, values in _side_columns(table, _SIDES[name]).items()}
    lengths = list(map(len, columns.values()))
    if len(set(lengths)) > 1:
        raise ValueError(f"{name}: columns of different lengths: {lengths}")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
    return path


def _side_columns(table: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """By names that are no numbers, since a line of numbers is no header."""
    if isinstance(table, np.ndarray) and table.dtype.names is None:
        raise ValueError("a bare matrix does not say whose its rows are: give columns, the first one of ids")
    if isinstance(table, (tuple, list)):
        columns: list[tuple[Any, Any]] = [(None, column) for column in table]
    elif library_of(table) is None and hasattr(table, "__arrow_c_stream__"):
        pyarrow = importlib.import_module("pyarrow")
        read = pyarrow.RecordBatchReader.from_stream(table).read_all()
        columns = [(name, read[name]) for name in read.column_names]
    elif hasattr(table, "column_names"):  # pyarrow
        columns = [(name, table[name]) for name in table.column_names]
    else:
        columns = list(named_columns(table).items()) if library_of(table) is None else [
            (name, table[name]) for name in table.columns]
    return {name if isinstance(name, str) and not _is_number(name) else names[k] if k < len(names) else f"feature {k}":
            column for k, (name, column) in enumerate(columns)}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _texts(table: str, name: str, column: Any) -> list[str]:
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            column = getattr(column, method)()
            break
    if isinstance(column, (str, bytes)) or not hasattr(column, "__iter__"):
        raise ValueError(f"{table}: {name}: a column was expected, not {column!r}")
    return list(map(_text, column))


def _text(value: Any) -> str:
    """A field as the reader takes it: nothing for what is missing, a|b|c for a list."""
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return "|".join(map(_text, value))
    if value is None or type(value).__name__ == "NAType" or value != value:
        return ""
    return str(value)
