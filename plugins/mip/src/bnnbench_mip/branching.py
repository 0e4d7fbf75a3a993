"""Branch and price over regions, best bound first.

Every region's LP is solved by column generation over the units that its parent left over; each set
of prices bounds the region, and drops the units whose own bound is not below the incumbent
(:mod:`bnnbench_mip.pricing`). A region with few units left goes to a MIP, to its end. Any other is
split: the whole problem by the outputs' parities, then by a fractional bias or number of units, or
one that contradicts a parity, then by the sum of one kind's activations on a row, where it is
furthest from what sums of -1 and +1 can be.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bnnbench_mip.lattice import Int64
from bnnbench_mip.master import Floats, Master, PriceLP, Prices, quiet_solver
from bnnbench_mip.pricing import Pricing
from bnnbench_mip.region import Region

if TYPE_CHECKING:
    from bnnbench_mip.proof import Proof

WHOLE = 1e-6
"""Numbers this near to a whole one are not branched on."""
LONGEST = 100_000
"""Most columns of a MIP: longer ones take gigabytes and do not end."""


@dataclass(frozen=True, eq=False)
class Node:
    """A region that is not done.

    Attributes:
        region: which nets.
        columns: units that a better net of the region may use.
        bound: proved for the region.
        start: units for its LP to begin with.
    """

    region: Region
    columns: Int64
    bound: int
    start: Int64


@dataclass(eq=False)
class Relaxed:
    """A region's LP, solved: which units are left, and the last solution."""

    pricing: Pricing
    held: Int64
    biases: Floats | None = None
    values: Floats | None = None


