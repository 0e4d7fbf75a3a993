"""Text tables of numbers, with errors that name file, line, column and value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError


def read_fields(text: str, name: str, separator: str, columns: int) -> list[list[str]]:
    """All fields of all lines that are not blank, without surrounding blanks.

    Raises:
        DataError: for a line with another number of fields, or no line at all.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(separator)]
        if len(fields) != columns:
            raise DataError(f"{name}, line {number}: {len(fields)} fields, expected {columns}.")
        rows.append(fields)
    if not rows:
        raise DataError(f"{name}: there are no rows.")
    return rows


def numbers(rows: Sequence[Sequence[str]], name: str, scale: int = 1) -> npt.NDArray[np.int64]:
    """Fields as integers over ``scale``: shape (rows, columns).

    Raises:
        DataError: for the first field that is no finite number on this grid; rows count from 1.
    """
    try:
        values = np.array(rows, dtype=np.float64) * scale
    except ValueError:
        values = np.array([[_number(field) for field in row] for row in rows]) * scale
    exact = np.rint(values)
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(values - exact) < 1e-6)
    if bad.any():
        row, column = (int(v) for v in np.argwhere(bad)[0])
        raise DataError(
            f"{name}, row {row + 1}, column {column + 1}: {rows[row][column]!r}, expected a"
            f" {'whole number' if scale == 1 else f'multiple of 1/{scale}'}."
        )
    return exact.astype(np.int64)


def labels(values: Sequence[str], allowed: Sequence[str], name: str) -> npt.NDArray[np.int64]:
    """Position of each label in ``allowed``.

    Raises:
        DataError: for the first unknown label; rows count from 1.
    """
    number = {label: k for k, label in enumerate(allowed)}
    for row, value in enumerate(values, start=1):
        if value not in number:
            raise DataError(
                f"{name}, row {row}: label {value!r}, expected one of {', '.join(allowed)}."
            )
    return np.array([number[value] for value in values], dtype=np.int64)


def _number(field: str) -> float:
    try:
        return float(field)
    except ValueError:
        return np.nan
