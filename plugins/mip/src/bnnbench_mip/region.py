"""Parts of all nets, for branching: biases, parities, kinds of units, and sums of activations.

A unit's *tuple* v holds its outgoing weights; u up to sign is enough, so a tuple and its negative
are one *kind*. A region bounds

* every output's bias;
* the parity of every output: sum_j v_jc + bias_c is, modulo 2, that of the output on every row,
  because activations are odd. An output of the other parity than the margin m takes the values
  m - 1 and m + 1 but not m, so its hinge max(0, m - z) may be raised to (m + 1 - z) / 2 between
  them; when all outputs have the parity of m, the loss is even;
* the number of units of every kind;
* per kind and feature row, the sum of the signed activations of the units of that kind.

All are linear in the units and keep the pricing a product of columns with one vector per output
and per branched kind ("robust" branching).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bnnbench_mip.lattice import Int64

Bounds = tuple[int, int]


@dataclass(frozen=True)
class RowSum:
    """Bounds on the sum of signed activations of all units of one kind on one feature row."""

    kind: int
    row: int
    low: int
    high: int


@dataclass(frozen=True)
class Region:
    """See the module.

    Attributes:
        biases: least and greatest output bias, per output.
        parities: of the outputs; None where both are meant.
        counts: least and greatest number of units, per kind.
        sums: on rows.
    """

    biases: tuple[Bounds, ...]
    parities: tuple[int | None, ...]
    counts: tuple[Bounds, ...]
    sums: tuple[RowSum, ...] = ()

    @classmethod
    def whole(cls, biases: Int64, outputs: int, kinds: int, units: int) -> Region:
        """All nets, or as many as have the same outputs.

        With one kind of unit all H may be asked for: a unit that is missing is one that is always
        on, with the bias one less or more.
        """
        bias = (int(biases.min()), int(biases.max()))
        least = units if kinds == 1 and len(biases) > 1 else 0
        return cls((bias,) * outputs, (None,) * outputs, ((least, units),) * kinds)

    def by_parity(self) -> Iterator[Region]:
        """The region in parts of known parity."""
        for parities in itertools.product((0, 1), repeat=len(self.parities)):
            yield replace(self, parities=parities)

    def pieces(self, output: int, margin: int) -> list[tuple[int, int]]:
        """Pairs (k, a): the loss L of an output satisfies k L >= a - y z."""
        parity = self.parities[output]
        shifted = parity is not None and (parity - margin) % 2 == 1
        return [(1, margin), (2, margin + 1)] if shifted else [(1, margin)]

    def step(self, margin: int) -> int:
        """What all losses are multiples of."""
        return 2 if all(p is not None and (p - margin) % 2 == 0 for p in self.parities) else 1

    def split_bias(self, output: int, value: int) -> Iterator[Region]:
        """Biases up to ``value``, and above."""
        low, high = self.biases[output]
        for part in ((low, value), (value + 1, high)):
            yield replace(self, biases=_put(self.biases, output, part))

    def split_count(self, kind: int, value: int) -> Iterator[Region]:
        """Numbers of units up to ``value``, and above."""
        low, high = self.counts[kind]
        for part in ((low, value), (value + 1, high)):
            yield replace(self, counts=_put(self.counts, kind, part))

    def split_sum(self, kind: int, row: int, value: int, above: int) -> Iterator[Region]:
        """Sums on a row up to ``value``, and from ``above`` on."""
        high, others = self.counts[kind][1], []
        low = -high
        for held in self.sums:
            if (held.kind, held.row) == (kind, row):
                low, high = held.low, held.high
            else:
                others.append(held)
        for part in ((low, value), (above, high)):
            yield replace(self, sums=(*others, RowSum(kind, row, *part)))

    def tightened(self, units: int, tuples: Int64) -> Region | None:
        """With biases of the right parity where numbers of units are known; None when empty."""
        if sum(low for low, _ in self.counts) > units:
            return None
        biases = list(self.biases)
        for c, parity in enumerate(self.parities):
            odd = [self.counts[t] for t in range(len(self.counts)) if tuples[t, c] % 2]
            if parity is None or any(low < high for low, high in odd):
                continue
            wanted = parity + sum(n for n, _ in odd)
            low, high = biases[c]
            biases[c] = (low + (low - wanted) % 2, high - (high - wanted) % 2)
            if biases[c][0] > biases[c][1]:
                return None
        return replace(self, biases=tuple(biases))


def tuples_of(P: int, outputs: int) -> Int64:
    """All tuples of outgoing weights but 0: one of each kind, then their negatives."""
    grid = np.array(list(itertools.product(range(-P, P + 1), repeat=outputs)), dtype=np.int64)
    half = grid[len(grid) // 2 + 1 :]
    return np.concatenate([half, -half])


def _put(items: tuple[Bounds, ...], place: int, item: Bounds) -> tuple[Bounds, ...]:
    return (*items[:place], item, *items[place + 1 :])
