"""The base case of building: literal programs of one hidden layer, written down in plain numpy.

Columns w1, b1, a, w2, b2, c, t, each row-major; put into CSR by scipy.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from bnnbench.models import MatrixMILP
from bnnbench.objectives import LinearHinge
from bnnbench.objectives.hinge import interpolant
from bnnbench.problem import Problem


class Columns(NamedTuple):
    """Indices of the variables, in the shape of each block."""

    w1: np.ndarray
    b1: np.ndarray
    a: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    c: np.ndarray
    t: np.ndarray


class Triplets:
    """Blocks of rows as triplets."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []
        self.cols: list[np.ndarray] = []
        self.vals: list[np.ndarray] = []
        self.lower: list[np.ndarray] = []
        self.upper: list[np.ndarray] = []
        self.count = 0

    def block(self, shape: tuple[int, ...], terms: list[Any], low: Any, high: Any) -> None:
        """Rows of a shape; a term deeper than the shape sums over its last axis."""
        number = self.count + np.arange(math.prod(shape)).reshape(shape)
        for column, value in terms:
            deep = max(np.ndim(column), np.ndim(value)) > len(shape)
            r = number[..., None] if deep else number
            r, column, value = np.broadcast_arrays(r, column, value)
            keep = value.ravel() != 0
            self.rows.append(r.ravel()[keep])
            self.cols.append(column.ravel()[keep])
            self.vals.append(value.ravel()[keep])
        self.lower.append(np.broadcast_to(low, shape).ravel())
        self.upper.append(np.broadcast_to(high, shape).ravel())
        self.count += number.size


def by_hand(X: np.ndarray, targets: np.ndarray, hidden: int, lines: np.ndarray) -> MatrixMILP:
    """The literal program of this shape."""
    columns = numbered(len(X), X.shape[1], hidden, targets.shape[1])
    triplets = Triplets()
    hidden_rows(triplets, columns, X)
    product_rows(triplets, columns)
    loss_rows(triplets, columns, targets, lines)
    return assembled(triplets, columns)


def numbered(n: int, d: int, hidden: int, q: int) -> Columns:
    """The columns one block after the other."""
    shapes = [(d, hidden), (hidden,), (n, hidden), (hidden, q), (q,), (n, hidden, q), (n, q)]
    starts = np.concatenate([[0], np.cumsum([math.prod(s) for s in shapes])])
    return Columns(
        *(
            (start + np.arange(math.prod(shape))).reshape(shape)
            for start, shape in zip(starts, shapes, strict=False)
        )
    )


def hidden_rows(triplets: Triplets, columns: Columns, X: np.ndarray) -> None:
    """Two rows per activation, with one big-M for each row of the data."""
    reach = X.sum(axis=1)
    least, most = -(reach + 2)[:, None], (reach + 1)[:, None]
    z = [(columns.w1.T[None], X[:, None, :]), (columns.b1, 1)]
    triplets.block(columns.a.shape, [*z, (columns.a, least)], least, np.inf)
    triplets.block(columns.a.shape, [*z, (columns.a, -(most + 1))], -np.inf, -1)


def product_rows(triplets: Triplets, columns: Columns) -> None:
    """Four rows per product of a weight and an activation."""
    c, w2, on = columns.c, columns.w2, columns.a[:, :, None]
    triplets.block(c.shape, [(c, 1), (w2, -1), (on, 2)], -np.inf, 2)
    triplets.block(c.shape, [(c, 1), (w2, 1), (on, -2)], -np.inf, 0)
    triplets.block(c.shape, [(c, -1), (w2, 1), (on, 2)], -np.inf, 2)
    triplets.block(c.shape, [(c, -1), (w2, -1), (on, -2)], -np.inf, 0)


def loss_rows(triplets: Triplets, columns: Columns, targets: np.ndarray, lines: np.ndarray) -> None:
    """The loss of an output is at least every line."""
    slopes, intercepts = lines.T
    y = -targets[:, :, None] * slopes
    products = columns.c.transpose(0, 2, 1)[:, :, None]
    terms = [(products, y[..., None]), (columns.b2[:, None], y), (columns.t[:, :, None], 1)]
    triplets.block((*targets.shape, len(lines)), terms, intercepts, np.inf)


def assembled(triplets: Triplets, columns: Columns) -> MatrixMILP:
    """Rows in CSR, bounds and costs."""
    count = int(columns.t.max()) + 1
    places = np.concatenate(triplets.rows), np.concatenate(triplets.cols)
    entries = (np.concatenate(triplets.vals), places)
    A = scipy.sparse.coo_matrix(entries, shape=(triplets.count, count)).tocsr()
    integer, cost = np.ones(count), np.zeros(count)
    integer[columns.c.min() :], cost[columns.t.min() :] = 0, 1
    low, high = np.full(count, -1.0), np.ones(count)
    low[columns.b1], low[columns.b2] = -2, -2
    low[columns.a], low[columns.t], high[columns.t] = 0, 0, np.inf
    return MatrixMILP(
        cost,
        A.indptr,
        A.indices,
        A.data.astype(float),
        np.concatenate(triplets.lower).astype(float),
        np.concatenate(triplets.upper).astype(float),
        low,
        high,
        integer.astype(bool),
    )


def lines_of(problem: Problem) -> np.ndarray:
    """The loss of s z as the greatest of lines, slope and intercept, shape (lines, 2)."""
    if isinstance(problem.objective, LinearHinge):
        return np.array([[-1.0, problem.objective.size(problem.output_scale)]])
    B = problem.output_scale
    z = range(-int(B) // 2 - 1, int(B) + 1)
    loss = interpolant(B)
    values = [loss(2 * Fraction(k) / B) for k in z]
    slopes = {b - a: a - (b - a) * k for k, a, b in zip(z, values, values[1:], strict=False)}
    return np.array([[float(k), float(c)] for k, c in slopes.items() if k])
