"""Which rows a statistic is computed on, and the trace that it leaves in the notes.

A statistic fitted on rows that are, or later become, test rows leaks: the table then carries the
note ``leaks_test_statistics`` (datasets.md section 4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError, did_you_mean
from bnnbench.table import TEST, Table

FITS = ("train", "pool", "all")


def fit_rows(table: Table, fit: str) -> npt.NDArray[np.bool_]:
    """Mask of the rows to fit on: ``train``, ``pool`` (all but test rows) or ``all``.

    Raises:
        DataError: for another word, when there is no such row, or a feature is not finite.
    """
    choose("fit", fit, FITS)
    require_finite(table)
    rows = np.ones(len(table.y), dtype=bool)
    if fit == "train":
        rows = table.train
    elif fit == "pool" and table.part is not None:
        rows = table.part != TEST
    if not rows.any():
        raise DataError(f"There is no row to fit on (fit={fit}).")
    return rows


def fitted(table: Table, operator: str, rows: npt.NDArray[np.bool_]) -> Table:
    """The table with a note that an operator was fitted on these rows."""
    text = f"{operator} on {int(rows.sum())} rows"
    before = table.notes.get("fitted")
    table = table.note(fitted=f"{before}; {text}" if before else text)
    if table.part is not None and (rows & (table.part == TEST)).any():
        table = table.note(leaks_test_statistics=operator)
    return table


def choose(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Refuse a value that is not one of the allowed words.

    Raises:
        DataError: naming the parameter and the allowed words.
    """
    if value not in allowed:
        raise DataError(f"{name}={value!r} is unknown.{did_you_mean(str(value), allowed)}")


def require_finite(table: Table) -> None:
    """Refuse NaN and infinities.

    Raises:
        DataError: naming the first such row of the source, and its column.
    """
    X = np.asarray(table.X)
    if np.issubdtype(X.dtype, np.floating) and not np.isfinite(X).all():
        row, column = (int(v) for v in np.argwhere(~np.isfinite(X))[0])
        raise DataError(
            f"Row {table.source_rows[row]}, column {column} is {X[row, column]}: features must be"
            " finite numbers. Drop or fill such rows first."
        )
