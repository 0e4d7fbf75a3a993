r"""How an activation and slack bits represent a counter P' in -R..R-1 (qubo.md 1.3, 1.4, 4.5).

Every encoding is affine in its bits, P' = base + alpha a + sum_b beta_b s_b + sum_b gamma_b t_b,
and has further integer penalties >= 0 that are 0 at exactly one pattern class per value:

============  ==========================================  =====================  =================
encoding      P'                                          further penalty        bits beside a
============  ==========================================  =====================  =================
binary        R a + s - R, s in 0..R-1 by bounded         none                   B
              coefficients 1, 2, .., R - 2^(B-1)
unary         a + sum_b s_b - R: a chain of 2 R - 1       s_next (1 - s)         2 R - 2
              bits (domain wall) whose R-th is a          per neighbouring pair
reflected     a - m - 1 + 2 a m, m in 0..R-1 as s above,  Rosenberg of           2 B
              with t_b = a m_b                            t_b = a m_b
============  ==========================================  =====================  =================

with B = bit_length(R - 1). The margin m = a P' + (1 - a)(-1 - P'), so that |P| = 2 m + 1 for odd
reach, is quadratic in binary bits, linear in the others: a sum over bits above a and zeros below it
(unary), or m itself (reflected).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Literal

import numpy as np

from bnnbench_qubo.counter import Bools, Int64
from bnnbench_qubo.terms import Floats, Terms

SlackName = Literal["binary", "unary", "reflected"]


def slack_bits(levels: Int64) -> Int64:
    """B = bit_length(R - 1) = floor(log2(R - 1)) + 1, and 0 for R = 1."""
    # frexp gives the exponent e with 2^(e-1) <= x < 2^e, which is the bit length of an integer.
    return np.frexp((levels - 1).astype(np.float64))[1].astype(np.int64)


def bounded(levels: Int64) -> Int64:
    """Coefficients whose subset sums are exactly 0..levels-1, 0 where unused: (.., bits)."""
    levels = levels[..., None]
    used = slack_bits(levels)
    bit = np.arange(int(used.max(initial=0)), dtype=np.int64)
    last = levels - (1 << np.maximum(used - 1, 0))
    coefficients: Int64 = np.where(bit < used - 1, 1 << bit, np.where(bit == used - 1, last, 0))
    return coefficients


def bounded_states(numbers: Int64, levels: Int64) -> Int64:
    """Bits of numbers below ``levels`` (broadcast) in :func:`bounded` coefficients: (.., bits)."""
    used = slack_bits(levels)[..., None]
    half = 1 << np.maximum(used - 1, 0)
    top = (numbers[..., None] >= half) & (used > 0)
    rest = numbers[..., None] - np.where(top, levels[..., None] - half, 0)
    bit = np.arange(int(used.max(initial=0)), dtype=np.int64)
    states: Int64 = np.where(bit < used - 1, (rest >> bit) & 1, top & (bit == used - 1))
    return states


class Slack(ABC):
    """One encoding, of all counters of a layer: arrays of shape (samples, width[, bits]).

    Attributes:
        levels: R.
        coefficients: beta of the slack bits, 0 where unused.
        ancillas: gamma of one product a s_b per slack bit; None without products.
    """

    def __init__(self, levels: Int64) -> None:
        self.levels = levels
        self.coefficients = self._coefficients()
        self.ancillas: Int64 | None = None

    @abstractmethod
    def _coefficients(self) -> Int64:
        """Beta."""

    @cached_property
    def used(self) -> Bools:
        """Which slack bits exist."""
        used: Bools = self.coefficients != 0
        return used

    @property
    def base(self) -> Int64:
        """The constant."""
        return -self.levels

    @property
    def alpha(self) -> Int64:
        """Coefficient of the activation."""
        return np.ones_like(self.levels)

    @property
    def largest_margin(self) -> Int64:
        """The largest value that the margin term can take on any bits, feasible or not."""
        return self.levels - 1

    @abstractmethod
    def states(self, steps: Int64, active: Bools) -> Int64:
        """Slack bits of counters, given activations: (.., samples, width, bits).

        Where the activation is not the counter's sign, the bits that come nearest to the counter
        without a further penalty.
        """

    def penalties(  # noqa: B027 - most encodings have none
        self, terms: Terms, s: Int64, a: Int64, known: Bools | None, w: float
    ) -> None:
        """Add ``w`` times the further penalties; ``known`` activations are no variables."""

    @abstractmethod
    def margin(self, terms: Terms, s: Int64, a: Int64, known: Bools | None, mu: float) -> None:
        """Add ``-mu`` times the margins."""


class BinarySlack(Slack):
    """P' = R a + s - R."""

    def _coefficients(self) -> Int64:
        return bounded(self.levels)

    @property
    def alpha(self) -> Int64:
        return self.levels

    def states(self, steps: Int64, active: Bools) -> Int64:
        s = np.clip(steps + self.levels * (1 - active.astype(np.int64)), 0, self.levels - 1)
        return bounded_states(s, self.levels)

    def margin(self, terms: Terms, s: Int64, a: Int64, known: Bools | None, mu: float) -> None:
        top, c = self.levels - 1, self.coefficients
        terms.constant(-mu * top)
        terms.linear(s, mu * c)
        if known is None:
            terms.pairs(s, a[..., None], -2 * mu * c)
            terms.linear(a, mu * top)
        else:
            terms.linear(s, -2 * mu * c * known[..., None])
            terms.constant(mu * top * known)


