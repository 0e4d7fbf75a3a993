"""Products of an activation and a weight by four linear rows (inn.md 2.2, bdnn.md A.3 S).

With a binary activation variable a, a weight w in [lo, hi] and c their product,

    sign, c = (2a - 1) w:   (U1) c - w - 2 lo a <= -2 lo     (U2) c + w - 2 hi a <= 0
                            (L1) c - w - 2 hi a >= -2 hi     (L2) c + w - 2 lo a >= 0
    step, c = a w:          (U1) c - w - lo a <= -lo         (U2) c - hi a <= 0
                            (L1) c - w - hi a >= -hi         (L2) c - lo a >= 0

which for lo = -P, hi = P are the published rows. They are the convex hull for a fixed weight range,
so exact at binary a. Where only growing s c can help, s = +1 keeps the U rows and s = -1 the L rows
(inn.md 3.10).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.models import RowBuilder
from bnnbench_mip.lattice import Int64, Lattice


def product_rows(
    rows: RowBuilder,
    lattice: Lattice,
    sign_activation: bool,
    columns: tuple[Int64, Int64, Int64, Int64],
    wanted: npt.NDArray[Any] | None,
) -> None:
    """Add the rows of all products of a layer.

    Args:
        rows: collects them.
        lattice: of the weights.
        sign_activation: True for activations -1 / +1, False for 0 / 1.
        columns: of the products (n, arcs), the weights' variables (arcs,), the activations
            (n, arcs) and the grid selectors (grids,), the last empty with one grid.
        wanted: per product the direction +-1 in which it can only help, shape (n, arcs), to keep
            two rows, or 0 for all four; None for all four of all.
    """
    shape = columns[0].shape
    if wanted is None:
        for s in (np.int64(1), np.int64(-1)):
            _one_side(rows, lattice, sign_activation, columns, np.broadcast_to(s, shape))
        return
    both = wanted == 0
    _one_side(rows, lattice, sign_activation, columns, np.where(both, 1, wanted))
    if both.any():
        c, t, a, choice = columns
        picked = c[both], np.broadcast_to(t, shape)[both], a[both], choice
        _one_side(rows, lattice, sign_activation, picked, -np.ones(int(both.sum()), np.int64))


def _one_side(
    rows: RowBuilder,
    lattice: Lattice,
    sign_activation: bool,
    columns: tuple[Int64, Int64, Int64, Int64],
    s: Int64,
) -> None:
    c, t, a, choice = columns
    twice = 2 if sign_activation else 1
    low, high = int(lattice.smallest), int(lattice.largest)
    far = twice * np.where(s > 0, -low, high)
    near = twice * np.where(s > 0, -high, low)

    def weight(factor: Int64) -> tuple[list[tuple[Any, Any]], Any]:
        """Terms and constant of factor * w."""
        terms: list[tuple[Any, Any]] = [(t, factor * lattice.step)]
        if not len(choice):
            return terms, factor * int(lattice.starts[0])
        return [*terms, (choice, factor[..., None] * lattice.starts)], 0

    terms, constant = weight(-s)
    rows.rows(c.shape, [(c, s), *terms, (a, far)], -np.inf, far - constant)
    terms, constant = weight(s * (twice - 1))
    rows.rows(c.shape, [(c, s), *terms, (a, near)], -np.inf, -constant)
