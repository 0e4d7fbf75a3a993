"""Weights and biases as integer variables: arithmetic progressions, one of few chosen per layer.

A number of a layer is ``unit * (starts[g] + step * t)`` over the domain's scale, with an integer
variable t in [low, high] and g the grid that the layer chose. With one grid the start is 0 wherever
0 is on the progression, so that integer weights are their own variables (inn.md 2.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Grid

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lattice:
    """What a weight, or a bias, of one layer may be.

    Attributes:
        starts: one start per grid, in units, shape (grids,).
        step: distance of neighbours, in units.
        low, high: bounds of t, scalars or shape (width,).
        unit: common divisor taken out of all numerators.
    """

    starts: Int64
    step: int
    low: Int64
    high: Int64
    unit: int = 1

    @classmethod
    def of(cls, grids: Sequence[Grid]) -> Lattice:
        """The lattice of grids of equal step and size."""
        first = grids[0]
        starts = [g.lo for g in grids]
        if len(grids) == 1 and first.lo % first.step == 0:
            starts = [0]
        unit = math.gcd(first.step, *starts)
        low = (first.lo - starts[0]) // first.step
        return cls(
            np.array(starts, dtype=np.int64) // unit,
            first.step // unit,
            np.asarray(low, dtype=np.int64),
            np.asarray(low + first.size - 1, dtype=np.int64),
            unit,
        )

    @classmethod
    def integers(cls, low: Int64, high: Int64, grids: int) -> Lattice:
        """All integers between bounds, whichever grid the weights choose."""
        return cls(np.zeros(grids, dtype=np.int64), 1, low, high)

    @property
    def smallest(self) -> Int64:
        """Least number, in units."""
        return np.asarray(self.starts.min() + self.step * self.low)

    @property
    def largest(self) -> Int64:
        """Greatest number, in units."""
        return np.asarray(self.starts.max() + self.step * self.high)

    @property
    def magnitude(self) -> Int64:
        """Greatest absolute value, in units."""
        return np.maximum(np.abs(self.smallest), np.abs(self.largest))

    def in_units(self, t: npt.NDArray[Any], choice: int) -> Int64:
        """The numbers that variables mean, in units."""
        return np.asarray(self.starts[choice] + self.step * t, dtype=np.int64)

    def numerators(self, t: npt.NDArray[Any], choice: int) -> Int64:
        """The numbers that variables mean, over the domain's scale."""
        return self.unit * self.in_units(t, choice)

    def variables(self, numerators: Int64, choice: int) -> Int64:
        """The variables that mean these numerators; undoes :meth:`numerators`."""
        return np.asarray((numerators // self.unit - self.starts[choice]) // self.step)
