"""From fields of text to a table: numeric columns, categorical ones, labels, missing values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError, did_you_mean
from bnnbench.table import Table

MISSING = ("", "?", "na", "nan", "null")
Columns = tuple[str | int, ...] | str | int
Lines = list[tuple[str, list[str]]]
"""Fields of every row, and where it stands, in words."""


def from_lines(
    lines: Lines,
    path: str,
    target: str | int,
    categorical: Columns,
    missing: str,
    header: bool | None,
) -> Table:
    """A table from fields; the arguments are those of ``file``.

    Raises:
        DataError: naming row, column and value of what cannot be read.
    """
    if header is None:
        header = bool(lines) and not any(_is_number(field) for field in lines[0][1])
    if len(lines) < 1 + header:
        raise DataError(f"{path}: there are no rows.")
    names = lines[0][1] if header else [f"x{k}" for k in range(len(lines[0][1]))]
    lines = lines[header:]
    label = _column(target, names, path)
    listed = categorical if isinstance(categorical, tuple) else (categorical,)
    coded = [_column(c, names, path) for c in listed]
    rows = _complete(lines, names, coded if missing == "level" else [], missing == "drop", path)
    lines = [lines[k] for k in rows]
    X, features = _features(lines, names, label, coded, path)
    y, classes = classes_of([row[label] for _, row in lines])
    return Table(X=X, y=y, rows=rows, classes=classes, features=tuple(features))


def _complete(
    lines: Lines, names: list[str], level: list[int], drop: bool, path: str
) -> npt.NDArray[np.int64]:
    """Rows that lack nothing outside the columns where a missing value is a level."""
    rows, allowed = [], set(level)
    for k, (where, row) in enumerate(lines):
        absent = next(
            (c for c, v in enumerate(row) if v.lower() in MISSING and c not in allowed), -1
        )
        if absent < 0:
            rows.append(k)
        elif not drop:
            raise DataError(
                f"{path}, {where}, column {names[absent]!r}: {row[absent]!r} is missing."
                " Set missing=drop, or missing=level for categorical columns."
            )
    if not rows:
        raise DataError(f"{path}: there are no complete rows.")
    return np.array(rows, dtype=np.int64)


def _features(
    lines: Lines, names: list[str], label: int, coded: list[int], path: str
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Numeric columns, then one block of bits per categorical one; and their names."""
    apart = {label, *coded}
    numeric = [c for c in range(len(names)) if c not in apart]
    if not numeric and not coded:
        raise DataError(f"{path}: there is no column besides the label.")
    blocks = [_numbers(lines, numeric, names, path)]
    features = [names[c] for c in numeric]
    for c in coded:
        levels, codes = np.unique([row[c] for _, row in lines], return_inverse=True)
        blocks.append((codes[:, None] == np.arange(len(levels))).astype(np.float64))
        features += [f"{names[c]}={text}" for text in levels.tolist()]
    return np.concatenate(blocks, axis=1), features


def _column(column: str | int, names: Sequence[str], path: str) -> int:
    if isinstance(column, str):
        if column not in names:
            raise DataError(f"{path} has no column {column!r}.{did_you_mean(column, names[:1000])}")
        return list(names).index(column)
    if not -len(names) <= column < len(names):
        raise DataError(f"{path} has {len(names)} columns, there is no column {column}.")
    return column % len(names)


def _numbers(
    lines: Lines, columns: list[int], names: list[str], path: str
) -> npt.NDArray[np.float64]:
    """Numeric columns, shape (rows, columns)."""
    X = np.empty((len(lines), len(columns)))
    for k, (where, row) in enumerate(lines):
        fields = [row[c] for c in columns]
        try:
            X[k] = [float(field) for field in fields]
        except ValueError:
            X[k] = np.nan
        if not np.isfinite(X[k]).all():
            bad = next(c for c in columns if not _is_number(row[c]))
            raise DataError(
                f"{path}, {where}, column {names[bad]!r}: {row[bad]!r} is not a finite number."
                " Declare the column categorical, or correct the file."
            )
    return X


def classes_of(labels: list[str]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Codes and names of labels, sorted as numbers where all are whole numbers, else as text."""
    try:
        names = sorted(set(labels), key=int)
    except ValueError:
        names = sorted(set(labels))
    number = {name: k for k, name in enumerate(names)}
    return np.array([number[label] for label in labels], dtype=np.int64), tuple(names)


def _is_number(field: str) -> bool:
    try:
        return bool(np.isfinite(float(field)))
    except ValueError:
        return False
