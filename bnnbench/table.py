"""Tables: data on their way from a raw source to a :class:`~bnnbench.dataset.Dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.dataset import Dataset
from bnnbench.errors import DataError

TRAIN, VALIDATION, TEST = 0, 1, 2
DECIMALS = 4
MAX_ABS = 2**62


@dataclass(frozen=True, eq=False)
class Table:
    """Features, labels and a split, before they are put on an integer grid.

    Attributes:
        X: real or integer features, shape (n, d); the value is ``X / scale``.
        y: class indices, shape (n,).
        part: 0 train, 1 validation, 2 test, shape (n,); None while there is no split yet.
        scale: denominator of integer features; 1 for real ones.
        rows: index in the raw source, shape (n,).
        classes, features, notes: as in :class:`~bnnbench.dataset.Dataset`.
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[np.integer[Any]]
    part: npt.NDArray[np.integer[Any]] | None = None
    scale: int = 1
    rows: npt.NDArray[np.integer[Any]] | None = None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def source_rows(self) -> npt.NDArray[np.integer[Any]]:
        """Index of every row in the raw source."""
        return np.arange(len(self.y)) if self.rows is None else self.rows

    @property
    def train(self) -> npt.NDArray[np.bool_]:
        """Which rows are training rows; all of them without a split."""
        if self.part is None:
            return np.ones(len(self.y), dtype=bool)
        mask: npt.NDArray[np.bool_] = self.part == TRAIN
        return mask

    def keep(self, rows: npt.NDArray[Any]) -> Table:
        """These rows only, in this order (indices or a mask)."""
        part = None if self.part is None else self.part[rows]
        return replace(self, X=self.X[rows], y=self.y[rows], part=part, rows=self.source_rows[rows])

    def note(self, **notes: str) -> Table:
        """With further notes."""
        return replace(self, notes={**self.notes, **notes})


def fixed(table: Table, *, decimals: int = DECIMALS) -> Table:
    """Round features half to even to ``decimals`` places and keep them as integers.

    Raises:
        DataError: for NaN, infinities or values too large for exact arithmetic.
    """
    X = np.asarray(table.X)
    if np.issubdtype(X.dtype, np.integer):
        return table
    if X.dtype != bool and not np.isfinite(X).all():
        row, column = (int(v) for v in np.argwhere(~np.isfinite(X))[0])
        raise DataError(
            f"Row {table.source_rows[row]}, column {column} is {X[row, column]}: features must be"
            " finite numbers. Drop or fill such rows first."
        )
    scaled = np.array(X, dtype=np.float64)
    np.around(scaled, decimals, out=scaled)
    scaled *= 10**decimals
    np.rint(scaled, out=scaled)
    if scaled.size and max(scaled.max(), -scaled.min()) >= MAX_ABS:
        raise DataError("A feature is too large for exact arithmetic: scale it, '| minmax'.")
    return replace(table, X=_narrow(scaled), scale=10**decimals)


def finish(table: Table, name: str) -> Dataset:
    """Put a table on its grid, order its rows by part, and make it a data set.

    Real features without an explicit grid get :data:`DECIMALS` decimals. Without a split every row
    is a training row.

    Raises:
        DataError: when there is no training row, or only one class in the training rows.
    """
    table = fixed(table)
    part = np.zeros(len(table.y), dtype=np.int8) if table.part is None else table.part
    order = np.argsort(part, kind="stable")
    table = table.keep(order)
    sizes = [int((part == code).sum()) for code in (TRAIN, VALIDATION, TEST)]
    if sizes[0] == 0:
        raise DataError(f"{name}: no training rows are left.")
    if len(np.unique(table.y[: sizes[0]])) < 2:
        raise DataError(f"{name}: the training rows hold one class only.")
    return Dataset(
        name=name,
        X=_narrow(table.X),
        y=np.asarray(table.y, dtype=np.int64),
        sizes=(sizes[0], sizes[1], sizes[2]),
        scale=table.scale,
        classes=table.classes,
        features=table.features,
        rows=np.asarray(table.source_rows, dtype=np.int64),
        notes=table.notes,
    )


def _narrow(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Whole numbers in the smallest integer type that holds them all."""
    if not X.size:
        return X
    low, high = int(X.min()), int(X.max())
    for dtype in (np.uint8, np.int8, np.int16, np.int32):
        info = np.iinfo(dtype)
        if info.min <= low and high <= info.max:
            return np.ascontiguousarray(X, dtype=dtype)
    return np.ascontiguousarray(X, dtype=np.int64)
