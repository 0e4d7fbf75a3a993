r"""The threshold gadget: "this unit's pre-activation is >= 0" as one squared integer equation.

Let P = sum_i v_i W_i s_i be a unit's pre-activation over integer magnitudes v_i, weights W_i in
{-1, +1} and sources s_i (inputs and biases: 1; hidden units: -1/+1 for ``sign``, 0/1 for
``step``), and M = sum_i |v_i| its reach. With ``sign`` sources P has the parity of M, so it moves
in steps of 2, else in steps of 1:

    P' = (P - rho) / u,  u = 2 and rho = M mod 2  (or u = 1 and rho = 0).

P >= 0 if and only if P' >= 0, and every integer P' in -R..R-1 is uniquely

    P' = R a + s - R,  a in {0, 1}, s in {0..R-1},  R = floor(M / u) + 1,

with a = 1 if and only if P' >= 0. This is the decomposition c = tau a + s of qubo.md section 1.3
(R = tau for odd M) and, for even M, its extension by one constant arc that always agrees: a tie
P = 0 is a = 1, as in the core's sgn(0) = +1, without a spurious slack value.

The slack s takes B = bit_length(R - 1) bits with coefficients 1, 2, .., 2^(B-2), R - 2^(B-1), which
reach exactly 0..R-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Counter:
    """The integer sums of one layer.

    Attributes:
        values: signed magnitude of every arc, the bias arc last: shape (samples, arcs); the feature
            for arcs from inputs. A common divisor of each sample is already taken out.
        mask: which arcs exist: shape (arcs, width).
        hidden: which arcs come from hidden units: shape (arcs,).
        unit: step u of the pre-activation, 2 or 1.
    """

    values: Int64
    mask: Bools
    hidden: Bools
    unit: int

    @cached_property
    def reach(self) -> Int64:
        """M: largest absolute pre-activation, shape (samples, width)."""
        return np.abs(self.values) @ self.mask.astype(np.int64)

    @cached_property
    def remainder(self) -> Int64:
        """Rho, shape (samples, width)."""
        return self.reach % self.unit

    @cached_property
    def levels(self) -> Int64:
        """R: number of slack values, shape (samples, width)."""
        return self.reach // self.unit + 1

    @cached_property
    def tieless(self) -> Bools:
        """Whether no weights can make the pre-activation 0 on any sample, shape (width,)."""
        odd: Bools = (self.unit == 2) & (self.reach % 2 == 1).all(axis=0)
        return odd

    @cached_property
    def slack(self) -> Int64:
        """Coefficients of the slack bits, 0 where a unit needs fewer: (samples, width, bits)."""
        levels = self.levels[..., None]
        used = slack_bits(levels)
        bit = np.arange(int(used.max(initial=0)), dtype=np.int64)
        last = levels - (1 << np.maximum(used - 1, 0))
        coefficients: Int64 = np.where(bit < used - 1, 1 << bit, np.where(bit == used - 1, last, 0))
        return coefficients

    def slack_states(self, s: Int64) -> Int64:
        """Bits that represent slack values: (.., samples, width) -> (.., samples, width, bits)."""
        used = slack_bits(self.levels)[..., None]
        half = 1 << np.maximum(used - 1, 0)
        top = (s[..., None] >= half) & (used > 0)
        rest = s[..., None] - np.where(top, self.levels[..., None] - half, 0)
        bit = np.arange(self.slack.shape[-1], dtype=np.int64)
        states: Int64 = np.where(bit < used - 1, (rest >> bit) & 1, top & (bit == used - 1))
        return states


def slack_bits(levels: Int64) -> Int64:
    """B = bit_length(R - 1) = floor(log2(R - 1)) + 1, and 0 for R = 1."""
    # frexp gives the exponent e with 2^(e-1) <= x < 2^e, which is the bit length of an integer.
    return np.frexp((levels - 1).astype(np.float64))[1].astype(np.int64)
