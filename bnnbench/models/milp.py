"""The exchange format of kind ``milp``: a mixed-integer linear program as plain arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class MatrixMILP:
    """minimise c x + offset, row_lower <= A x <= row_upper, lower <= x <= upper, some x integer.

    The value is in units of the problem's objective: constants and scales are already taken out.

    Attributes:
        c: costs, shape (n,).
        indptr, indices, data: A by rows (CSR), shapes (m + 1,), (nnz,), (nnz,).
        row_lower, row_upper: shape (m,); infinite where open.
        lower, upper: shape (n,).
        integer: which variables are integer, shape (n,).
        offset: constant of the objective.
        blocks: names of groups of variables: name -> (first column, shape), row-major.
        implied: continuous variables that are whole in some optimum, so that a solver over the
            integers may take them as integer; shape (n,), or None when nothing is known.
    """

    c: Floats
    indptr: Indices
    indices: Indices
    data: Floats
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: npt.NDArray[np.bool_]
    offset: float = 0.0
    blocks: Mapping[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    implied: npt.NDArray[np.bool_] | None = None

    @property
    def n_cols(self) -> int:
        """Number of variables."""
        return len(self.c)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.row_lower)

    @property
    def nnz(self) -> int:
        """Number of stored coefficients."""
        return len(self.data)

    def columns(self, block: str) -> npt.NDArray[np.int64]:
        """Column indices of a block, in its shape."""
        start, shape = self.blocks[block]
        return start + np.arange(math.prod(shape), dtype=np.int64).reshape(shape)

    def view(self, block: str, point: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The part of a point that belongs to a block, in its shape."""
        start, shape = self.blocks[block]
        return point[start : start + math.prod(shape)].reshape(shape)

    def objective(self, point: npt.NDArray[Any]) -> float:
        """The program's objective at a point."""
        return float(self.c @ point + self.offset)

    def violation(self, point: npt.NDArray[Any]) -> float:
        """Largest violation of a row, a bound or an integrality requirement at a point."""
        x = np.asarray(point, dtype=np.float64)
        products = self.data * x[self.indices]
        rows = np.zeros(self.n_rows)
        filled = np.diff(self.indptr) > 0
        if products.size:
            rows[filled] = np.add.reduceat(products, self.indptr[:-1][filled])
        gaps = [
            self.row_lower - rows,
            rows - self.row_upper,
            self.lower - x,
            x - self.upper,
            np.abs(x - np.rint(x))[self.integer],
        ]
        return float(max((g.max() for g in gaps if g.size), default=0.0))


class RowBuilder:
    """Collects variables and rows as arrays and assembles a :class:`MatrixMILP`.

    Blocks are written with numpy index arithmetic: a block of rows is a list of terms
    ``(columns, coefficients)`` that broadcast to ``shape + (k,)``, so no Python loop runs over
    samples.
    """

    def __init__(self) -> None:
        self._n = 0
        self._m = 0
        self._blocks: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._vars: list[tuple[Floats, Floats, Floats, bool, bool]] = []
        self._lengths: list[npt.NDArray[np.int64]] = []
        self._columns: list[Indices] = []
        self._values: list[Floats] = []
        self._sides: list[tuple[Floats, Floats]] = []

    def variables(
        self,
        name: str,
        shape: tuple[int, ...],
        lower: Any,
        upper: Any,
        *,
        integer: bool = False,
        implied: bool = False,
        cost: Any = 0.0,
    ) -> npt.NDArray[np.int64]:
        """Add a block of variables; bounds and costs broadcast. Returns its column indices.

        ``implied`` marks continuous variables that are whole in some optimum.
        """
        count = math.prod(shape)
        spread = [
            np.broadcast_to(np.asarray(v, dtype=np.float64), shape).ravel()
            for v in (lower, upper, cost)
        ]
        self._vars.append((spread[0], spread[1], spread[2], integer, implied))
        self._blocks[name] = (self._n, shape)
        columns = self._n + np.arange(count, dtype=np.int64).reshape(shape)
        self._n += count
        return columns

    def rows(
        self, shape: tuple[int, ...], terms: list[tuple[Any, Any]], lower: Any, upper: Any
    ) -> None:
        """Add a block of rows of the given shape.

        Args:
            shape: of the block.
            terms: pairs (columns, coefficients), each broadcast to ``shape + (k,)`` for any k;
                zero coefficients are dropped.
            lower: left sides, broadcast to ``shape``; -inf for an open side.
            upper: right sides, likewise.
        """
        count = math.prod(shape)
        spread = []
        for columns, coefficients in terms:
            cols, coef = np.broadcast_arrays(columns, np.asarray(coefficients, dtype=np.float64))
            if cols.ndim <= len(shape):
                cols, coef = cols[..., None], coef[..., None]
            spread.append((cols, coef))
        width = sum(cols.shape[-1] for cols, _ in spread)
        columns = np.empty((*shape, width), dtype=np.int32)
        values = np.empty((*shape, width))
        start = 0
        for cols, coef in spread:
            stop = start + cols.shape[-1]
            columns[..., start:stop], values[..., start:stop] = cols, coef
            start = stop
        keep = values != 0
        self._lengths.append(np.count_nonzero(keep.reshape(count, width), axis=1))
        full = bool(keep.all())
        self._columns.append(columns.ravel() if full else columns[keep])
        self._values.append(values.ravel() if full else values[keep])
        sides = [
            np.broadcast_to(np.asarray(v, dtype=np.float64), shape).ravel() for v in (lower, upper)
        ]
        self._sides.append((sides[0], sides[1]))
        self._m += count

    def build(self, offset: float = 0.0) -> MatrixMILP:
        """The finished program."""
        empty = np.zeros(0)
        lengths = np.concatenate([np.zeros(1, dtype=np.int64), *self._lengths])
        columns = np.concatenate([np.zeros(0, dtype=np.int32), *self._columns])
        values = np.concatenate([empty, *self._values])
        lower, upper, cost = (
            np.concatenate([v[i] for v in self._vars]) if self._vars else empty for i in range(3)
        )
        counts = [len(v[0]) for v in self._vars]
        integer, implied = (
            np.repeat(np.array([v[i] for v in self._vars], dtype=bool), counts) for i in (3, 4)
        )
        row_lower, row_upper = (
            np.concatenate([s[i] for s in self._sides]) if self._sides else empty for i in range(2)
        )
        return MatrixMILP(
            c=cost,
            indptr=np.cumsum(lengths).astype(np.int32),
            indices=columns,
            data=values,
            row_lower=row_lower,
            row_upper=row_upper,
            lower=lower,
            upper=upper,
            integer=integer,
            offset=offset,
            blocks=dict(self._blocks),
            implied=implied,
        )