class UnarySlack(Slack):
    """P' = a + the chain's other bits - R; first the R - 1 bits below a, then those above."""

    def _coefficients(self) -> Int64:
        bits = 2 * int(self.levels.max(initial=1)) - 2
        place = np.arange(bits, dtype=np.int64)
        return (place < 2 * self.levels[..., None] - 2).astype(np.int64)

    @property
    def _below(self) -> Bools:
        place = np.arange(self.coefficients.shape[-1])
        below: Bools = place < self.levels[..., None] - 1
        return below

    @property
    def largest_margin(self) -> Int64:
        return 2 * (self.levels - 1)

    def states(self, steps: Int64, active: Bools) -> Int64:
        height = np.where(
            active,
            np.maximum(steps + self.levels, self.levels),
            np.minimum(steps, -1) + self.levels,
        )
        place = np.arange(self.coefficients.shape[-1])
        # Place b of the bits is place b + 1 of the chain from a upwards.
        chain = np.where(self._below, place, place + 1)
        return ((chain < height[..., None]) & self.used).astype(np.int64)

    def penalties(self, terms: Terms, s: Int64, a: Int64, known: Bools | None, w: float) -> None:
        for left, right, both in self._neighbours(s, a):
            if both.any():
                terms.linear(right[both], w)
                terms.pairs(left[both], right[both], -w)
        below, above = self._ends(s)
        down, up = below != NO_BIT, above != NO_BIT
        if known is None:
            terms.linear(np.broadcast_to(a, down.shape)[down], w)
            terms.pairs(below[down], np.broadcast_to(a, down.shape)[down], -w, repeats=True)
            terms.linear(above[up], w)
            terms.pairs(above[up], np.broadcast_to(a, up.shape)[up], -w, repeats=True)
        else:
            terms.constant(w * (known & down))
            terms.linear(below[known & down], -w)
            terms.linear(above[up & ~known], w)

    def _neighbours(self, s: Int64, a: Int64) -> list[tuple[Int64, Int64, Bools]]:
        """Neighbouring slack bits, a apart."""
        if s.shape[-1] < 2:
            return []
        same = self._below[..., :-1] == self._below[..., 1:]
        return [(s[..., :-1], s[..., 1:], self.used[..., 1:] & same)]

    def _ends(self, s: Int64) -> tuple[Int64, Int64]:
        """The bits just below and just above a, NO_BIT where R = 1."""
        if not s.shape[-1]:
            none = np.full(self.levels.shape, NO_BIT, dtype=np.int64)
            return none, none
        at = np.maximum(self.levels - 2, 0)[..., None]
        exist = self.levels > 1
        below = np.where(exist, np.take_along_axis(s, at, -1)[..., 0], NO_BIT)
        above = np.take_along_axis(s, np.minimum(at + 1, s.shape[-1] - 1), -1)[..., 0]
        return below, np.where(exist, above, NO_BIT)

    def margin(self, terms: Terms, s: Int64, a: Int64, known: Bools | None, mu: float) -> None:
        sign = np.where(self._below, -1, 1) * self.used
        terms.linear(s, -mu * sign)
        terms.constant(-mu * (self.levels - 1))


class ReflectedSlack(Slack):
    """P' = a - m - 1 + 2 a m."""

    def __init__(self, levels: Int64) -> None:
        super().__init__(levels)
        self.ancillas = -2 * self.coefficients

    def _coefficients(self) -> Int64:
        return -bounded(self.levels)

    @property
    def base(self) -> Int64:
        return np.full_like(self.levels, -1)

    def states(self, steps: Int64, active: Bools) -> Int64:
        m = np.clip(np.where(active, steps, -1 - steps), 0, self.levels - 1)
        return bounded_states(m, self.levels)

    def margin(self, terms: Terms, s: Int64, a: Int64, known: Bools | None, mu: float) -> None:
        terms.linear(s, mu * self.coefficients)


NO_BIT = -1
ENCODINGS: dict[str, type[Slack]] = {
    "binary": BinarySlack,
    "unary": UnarySlack,
    "reflected": ReflectedSlack,
}


def rosenberg(terms: Terms, x: Int64, y: Int64, q: Int64, weights: Floats) -> None:
    """Add ``weights`` times x y - 2 q (x + y) + 3 q, which is 0 if q = x y and else >= 1."""
    terms.pairs(x, y, weights)
    terms.pairs(q, x, -2 * weights)
    terms.pairs(q, y, -2 * weights)
    terms.linear(q, 3 * weights)
