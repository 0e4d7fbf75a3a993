"""Nets as few columns of a long list, and a local search that exchanges one for the best of all.

Since u is -1 or +1, the loss of a net is linear in any one of its units: with outputs r of the
rest and outgoing weights v, twice the loss is sum_k (f_k(r + v) + f_k(r - v)) + u_k (f_k(r + v) -
f_k(r - v)). So the best unit of all, in place of one, takes one product (columns x rows) per kind
of tuple. Sweeps over the units end in a net that no single exchange and no output bias improves;
restarts shake one unit or two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnbench_mip.agreement import Agreement
from bnnbench_mip.charge import Charge
from bnnbench_mip.lattice import Int64

WORK = 1 << 32
"""No further restart once products have read so many signs: some seconds."""

Unit = tuple[int, int]
"""Number of the tuple of outgoing weights, and of the column."""


@dataclass(frozen=True)
class Net:
    """Units, at most H of them, output biases, and the exact loss."""

    units: tuple[Unit, ...]
    bias: tuple[int, ...]
    loss: int


@dataclass(frozen=True, eq=False)
class Exchange:
    """The local search.

    Attributes:
        agreement: holds the columns.
        charge: the loss.
        tuples: of outgoing weights, see :func:`bnnbench_mip.region.tuples_of`.
        units: H.
        biases: what an output bias may be.
        stop: asked between products.
    """

    agreement: Agreement
    charge: Charge
    tuples: Int64
    units: int
    biases: Int64
    stop: Callable[[], bool]

    def net(self, units: list[Unit]) -> Net:
        """These units with their best biases."""
        output = self.output(units)
        losses = self.charge.losses(output + self.biases[:, None, None]).sum(axis=2)
        best = losses.argmin(axis=0)
        return Net(tuple(units), tuple(self.biases[best].tolist()), int(losses.min(axis=0).sum()))

    def output(self, units: list[Unit]) -> Int64:
        """Sums of the units' weighted activations, without biases; shape (outputs, rows)."""
        signs = self.agreement.signs
        total = np.zeros((self.tuples.shape[1], signs.shape[1]), dtype=np.int64)
        for v, u in units:
            total += self.tuples[v][:, None] * signs[u].astype(np.int64)
        return total

    def best_unit(self, rest: Int64) -> Unit:
        """The unit that leaves the least loss beside the rest."""
        kinds = len(self.tuples) // 2
        constant, slope = self.charge.line(rest, self.tuples[:kinds])
        products = self.agreement.products(slope)
        best = np.abs(products).argmax(axis=0)
        value = products[best, np.arange(kinds)]
        kind = int((constant - np.abs(value)).argmin())
        return (kind + kinds * int(value[kind] > 0), int(best[kind]))

    def descend(self, net: Net) -> Net:
        """Exchange units in turn until none improves the loss."""
        best, idle, j = net, 0, 0
        while idle < self.units and not self.stop():
            units = list(best.units)
            rest = units[:j] + units[j + 1 :]
            unit = self.best_unit(self.output(rest) + np.array(best.bias)[:, None])
            tried = self.net([*units[:j], unit, *units[j + 1 :]])
            if tried.loss < best.loss:
                best, idle = tried, 0
            else:
                idle += 1
            j = (j + 1) % self.units
        return best

    def run(
        self, rng: np.random.Generator, restarts: int, found: Callable[[Net], bool]
    ) -> list[Net]:
        """Descend from no unit at all, then from shaken best nets; returns all ends."""
        best = self.descend(self.net([]))
        ends = [best]
        halt = found(best)
        for _ in range(restarts):
            if halt or self.stop() or best.loss == 0 or self.agreement.work > WORK:
                break
            units = list(best.units)
            for j in rng.permutation(len(units))[:2]:
                shape = len(self.tuples), len(self.agreement.signs)
                units[j] = (int(rng.integers(shape[0])), int(rng.integers(shape[1])))
            end = self.descend(self.net(units))
            ends.append(end)
            if end.loss <= best.loss:
                halt = end.loss < best.loss and found(end)
                best = end
        return ends
