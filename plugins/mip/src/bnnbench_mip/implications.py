"""Rows with a big-M, read as rows that a binary enforces.

A one-sided row a x + M b <= r in which, at one value of the binary b, the bounds of all other
variables imply it, holds exactly where b has the other value, and then a x <= r' with r' = r or
r - M. So activations enforce their sums, and a product c = (2a - 1) w becomes c = w or c = -w,
enforced by a. Read off the matrix, whoever built it; cost O(nnz log nnz).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.models import MatrixMILP
from bnnbench_mip.lattice import Int64
from bnnbench_mip.whole import OPEN


@dataclass(frozen=True, eq=False)
class Implications:
    """Which entry of the matrix enforces which row.

    Attributes:
        entry: per row the entry (index into the coefficients) of its binary; -1 for none.
        active: whether the binary enforces its row at 1; shape of ``entry``.
        lower, upper: sides of the row without its binary, where that is active.
    """

    entry: Int64
    active: npt.NDArray[np.bool_]
    lower: npt.NDArray[Any]
    upper: npt.NDArray[Any]

    @classmethod
    def of(cls, milp: MatrixMILP) -> Implications:
        """Those of a program as it stands; binaries are integer variables in [0, 1]."""
        bounds, sides = (milp.lower, milp.upper), (milp.row_lower, milp.row_upper)
        with np.errstate(invalid="ignore"):
            return cls.read(milp, milp.data, bounds, sides, milp.integer)

    @classmethod
    def read(
        cls,
        milp: MatrixMILP,
        data: npt.NDArray[Any],
        bounds: tuple[npt.NDArray[Any], npt.NDArray[Any]],
        sides: tuple[npt.NDArray[Any], npt.NDArray[Any]],
        whole: npt.NDArray[np.bool_] | None = None,
    ) -> Implications:
        """Those of a program with the sparsity of another.

        Args:
            milp: gives the sparsity.
            data: coefficients, shape (nnz,).
            bounds: of the variables.
            sides: of the rows; beyond :data:`~bnnbench_mip.whole.OPEN` where there is none.
            whole: which variables are whole numbers; None for all.
        """
        entry = _entries(milp, data, bounds, sides, whole)
        value = np.where(entry >= 0, data[entry] if len(data) else 0, 0)
        upper_row = sides[1] < OPEN
        active = (value > 0) == upper_row
        shift = np.where(active, value, 0)
        lower = np.where(upper_row, sides[0], sides[0] - shift)
        upper = np.where(upper_row, sides[1] - shift, sides[1])
        return cls(entry, active, lower, upper)


def _entries(
    milp: MatrixMILP,
    data: npt.NDArray[Any],
    bounds: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    sides: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    whole: npt.NDArray[np.bool_] | None,
) -> Int64:
    row = np.repeat(np.arange(milp.n_rows), np.diff(milp.indptr))
    found = np.full(milp.n_rows, -1, dtype=np.int64)
    low, high = bounds[0][milp.indices], bounds[1][milp.indices]
    upper_row = sides[1] < OPEN
    one_sided = upper_row != (sides[0] > -OPEN)
    # Turned into sum <= side, where a row is one-sided.
    turn = np.where(upper_row, 1, -1)
    side = np.where(upper_row, sides[1], -sides[0])
    turned = data * turn[row]
    largest = np.maximum(turned * low, turned * high).astype(np.float64)
    total = np.bincount(row, largest, milp.n_rows)
    binary = (low == 0) & (high == 1)
    if whole is not None:
        binary &= whole[milp.indices]
    size = np.where(binary, np.abs(turned), 0)
    order = np.lexsort((size, row))
    last = milp.indptr[1:][np.diff(milp.indptr) > 0] - 1
    at = order[last]
    rows = row[at]
    rest = total[rows] - largest[at]
    idle = rest <= side[rows] - np.minimum(0, turned[at])
    good = idle & one_sided[rows] & (size[at] > 0)
    found[rows[good]] = at[good]
    return found
