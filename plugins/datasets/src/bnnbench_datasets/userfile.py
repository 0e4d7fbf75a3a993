"""Data of one's own: CSV text or NPZ arrays (datasets.md 3.11).

The SHA-256 of the file is noted, so that a record says which content it is about.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError, did_you_mean
from bnnbench.table import Table
from bnnbench_datasets.fitting import choose

MISSING = ("", "?", "na", "nan", "null")
Lines = list[tuple[int, list[str]]]


def file(
    *,
    path: str,
    target: str | int = -1,
    categorical: tuple[str | int, ...] | str | int = (),
    missing: str = "refuse",
    separator: str | None = None,
    header: bool | None = None,
) -> Table:
    """A CSV file, or an NPZ file with arrays X (n, d) and y (n,).

    Classes are the different labels, sorted as numbers where all are whole numbers, else as text.

    Args:
        path: of the file; ``.npz`` or text.
        target: column of the label, name or index; the last by default.
        categorical: columns to code as one 0/1 column per level, appended in this order, levels
            sorted as strings.
        missing: what becomes of empty fields, ``?``, NA and NaN: ``refuse``; ``drop`` the row; or
            ``level``, a level of its own, for categorical columns only.
        separator: one character; by default the most frequent of comma, semicolon and tab.
        header: whether the first line names the columns; by default, whether it has no number.

    Raises:
        DataError: naming file, line, column and value of what cannot be read.
    """
    choose("missing", missing, ("refuse", "drop", "level"))
    source = Path(path)
    try:
        content = source.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if source.suffix == ".npz":
        table = _from_npz(source)
    else:
        lines = _lines(content.decode("utf-8-sig"), path, separator)
        table = _from_lines(lines, path, target, categorical, missing, header)
    return table.note(set=source.name, sha256=hashlib.sha256(content).hexdigest())


def _from_npz(path: Path) -> Table:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            X, y = arrays["X"], arrays["y"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected plain arrays X and y ({error}).") from error
    if X.ndim != 2 or y.shape != X.shape[:1] or not len(y) or X.dtype.kind not in "biuf":
        raise DataError(f"{path}: X {X.dtype} {X.shape} and y {y.shape} are no data set.")
    codes, names = _classes([str(v) for v in y.tolist()])
    return Table(X=X.astype(np.int8) if X.dtype == bool else X, y=codes, classes=names)


def _lines(text: str, path: str, separator: str | None) -> Lines:
    """Fields of all lines that are not blank, with their line numbers; equally many in each."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = separator or max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    lines = [(reader.line_num, [f.strip() for f in row]) for row in reader if any(row)]
    for number, fields in lines:
        if len(fields) != len(lines[0][1]):
            raise DataError(
                f"{path}, line {number}: {len(fields)} fields, expected {len(lines[0][1])}."
            )
    return lines


def _from_lines(
    lines: Lines,
    path: str,
    target: str | int,
    categorical: tuple[str | int, ...] | str | int,
    missing: str,
    header: bool | None,
) -> Table:
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
    y, classes = _classes([row[label] for _, row in lines])
    return Table(X=X, y=y, rows=rows, classes=classes, features=tuple(features))


def _complete(
    lines: Lines, names: list[str], level: list[int], drop: bool, path: str
) -> npt.NDArray[np.int64]:
    """Rows that lack nothing outside the columns where a missing value is a level."""
    rows = []
    for k, (number, row) in enumerate(lines):
        absent = [c for c in range(len(row)) if c not in level and _lacks(row[c])]
        if not absent:
            rows.append(k)
        elif not drop:
            c = absent[0]
            raise DataError(
                f"{path}, line {number}, column {names[c]!r}: {row[c]!r} is missing."
                " Set missing=drop, or missing=level for categorical columns."
            )
    if not rows:
        raise DataError(f"{path}: there are no complete rows.")
    return np.array(rows, dtype=np.int64)


def _features(
    lines: Lines, names: list[str], label: int, coded: list[int], path: str
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Numeric columns, then one block of bits per categorical one; and their names."""
    numeric = [c for c in range(len(names)) if c != label and c not in coded]
    blocks = [_numbers(lines, c, names[c], path)[:, None] for c in numeric]
    features = [names[c] for c in numeric]
    for c in coded:
        levels, codes = np.unique([row[c] for _, row in lines], return_inverse=True)
        blocks.append((codes[:, None] == np.arange(len(levels))).astype(np.float64))
        features += [f"{names[c]}={text}" for text in levels.tolist()]
    if not blocks:
        raise DataError(f"{path}: there is no column besides the label.")
    return np.concatenate(blocks, axis=1), features


def _column(column: str | int, names: Sequence[str], path: str) -> int:
    if isinstance(column, str):
        if column not in names:
            raise DataError(f"{path} has no column {column!r}.{did_you_mean(column, names)}")
        return list(names).index(column)
    if not -len(names) <= column < len(names):
        raise DataError(f"{path} has {len(names)} columns, there is no column {column}.")
    return column % len(names)


def _numbers(lines: Lines, column: int, name: str, path: str) -> npt.NDArray[np.float64]:
    for number, row in lines:
        if not _is_number(row[column]):
            raise DataError(
                f"{path}, line {number}, column {name!r}: {row[column]!r} is not a finite number."
                " Declare the column categorical, or correct the file."
            )
    return np.array([float(row[column]) for _, row in lines])


def _classes(labels: list[str]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    try:
        names = sorted(set(labels), key=int)
    except ValueError:
        names = sorted(set(labels))
    number = {name: k for k, name in enumerate(names)}
    return np.array([number[label] for label in labels], dtype=np.int64), tuple(names)


def _lacks(field: str) -> bool:
    return field.lower() in MISSING


def _is_number(field: str) -> bool:
    try:
        return bool(np.isfinite(float(field)))
    except ValueError:
        return False
