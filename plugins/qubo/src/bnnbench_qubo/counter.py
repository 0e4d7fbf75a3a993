r"""The threshold gadget: "this unit's pre-activation is >= 0" as an integer equation.

Let P = sum_i v_i W_i s_i be a unit's pre-activation over integer magnitudes v_i, weights W_i on a
grid lo, lo + step, .., hi and sources s_i (inputs and biases: 1; hidden units: -1/+1 for ``sign``,
0/1 for ``step``). All values of P on a sample are equal modulo

    u = gcd_i of v_i step and, from hidden units, v_i (1 - s_low) lo,

which is 2 for odd-valued -1/+1 inputs and weights, else 1, for instance. So it moves in steps of u:

    P' = (P - rho) / u,   rho = (sum_i v_i lo) mod u.

P >= 0 if and only if P' >= 0, and P' lies in -R..R-1 for R = max(P'_max + 1, -P'_min, 1). For
weights -1 and +1 this is R = floor(M / u) + 1 with the reach M = sum_i |v_i|: the counter
c = tau a + s of qubo.md section 1.3 (R = tau for odd M) and, for even M, its extension by one
constant arc that always agrees: a tie P = 0 is a = 1, as in the core's sgn(0) = +1.

How a 0/1 activation and slack bits represent P' is the matter of :mod:`bnnbench_qubo.slack`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Grid

Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PLUS_MINUS_ONE = Grid(-1, 1, 2)


@dataclass(frozen=True, eq=False)
class Counter:
    """The integer sums of one layer.

    Attributes:
        values: signed magnitude of every arc, the bias arc last: shape (samples, arcs); the feature
            for arcs from inputs. A common divisor of each sample is already taken out.
        mask: which arcs exist: shape (arcs, width).
        hidden: which arcs come from hidden units: shape (arcs,).
        grid: of the weights.
        low: what a hidden unit says where it is not active, -1 or 0.
    """

    values: Int64
    mask: Bools
    hidden: Bools
    grid: Grid = PLUS_MINUS_ONE
    low: int = -1

    @cached_property
    def unit(self) -> Int64:
        """U of every sample, shape (samples, 1)."""
        span = np.where(self.hidden, (1 - self.low) * self.grid.lo, 0)
        moves = self.values * np.gcd(self.grid.step, span)
        unit: Int64 = np.maximum(np.gcd.reduce(moves, axis=1), 1)[:, None]
        return unit

    @cached_property
    def remainder(self) -> Int64:
        """Rho, shape (samples, width)."""
        lowest: Int64 = (self.values * self.grid.lo) @ self.mask.astype(np.int64)
        remainder: Int64 = lowest % self.unit
        return remainder

    @cached_property
    def _extremes(self) -> tuple[Int64, Int64]:
        """Least and largest pre-activation, shape (samples, width) each."""
        v, lo, hi = self.values, self.grid.lo, self.grid.hi
        ends = np.sort(np.stack([v * lo, v * hi]), axis=0)
        if self.hidden.any():
            signed = np.stack([v * lo * self.low, v * hi * self.low])
            least = np.minimum(ends[0], signed.min(axis=0))
            largest = np.maximum(ends[1], signed.max(axis=0))
            ends[0] = np.where(self.hidden, least, ends[0])
            ends[1] = np.where(self.hidden, largest, ends[1])
        arcs = self.mask.astype(np.int64)
        return ends[0] @ arcs, ends[1] @ arcs

    @cached_property
    def reach(self) -> Int64:
        """M: largest absolute pre-activation, shape (samples, width)."""
        least, largest = self._extremes
        reach: Int64 = np.maximum(largest, -least)
        return reach

    @cached_property
    def levels(self) -> Int64:
        """R, shape (samples, width)."""
        least, largest = ((P - self.remainder) // self.unit for P in self._extremes)
        levels: Int64 = np.maximum(np.maximum(largest + 1, -least), 1)
        return levels

    @cached_property
    def tieless(self) -> Bools:
        """Whether no weights can make the pre-activation 0 on any sample, shape (width,)."""
        never: Bools = (self.remainder != 0).all(axis=0)
        return never
