"""Operators on columns: one-hot codes, dead columns, prefixes (datasets.md section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError, did_you_mean
from bnnbench.table import Table
from bnnbench_datasets.fitting import choose, fit_rows, fitted


def onehot(table: Table, *, columns: Any, fit: str = "train") -> Table:
    """One 0/1 column per level; the originals go, the blocks are appended in the given order.

    Args:
        table: any table.
        columns: names or 0-based indices, one or a list.
        fit: rows whose levels count: ``train``, ``pool`` or ``all``. A level seen elsewhere only
            has all its bits 0. Levels are sorted as strings.

    Raises:
        DataError: for an unknown column, or a column given twice.
    """
    rows = fit_rows(table, fit)
    wanted = [_index(table, c) for c in _sequence(columns)]
    if len(set(wanted)) != len(wanted):
        raise DataError(f"onehot: a column is given twice in {columns}.")
    rest = np.setdiff1d(np.arange(table.X.shape[1]), wanted)
    blocks, names = [], []
    for c in wanted:
        levels = {_text(v, table.scale): v for v in np.unique(table.X[rows, c]).tolist()}
        order = sorted(levels)
        blocks.append(table.X[:, [c]] == np.array([levels[text] for text in order])[None, :])
        names += [f"{table.features[c] if table.features else c}={text}" for text in order]
    kept = keep_columns(table, rest)
    # A bit is the number 1, which is ``scale`` on the table's grid.
    bits = [block.astype(np.int64) * table.scale for block in blocks]
    X = np.concatenate([kept.X, *bits], axis=1)
    features = (*kept.features, *names) if table.features else ()
    return fitted(replace(kept, X=X, features=features), f"onehot(fit={fit})", rows)


def dead_drop(table: Table, *, rule: str = "zero") -> Table:
    """Drop columns that are dead on all training rows.

    Args:
        table: any table.
        rule: ``zero`` drops columns that are 0 on every training row, ``constant`` those that are
            equal on every training row.

    Raises:
        DataError: for another rule, or when no column is left.
    """
    choose("rule", rule, ("zero", "constant"))
    rows = fit_rows(table, "train")
    values = table.X[rows]
    alive = (values != (0 if rule == "zero" else values[:1])).any(axis=0)
    if not alive.any():
        raise DataError(f"dead-drop: every column is {rule} on the {len(values)} training rows.")
    return fitted(keep_columns(table, np.flatnonzero(alive)), f"dead-drop(rule={rule})", rows)


def first_features(table: Table, *, n: int) -> Table:
    """The first n columns.

    Raises:
        DataError: unless 1 <= n <= number of columns.
    """
    if not 1 <= n <= table.X.shape[1]:
        raise DataError(f"first-features: n must lie in 1..{table.X.shape[1]}, got {n}.")
    return keep_columns(table, np.arange(n))


def keep_columns(table: Table, columns: npt.NDArray[np.integer[Any]]) -> Table:
    """These columns only, in this order, with their names."""
    names = tuple(table.features[c] for c in columns) if table.features else ()
    return replace(table, X=table.X[:, columns], features=names)


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple | list) else (value,)


def _index(table: Table, column: Any) -> int:
    if isinstance(column, str):
        if column not in table.features:
            raise DataError(f"There is no column {column!r}.{did_you_mean(column, table.features)}")
        return table.features.index(column)
    if not 0 <= int(column) < table.X.shape[1]:
        raise DataError(f"Column {column} does not exist: there are {table.X.shape[1]}.")
    return int(column)


def _text(value: float, scale: int) -> str:
    number = Fraction(value) / scale
    return str(number.numerator) if number.denominator == 1 else str(float(number))