@dataclass(eq=False)
class Tree:
    """The search; see the module.

    Attributes:
        proof: what is known, and the limits.
        master: the program.
        whole: most units of a region that goes to a MIP.
        heap: open regions by bound, the newest first among equal ones.
        stuck: bound of regions that could not be split.
    """

    proof: Proof
    master: Master
    whole: int
    heap: list[tuple[int, int, Node]] = field(default_factory=list)
    stuck: int | None = None
    nodes: int = 0
    _number: Iterator[int] = field(default_factory=itertools.count)

    def push(self, node: Node) -> None:
        """Open a region."""
        region = node.region.tightened(self.master.units, self.master.tuples)
        if region is not None:
            node = replace(node, region=region)
            heapq.heappush(self.heap, (node.bound, -next(self._number), node))

    def run(self) -> None:
        """Until the bound meets the incumbent, or the time is over."""
        while self.heap and not self.proof.over:
            bound, _, node = heapq.heappop(self.heap)
            self.proof.proved(self.lowest(bound))
            if self.proof.over:
                return
            self.nodes += 1
            self.expand(node)
        if not self.proof.stop():
            self.proof.proved(self.lowest(self.proof.best_loss))

    def lowest(self, bound: int) -> int:
        """Bound on all that is open, a region with this bound included."""
        others = [self.heap[0][0]] if self.heap else []
        return min([bound, *others, *([] if self.stuck is None else [self.stuck])])

    def expand(self, node: Node) -> None:
        """Bound a region; close or split it."""
        solved = self.relax(node)
        bound = max(node.bound, solved.pricing.least)
        if bound >= self.proof.best_loss or self.proof.stop():
            return
        left = solved.pricing.columns[solved.pricing.useful(self.proof.best_loss)]
        parts = self.split(node.region, solved) if len(left) > self.whole else None
        if parts is None:
            others = self.lowest(self.proof.best_loss)
            if len(left) > LONGEST or not self.proof.finish(node.region, left, others):
                self.stuck = bound if self.stuck is None else min(bound, self.stuck)
            return
        for region in parts:
            self.push(Node(region, left, bound, solved.held))

    def relax(self, node: Node) -> Relaxed:
        """Solve a region's LP, as far as it takes to bound the region."""
        proof = self.proof
        pricing = Pricing(proof.agreement, self.master, node.region, node.columns)
        solver = quiet_solver(proof.limits, proof.seed)
        lp = PriceLP(self.master, node.region, solver, 2.0 * proof.best_loss)
        lp.add(np.intersect1d(node.start, pricing.columns).tolist())
        step = node.region.step(self.master.margin)
        while not proof.stop():
            solved = lp.solve(proof.clock.left)
            if solved is None:
                break
            value, prices = solved
            worth, _ = pricing.price(prices)
            proof.info["lp_rounds"] = proof.info.get("lp_rounds", 0) + 1
            if pricing.least >= proof.best_loss:
                break
            fresh = promising(pricing, worth, prices, proof.effort.batch)
            # Where no more columns can raise the rounded bound, only the root goes on: its prices
            # drop units for all.
            settled = self.nodes > 0 and step * np.ceil((value - WHOLE) / step) <= pricing.least
            if settled or not lp.add(fresh.tolist()):
                biases, values = lp.point()
                return Relaxed(pricing, np.array(lp.held, dtype=np.int64), biases, values)
        return Relaxed(pricing, np.array(lp.held, dtype=np.int64))

    def split(self, region: Region, solved: Relaxed) -> Iterator[Region] | None:
        """Parts of a region; None when nothing is left to split by."""
        if None in region.parities:
            return region.by_parity()
        if solved.biases is None or solved.values is None:
            return None
        v, u = np.divmod(solved.held, len(self.master.signs))
        kinds = self.master.kinds
        kind, sign = v % kinds, np.where(v < kinds, 1, -1)
        numbers = np.bincount(kind, solved.values, minlength=kinds).astype(np.float64)
        by_number = self._by_number(region, solved.biases, numbers)
        if by_number is not None:
            return by_number
        weighted = (sign * solved.values)[:, None] * self.master.signs[u]
        sums = np.zeros((kinds, self.master.signs.shape[1]))
        np.add.at(sums, kind, weighted)
        return self._by_sum(region, sums)

    def _by_number(
        self, region: Region, biases: Floats, numbers: Floats
    ) -> Iterator[Region] | None:
        """Split a fractional bias or number of units, or one that contradicts a parity."""
        off_bias, off_count = np.abs(biases - np.rint(biases)), np.abs(numbers - np.rint(numbers))
        c, t = int(off_bias.argmax()), int(off_count.argmax())
        if off_bias[c] > WHOLE and off_bias[c] >= off_count[t]:
            return region.split_bias(c, int(np.floor(biases[c])))
        if off_count[t] > WHOLE:
            return region.split_count(t, int(np.floor(numbers[t])))
        whole = np.rint(biases).astype(int), np.rint(numbers).astype(int)
        tuples = self.master.tuples[: self.master.kinds]
        for c, parity in enumerate(region.parities):
            if parity is None or (whole[0][c] + whole[1] @ tuples[:, c] - parity) % 2 == 0:
                continue
            low, high = region.biases[c]
            if low < high:
                return region.split_bias(c, min(int(whole[0][c]), high - 1))
            for kind in np.flatnonzero(tuples[:, c] % 2).tolist():
                low, high = region.counts[kind]
                if low < high:
                    return region.split_count(kind, min(int(whole[1][kind]), high - 1))
        return None

    def _by_sum(self, region: Region, sums: Floats) -> Iterator[Region] | None:
        """Split by the sum, of one kind on one row, that is furthest from a possible one."""
        fixed = np.array([low == high for low, high in region.counts])
        start = np.where(fixed, [high for _, high in region.counts], 0)
        step = np.where(fixed, 2, 1)[:, None]
        scaled = (sums - start[:, None]) / step
        off = np.abs(scaled - np.rint(scaled)) * step
        samples = self.master.samples
        assert samples.row is not None
        weights = np.bincount(samples.row, samples.weights, minlength=sums.shape[1])
        kind, row = np.unravel_index(int((off * np.sqrt(weights)).argmax()), off.shape)
        if off[kind, row] <= WHOLE:
            return None
        below = int(np.floor(scaled[kind, row]) * step[kind, 0] + start[kind])
        return region.split_sum(int(kind), int(row), below, below + int(step[kind, 0]))


def promising(pricing: Pricing, worth: Int64, prices: Prices, batch: int) -> Int64:
    """The columns that would improve the LP most."""
    price = np.rint(prices.units * pricing.one)
    kind = (pricing.columns // len(pricing.agreement.signs)) % pricing.master.kinds
    gain = worth - price[kind]
    # Rounded prices may put a column that the LP holds off by half a unit per sample and output.
    slack = len(pricing.master.samples.weights) * int(
        np.abs(pricing.master.tuples).sum(axis=1).max()
    )
    top = np.arange(len(gain))
    if len(gain) > batch:
        top = np.sort(np.argpartition(-gain, batch - 1)[:batch])
    best: Int64 = pricing.columns[top[gain[top] > slack]]
    return best
