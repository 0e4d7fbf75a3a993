"""Data of one's own: CSV text, Parquet, or NPZ arrays (datasets.md 3.11).

``file:data/mine.csv[target=label]`` is short for ``file[path="data/mine.csv",target=label]``; a
path with blanks or other signs is written the long way. Relative paths are relative to the working
directory. The SHA-256 of the file is noted and is part of the identity of every cell, so that a
changed file is never taken for the one that was solved.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.fields import Lines, classes_of, from_lines
from bnnbench_datasets.fitting import choose


def file(
    *,
    path: str,
    target: str | int = -1,
    categorical: tuple[str | int, ...] | str | int = (),
    missing: str = "refuse",
    separator: str | None = None,
    header: bool | None = None,
) -> Table:
    """A CSV or Parquet file, or an NPZ file with arrays X (n, d) and y (n,).

    Classes are the different labels, sorted as numbers where all are whole numbers, else as text.

    Args:
        path: of the file; ``.parquet`` (needs pandas and pyarrow), ``.npz`` or text.
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
    content = _read(path)
    suffix = Path(path).suffix.lower()
    if suffix == ".npz":
        table = _from_npz(content, path)
    else:
        lines = (
            _parquet(content, path) if suffix == ".parquet" else _lines(content, path, separator)
        )
        named = True if suffix == ".parquet" else header
        table = from_lines(lines, path, target, categorical, missing, named)
    return table.note(set=Path(path).name, sha256=hashlib.sha256(content).hexdigest())


def contents(*, path: str, **_: object) -> str:
    """The content of a file as a text: its SHA-256.

    Raises:
        DataError: when it cannot be read.
    """
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return f"{path} sha256 {_hash(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)}"


file.__dict__.update(after_colon="path", contents=contents)


@lru_cache(maxsize=256)
def _hash(path: str, size: int, mtime_ns: int, ctime_ns: int) -> str:
    """SHA-256; size and times are for the cache."""
    return hashlib.sha256(_read(path)).hexdigest()


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> DataError:
    where = "" if Path(path).is_absolute() else f" (in {Path.cwd()})"
    return DataError(f"{path}{where} cannot be read: {error.strerror}.")


def from_text(
    content: bytes, path: str, target: str, categorical: tuple[str, ...], missing: str
) -> Table:
    """A table from CSV text with commas and a header; see :func:`file` for the arguments.

    Raises:
        DataError: naming line, column and value of what cannot be read.
    """
    return from_lines(_lines(content, path, ","), path, target, categorical, missing, True)


def _from_npz(content: bytes, path: str) -> Table:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            X, y = arrays["X"], arrays["y"]
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise DataError(f"{path}: expected plain arrays X and y ({error}).") from error
    if X.ndim != 2 or y.shape != X.shape[:1] or not len(y) or X.dtype.kind not in "biuf":
        raise DataError(f"{path}: X {X.dtype} {X.shape} and y {y.shape} are no data set.")
    codes, names = classes_of([str(v) for v in y.tolist()])
    return Table(X=X.astype(np.int8) if X.dtype == bool else X, y=codes, classes=names)


def _parquet(content: bytes, path: str) -> Lines:
    """Names of the columns, then the rows, as text; numbers keep all their digits."""
    try:
        import pandas as pd
        import pyarrow
    except ImportError as error:
        raise DataError(
            f"{path}: reading Parquet needs pandas and pyarrow:"
            " pip install 'bnnbench-datasets[parquet]'."
        ) from error
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        raise DataError(f"{path} is no Parquet file ({error}).") from error
    columns = [
        ["" if pd.isna(v) else str(v) for v in frame.iloc[:, c].tolist()]
        for c in range(frame.shape[1])
    ]
    rows = [[column[k] for column in columns] for k in range(len(frame))]
    return [("header", [str(c) for c in frame.columns])] + [
        (f"row {k}", row) for k, row in enumerate(rows)
    ]


def _lines(content: bytes, path: str, separator: str | None) -> Lines:
    """Fields of all lines that are not blank; equally many in each."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = separator or max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        lines = [
            (f"line {reader.line_num}", [f.strip() for f in row])
            for row in reader
            if any(row) or len(row) > 1
        ]
    except (csv.Error, TypeError) as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}.") from error
    for where, fields in lines:
        if len(fields) != len(lines[0][1]):
            raise DataError(f"{path}, {where}: {len(fields)} fields, expected {len(lines[0][1])}.")
    return lines
