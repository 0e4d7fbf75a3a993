"""Exact prices of all columns over a region, and the bounds that they prove (mip.md section 4.3).

Let p_r >= 0 be prices of the loss rows k_r L + y_r z >= a_r with sum over the rows of one loss of
k_r p_r at most its weight, q_t the prices of branched sums (positive for a lower side d_t, negative
for an upper one), and s_c the vector of sums of p_r y_r per feature row, over the rows of output c.
A unit (v, u) of kind t, with v = e times its kind's tuple, is worth v . (s . u) + e q_t . u, and

    loss >= sum p a + sum q d - max over numbers n_t in their bounds of sum n_t G_t - max b . s 1,

G_t the greatest worth of a unit of kind t and b the biases in their bounds. A net that uses a
given unit for sure loses at least G_t minus the unit's worth more. This is the Lagrangian bound of
the master program, the LP's at optimal prices. Prices are rounded to multiples of 2^-q, so all
figures are whole: bounds and reduced costs carry no rounding error. One product (columns x rows)
per set of prices, output and branched kind.

For one region only the columns that the enclosing region left over are priced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bnnbench_mip.agreement import Agreement
from bnnbench_mip.lattice import Int64
from bnnbench_mip.master import Master, Prices
from bnnbench_mip.region import Bounds, Region

NEVER = np.iinfo(np.int64).max
HALF = 1 << 46
"""Prices are rounded so that their sum stays below it."""


@dataclass(eq=False)
class Pricing:
    """Prices columns and keeps the best bound, and per column the best bound of its users.

    Attributes:
        agreement: holds the activation vectors.
        master: the program.
        region: which nets are bounded.
        columns: the units that may be used, as numbers ``tuple * vectors + vector``, ascending.
        bound: best proved bound on all nets of the region.
        floors: proved bounds on the nets that use a unit, in 2^-q; shape of ``columns``.
        one: 2^q.
    """

    agreement: Agreement
    master: Master
    region: Region
    columns: Int64
    bound: Fraction = field(init=False, default=Fraction(0))
    floors: Int64 = field(init=False)
    one: int = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.agreement.signs)
        self.columns = self.columns[self._possible()]
        total = max(1, int(self.master.samples.weights.sum()))
        # Up to 2^14 rows, sums stay below 2^24 and products are those of float32.
        digits = 24 if total < 1 << 14 else 52
        self.one = 1 << min(20, digits - 1 - total.bit_length())
        self.floors = np.zeros(len(self.columns), dtype=np.int64)
        self._tuple, self._vector = np.divmod(self.columns, count)
        self._kind = self._tuple % self.master.kinds
        used = np.zeros(count, dtype=bool)
        used[self._vector] = True
        self._own, self._place = self.agreement, self._vector
        if not used.all():
            self._own = Agreement(self.agreement.signs[used])
            self._place = (np.cumsum(used) - 1)[self._vector]

    def _possible(self) -> npt.NDArray[np.bool_]:
        """Columns that the region's numbers and sums do not exclude one by one."""
        v, u = np.divmod(self.columns, len(self.agreement.signs))
        kind, sign = v % self.master.kinds, np.where(v < self.master.kinds, 1, -1)
        most = np.array([high for _, high in self.region.counts])
        kept: npt.NDArray[np.bool_] = most[kind] > 0
        for held in self.region.sums:
            all_up, all_down = held.low >= most[held.kind], held.high <= -most[held.kind]
            if all_up or all_down:
                wrong = sign * self.agreement.signs[u, held.row] == (-1 if all_up else 1)
                kept &= ~((kind == held.kind) & wrong)
        return kept

    def price(self, prices: Prices) -> tuple[Int64, Int64]:
        """Worth of all columns in 2^-q, and the greatest of every kind; updates the bounds."""
        base, s, branched = self._whole(prices)
        worth = self._worth(s, branched)
        greatest = np.full(self.master.kinds, -NEVER)
        np.maximum.at(greatest, self._kind, worth)
        base -= self._biased(s)
        counts = self.region.counts
        most = self._most(greatest, counts)
        if most is None:
            self.bound = max(self.bound, Fraction(self.master.worst))
            self.floors[:] = NEVER
            return worth, greatest
        self.bound = max(self.bound, Fraction(base - most, self.one))
        rest = np.full(self.master.kinds, NEVER)
        for t in np.unique(self._kind):
            forced = [*counts]
            forced[t] = (max(1, counts[t][0]), counts[t][1])
            least = self._most(greatest, forced)
            if least is not None:
                rest[t] = base - least + int(greatest[t])
        kept = rest[self._kind]
        floors = np.where(kept == NEVER, NEVER, kept - worth)
        np.maximum(self.floors, floors, out=self.floors)
        return worth, greatest

    def spread(self, prices: Prices) -> tuple[int, Int64]:
        """The bound before units are taken off, in 2^-q, and s; without branched sums."""
        base, s, _ = self._whole(prices)
        return base - self._biased(s), s

    def _biased(self, s: Int64) -> int:
        """The most that biases can take off."""
        totals = zip(self.region.biases, s.sum(axis=1).tolist(), strict=True)
        return sum(max(low * total, high * total) for (low, high), total in totals)

    def _whole(self, prices: Prices) -> tuple[int, Int64, dict[int, Int64]]:
        """Rounded prices: the constant of the bound, s per output, and q per branched kind."""
        master, one = self.master, self.one
        rows = master.loss_rows(self.region)
        weights = master.samples.weights[rows.sample] * one
        pi = np.clip(np.rint(prices.losses * one).astype(np.int64), 0, weights // rows.factor)
        # The prices of the two rows of one loss share its weight.
        spent = np.zeros((self.master.outputs, len(master.samples.weights)), dtype=np.int64)
        second = rows.factor == 2
        spent[rows.output[second], rows.sample[second]] = 2 * pi[second]
        first = ~second
        left = weights[first] - spent[rows.output[first], rows.sample[first]]
        pi[first] = np.minimum(pi[first], left)
        base = int((pi * rows.wanted).sum())
        s = np.zeros((self.master.outputs, self.agreement.signs.shape[1]), dtype=np.int64)
        np.add.at(s, (rows.output, rows.row), pi * rows.target)
        limit = HALF // (1 + len(self.region.sums))
        branched: dict[int, Int64] = {}
        for held, price in zip(self.region.sums, prices.sums.tolist(), strict=True):
            q = int(min(limit, max(-limit, round(price * one))))
            base += q * (held.low if q > 0 else held.high)
            vector = branched.setdefault(held.kind, np.zeros(s.shape[1], dtype=np.int64))
            vector[held.row] += q
        return base, s, branched

    def _worth(self, s: Int64, branched: dict[int, Int64]) -> Int64:
        vectors = np.stack([*s, *branched.values()], axis=1)
        products = self._own.products(vectors)
        self.agreement.work += self._own.signs.size
        tuples, outputs = self.master.tuples, self.master.outputs
        worth = np.zeros(len(self.columns), dtype=np.int64)
        for c in range(outputs):
            worth += tuples[self._tuple, c] * products[self._place, c]
        sign = np.where(self._tuple < self.master.kinds, 1, -1)
        for number, kind in enumerate(branched):
            held = self._kind == kind
            worth[held] += sign[held] * products[self._place[held], outputs + number]
        return worth

    def _most(self, greatest: Int64, counts: Sequence[Bounds]) -> int | None:
        """Greatest total worth of units in their numbers; None when there are no such units."""
        total, free = 0, self.master.units
        for t, (low, high) in enumerate(counts):
            if low and (low > high or greatest[t] == -NEVER):
                return None
            if low:
                total += low * int(greatest[t])
                free -= low
        if free < 0:
            return None
        for t in np.argsort(-greatest, kind="stable"):
            if free == 0 or greatest[t] <= 0:
                break
            taken = min(free, counts[t][1] - counts[t][0])
            total += taken * int(greatest[t])
            free -= taken
        return total

    @property
    def least(self) -> int:
        """The best bound as the next value that a loss can have."""
        step = self.region.step(self.master.margin)
        return step * math.ceil(self.bound / step)

    def useful(self, value: int) -> npt.NDArray[np.bool_]:
        """Which columns a net of the region with a loss below ``value`` may use."""
        step = self.region.step(self.master.margin)
        best = step * ((value - 1) // step)
        kept: npt.NDArray[np.bool_] = self.floors <= best * self.one
        return kept
