"""The exchange format of kind ``milp``: a mixed-integer linear program as plain arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.models.growing import Growing

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]

PIECE = 1 << 16
"""Coefficients of a block that are made at once; so few stay in the processor's cache."""


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
    samples. They go, a piece at a time, to the end of the program's own arrays, so that a large
    program is in memory once.
    """

    def __init__(self) -> None:
        self._blocks: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._cost, self._lower, self._upper = (Growing(np.float64) for _ in range(3))
        self._integer, self._implied = Growing(np.bool_), Growing(np.bool_)
        self._lengths, self._indices = Growing(np.int32), Growing(np.int32)
        self._data = Growing(np.float64)
        self._row_lower, self._row_upper = Growing(np.float64), Growing(np.float64)

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
        start = len(self._cost)
        self._lower.append(lower, shape)
        self._upper.append(upper, shape)
        self._cost.append(cost, shape)
        self._integer.append(integer, shape)
        self._implied.append(implied, shape)
        self._blocks[name] = (start, shape)
        return np.arange(start, len(self._cost), dtype=np.int64).reshape(shape)

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
        spread = [_spread(shape, *term) for term in terms]
        width = sum(cols.shape[-1] for cols, _ in spread)
        first, each = (shape[0], math.prod(shape[1:])) if shape else (1, 1)
        step = max(1, PIECE // max(1, each * width))
        for start in range(0, first, step):
            self._piece([(c[start : start + step], v[start : start + step]) for c, v in spread])
        self._row_lower.append(lower, shape)
        self._row_upper.append(upper, shape)

    def _piece(self, terms: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> None:
        """Add the coefficients of some rows; each pair has the shape of the rows and (k,)."""
        columns = np.concatenate([c for c, _ in terms], -1, dtype=np.int32, casting="unsafe")
        values = np.concatenate([v for _, v in terms], -1, dtype=np.float64, casting="unsafe")
        keep = values != 0
        if keep.all():
            self._lengths.append(columns.shape[-1], columns.shape[:-1])
        else:
            self._lengths.append(np.count_nonzero(keep, axis=-1), columns.shape[:-1])
            columns, values = columns[keep], values[keep]
        self._indices.append(columns, columns.shape)
        self._data.append(values, values.shape)

    def build(self, offset: float = 0.0) -> MatrixMILP:
        """The finished program; its arrays are the builder's, which ends with it."""
        lengths = self._lengths.done()
        indptr = np.zeros(len(lengths) + 1, dtype=np.int32)
        np.cumsum(lengths, out=indptr[1:])
        return MatrixMILP(
            c=self._cost.done(),
            indptr=indptr,
            indices=self._indices.done(),
            data=self._data.done(),
            row_lower=self._row_lower.done(),
            row_upper=self._row_upper.done(),
            lower=self._lower.done(),
            upper=self._upper.done(),
            integer=self._integer.done(),
            offset=offset,
            blocks=dict(self._blocks),
            implied=self._implied.done(),
        )


def _spread(
    shape: tuple[int, ...], columns: Any, coefficients: Any
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """A term as views of shape ``shape + (k,)``, at least two-dimensional."""
    cols, coef = np.broadcast_arrays(columns, coefficients)
    if cols.ndim <= len(shape):
        cols, coef = cols[..., None], coef[..., None]
    full = (*(shape or (1,)), cols.shape[-1])
    return np.broadcast_to(cols, full), np.broadcast_to(coef, full)
