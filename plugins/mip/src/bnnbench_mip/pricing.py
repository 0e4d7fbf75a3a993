"""Exact prices of all columns, and the bounds that they prove (mip.md section 4.3).

With prices pi_g in [0, weight_g] on the samples and s_k = sum of pi_g y_g over the samples g of
feature row k, every net of at most H units u_j with signs v_j and output bias c has

    loss >= m sum pi - sum_j v_j (s . u_j) - c sum_k s_k >= m sum pi - H M - max_c c sum_k s_k,

M the greatest |s . u|; one that uses v u for sure has at least M - v (s . u) more. This is the
Lagrangian bound of the master program, which is the LP's at optimal prices. Prices are rounded to
multiples of 2^-q, with q so small that float32 products of s and signs are exact integers: bounds
and reduced costs carry no rounding error. One product (columns x rows) per set of prices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench_mip.activations import Signs
from bnnbench_mip.lattice import Int64
from bnnbench_mip.samples import Samples

CHUNK = 1 << 25
"""Most entries that are converted for a product at once; fewer are kept converted."""


@dataclass(eq=False)
class Pricing:
    """Prices columns and keeps the best bound, and per signed column the best bound of its users.

    Attributes:
        signs: of the columns, shape (count, rows).
        samples: merged, with one output.
        margin: the hinge's m.
        units: H.
        biases: what the output bias may be.
        bound: best proved bound on all nets.
        floors: proved bounds on the nets that use +u or -u, in 2^-q; shape (2, count).
        one: 2^q.
        work: signs read by products so far.
    """

    signs: Signs
    samples: Samples
    margin: int
    units: int
    biases: Int64
    bound: Fraction = field(init=False, default=Fraction(0))
    floors: Int64 = field(init=False)
    one: int = field(init=False)
    work: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        total = max(1, int(self.samples.weights.sum()))
        digits = 24 if total < 2**14 else 52
        self.one = 1 << min(20, digits - 1 - total.bit_length())
        self._type: type[Any] = np.float32 if digits == 24 else np.float64
        self.floors = np.zeros((2, len(self.signs)), dtype=np.int64)
        small = self.signs.size <= CHUNK
        self._converted: npt.NDArray[Any] | None = self.signs.astype(self._type) if small else None

    def products(self, s: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Products of all columns with integers whose absolute sum the type holds exactly."""
        vector: npt.NDArray[Any] = s.astype(self._type)
        self.work += self.signs.size
        if self._converted is not None:
            exact: Int64 = (self._converted @ vector).astype(np.int64)
            return exact
        step = max(1, CHUNK // max(1, len(s)))
        out = np.empty(len(self.signs), dtype=np.int64)
        for start in range(0, len(out), step):
            out[start : start + step] = self.signs[start : start + step].astype(self._type) @ vector
        return out

    def price(self, duals: npt.NDArray[np.float64]) -> tuple[Int64, int]:
        """Agreements s . u of all columns in 2^-q, and the greatest |s . u|; updates the bounds."""
        assert self.samples.row is not None
        weights = self.samples.weights * self.one
        pi = np.clip(np.rint(duals * self.one).astype(np.int64), 0, weights)
        s = np.zeros(self.signs.shape[1], dtype=np.int64)
        np.add.at(s, self.samples.row, pi * self.samples.targets[:, 0])
        agreement = self.products(s)
        greatest = int(np.abs(agreement).max(initial=0))
        biased = int((self.biases * int(s.sum())).max())
        bound = self.margin * int(pi.sum()) - self.units * greatest - biased
        self.bound = max(self.bound, Fraction(bound, self.one))
        np.maximum(self.floors[0], bound + greatest - agreement, out=self.floors[0])
        np.maximum(self.floors[1], bound + greatest + agreement, out=self.floors[1])
        return agreement, greatest

    @property
    def least(self) -> int:
        """The best bound as the next whole number: losses are whole."""
        return math.ceil(self.bound)

    def useful(self, value: int) -> npt.NDArray[np.bool_]:
        """Which signed columns a net with a loss below ``value`` may use, shape (2, count)."""
        return self.floors <= (value - 1) * self.one
