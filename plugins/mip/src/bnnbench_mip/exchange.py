"""Nets as few columns of a long list, and a local search that exchanges one for the best of all.

Since u is -1 or +1, the loss of a net is linear in any one of its units: with outputs r of the
rest, it is sum_k (f_k(r + 1) + f_k(r - 1)) / 2 + u_k (f_k(r + 1) - f_k(r - 1)) / 2. So the best
unit of all, in place of one, takes one product (columns x rows). Sweeps over the units end in a
net that no single exchange and no output bias improves; restarts shake one unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnbench_mip.charge import Charge
from bnnbench_mip.lattice import Int64
from bnnbench_mip.pricing import Pricing

WORK = 1 << 32
"""No further restart once products have read so many signs: some seconds."""

Unit = tuple[int, int]
"""Side (0 for +u, 1 for -u) and number of a column."""


@dataclass(frozen=True)
class Net:
    """Units, at most H of them, an output bias, and the exact loss."""

    units: tuple[Unit, ...]
    bias: int
    loss: int


@dataclass(frozen=True, eq=False)
class Exchange:
    """The local search.

    Attributes:
        pricing: holds the columns.
        charge: the loss.
        stop: asked between products.
    """

    pricing: Pricing
    charge: Charge
    stop: Callable[[], bool]

    def net(self, units: list[Unit]) -> Net:
        """These units with their best bias."""
        output = self.output(units)
        losses = [self.charge.total(output + int(c)) for c in self.pricing.biases]
        best = int(np.argmin(losses))
        return Net(tuple(units), int(self.pricing.biases[best]), losses[best])

    def output(self, units: list[Unit]) -> Int64:
        """Sum of the units' activations, without the bias."""
        total = np.zeros(self.pricing.signs.shape[1], dtype=np.int64)
        for side, u in units:
            total += (1 - 2 * side) * self.pricing.signs[u].astype(np.int64)
        return total

    def descend(self, net: Net) -> Net:
        """Exchange units in turn until none improves the loss."""
        best, idle, j = net, 0, 0
        while idle < self.pricing.units and not self.stop():
            units = list(best.units)
            rest = units[:j] + units[j + 1 :]
            slope = self.charge.slope(self.output(rest) + best.bias)
            agreement = self.pricing.products(slope)
            u = int(np.argmax(np.abs(agreement)))
            side = int(agreement[u] > 0)
            tried = self.net([*units[:j], (side, u), *units[j + 1 :]])
            if tried.loss < best.loss:
                best, idle = tried, 0
            else:
                idle += 1
            j = (j + 1) % self.pricing.units
        return best

    def run(
        self, rng: np.random.Generator, restarts: int, found: Callable[[Net], bool]
    ) -> list[Net]:
        """Descend from no unit at all, then from shaken best nets; returns all ends."""
        best = self.descend(self.net([]))
        ends = [best]
        halt = found(best)
        for _ in range(restarts):
            if halt or self.stop() or best.loss == 0 or self.pricing.work > WORK:
                break
            units = list(best.units)
            for j in rng.permutation(len(units))[:2]:
                units[j] = (int(rng.integers(2)), int(rng.integers(len(self.pricing.signs))))
            end = self.descend(self.net(units))
            ends.append(end)
            if end.loss <= best.loss:
                halt = end.loss < best.loss and found(end)
                best = end
        return ends
