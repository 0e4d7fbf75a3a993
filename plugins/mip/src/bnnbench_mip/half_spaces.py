"""All half-spaces with few integer weights: best of one, best pair, by complete enumeration.

The sums x w of all weight vectors up to sign are grown feature by feature, an array (vectors x
samples). For one unit, the running sum of signed sample weights in the order of x w gives the
errors of every threshold: O(vectors x samples log samples).

For two units "both fire" is left to solve ("at least one fires" is the same with all signs turned,
since complements of half-spaces are half-spaces). A pair (A, B) costs

    m_A + m_B - |missed by both|  +  |negatives inside both|,

m being the weight of positives outside. To beat an incumbent, each has m below it, and together
they exclude nearly all negatives; what passes these tests is compared in pairs by one matrix
product. Complexity: (candidates)^2 x samples / 2, so a limit on pairs guards it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench_mip.lattice import Int64
from bnnbench_mip.sorted_cuts import SignedWeights
from bnnbench_mip.threshold_form import Firing, ThresholdForm

CHUNK = 1 << 22
"""Numbers that a step holds at once."""
SORTED = 1 << 17
"""Numbers that are sorted at once: few enough to stay in a processor's cache."""


class TooManyError(Exception):
    """There are more candidates than can be compared."""


def vectors(features: int, values: int) -> int:
    """Number of weight vectors."""
    return int(values**features)


def all_sums(X: Int64, values: Int64) -> tuple[npt.NDArray[Any], npt.NDArray[np.int8]]:
    """Sums x w, one of each pair +-w, shape (vectors, rows), and the w, (vectors, features)."""
    largest = int(np.abs(X).sum(axis=1).max(initial=0)) * int(values[-1])
    dtype: Any = np.int8 if largest < 127 else np.int16 if largest < 32767 else np.int64
    positive = values[values > 0]
    sums = np.zeros((1, len(X)), dtype)
    weights = np.zeros((1, X.shape[1]), np.int8)
    zero = 0 in values
    blocks_s, blocks_w = [sums] if zero else [], [weights] if zero else []
    # Vectors whose last nonzero weight is at feature i and positive stand for both signs.
    below_s, below_w = sums, weights
    for i in range(X.shape[1]):
        x = X[:, i].astype(dtype)
        for value in positive:
            w = below_w.copy()
            w[:, i] = value
            if zero or i == X.shape[1] - 1:
                blocks_s.append(below_s + dtype(value) * x)
                blocks_w.append(w)
        if i < X.shape[1] - 1:
            grown = [(below_s + dtype(v) * x, v) for v in values.tolist()]
            below_s = np.concatenate([s for s, _ in grown])
            stacked = []
            for _, v in grown:
                w = below_w.copy()
                w[:, i] = v
                stacked.append(w)
            below_w = np.concatenate(stacked)
    return np.concatenate(blocks_s), np.concatenate(blocks_w)


@dataclass(frozen=True, eq=False)
class HalfSpaces:
    """All weight vectors of a problem in threshold form.

    Attributes:
        form: the samples.
        sums: x w, shape (vectors, samples).
        weights: w, shape (vectors, features).
        stop: asked between steps; True ends the enumeration.
    """

    form: ThresholdForm
    sums: npt.NDArray[Any]
    weights: npt.NDArray[np.int8]
    stop: Callable[[], bool]

    @classmethod
    def of(cls, form: ThresholdForm, stop: Callable[[], bool]) -> HalfSpaces:
        """Enumerate."""
        return cls(form, *all_sums(form.X, form.values), stop)

    def best_one(self) -> Firing | None:
        """The best single half-space; None when stopped."""
        form, net = self.form, None
        best = int(form.weight.sum()) + 1
        carried = SignedWeights.of(np.where(form.positive, form.weight, -form.weight))
        negatives = int(form.weight[~form.positive].sum())
        reach = int(np.abs(form.X).sum(axis=1).max(initial=0)) * int(form.values[-1])
        for first, sums in self._chunks(SORTED):
            for sign in (1, -1):
                if self.stop():
                    return None
                keys = carried.keys(sums if sign > 0 else -sums, reach)
                running = carried.running(keys)
                at = int(running.argmin())
                k, cut = divmod(at, len(form.X))
                low = min(0, int(running.flat[at]))
                if negatives + low < best:
                    best = negatives + low
                    level = carried.sums(keys[k])
                    threshold = int(level[cut]) + 1 if running.flat[at] < 0 else int(level[0])
                    w = sign * self.weights[first + k].astype(np.int64)[:, None]
                    net = Firing(w, np.array([threshold]), 1)
        return net

    def _chunks(self, numbers: int = CHUNK) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        size = max(1, numbers // max(1, self.sums.shape[1]))
        for first in range(0, len(self.sums), size):
            yield first, self.sums[first : first + size]

    def better_pair(self, below: int, most_pairs: int) -> Firing | None:
        """The best two half-spaces that cost less than ``below``; None when there are none.

        Raises:
            TooManyError: when more pairs are left to compare than allowed, or when stopped.
        """
        best, found = below, None
        for turned in (False, True):
            positive = self.form.positive != turned
            pair = _Pairs(self, positive, best).search(most_pairs)
            if pair is None:
                continue
            best, (a, b) = pair
            weights = np.stack([a[0], b[0]], axis=1)
            thresholds = np.array([a[1], b[1]])
            found = Firing(weights, thresholds, 2)
            if turned:
                found = Firing(-weights, 1 - thresholds, 1)
        return found


Half = tuple[Int64, int]
"""Weights and threshold."""


class _Pairs:
    """The search for two half-spaces whose intersection holds the positives."""

    def __init__(self, spaces: HalfSpaces, positive: npt.NDArray[np.bool_], below: int) -> None:
        self.spaces, self.below = spaces, below
        self.weight = spaces.form.weight
        self.positive = positive
        self.negatives = int(self.weight[~positive].sum())

    def search(self, most_pairs: int) -> tuple[int, tuple[Half, Half]] | None:
        """The best pair below the limit, with its cost."""
        excluded, missed = self._all()
        # A and B exclude at least this much together, counting double what both exclude.
        needed = self.negatives - self.below + 1
        if not len(excluded):
            return None
        keep = np.flatnonzero(excluded + int(excluded.max()) >= needed + missed)
        inside, owners = self._distinct(keep)
        return self._compare(inside, owners, most_pairs)

    def _all(self) -> tuple[Int64, Int64]:
        """Weight of negatives outside and of positives outside, per candidate, in order."""
        parts = [(c[2], c[3]) for c in self._candidates()]
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        excluded, missed = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
        return excluded, missed

    def _candidates(self) -> Iterator[tuple[Int64, Int64, Int64, Int64]]:
        """Vectors (with sign), thresholds, negatives outside, positives outside.

        One threshold per set of missed positives: the value of the next positive.
        """
        weight_p, weight_n = self.weight[self.positive], self.weight[~self.positive]
        for first, block in self.spaces._chunks():
            for sign in (1, -1):
                if self.spaces.stop():
                    raise TooManyError
                sums = block.astype(np.int64) * sign
                inner, outer = sums[:, self.positive], sums[:, ~self.positive]
                order = np.argsort(inner, axis=1, kind="stable")
                level = np.take_along_axis(inner, order, 1)
                before = np.cumsum(weight_p[order], axis=1) - weight_p[order]
                new = np.ones(level.shape, dtype=bool)
                new[:, 1:] = level[:, 1:] != level[:, :-1]
                # The weight before the first of equal levels is what is missed.
                k, j = np.nonzero(new & (before < self.below))
                thresholds, missed = level[k, j], before[k, j]
                outside = outer[k] < thresholds[:, None]
                excluded = outside @ weight_n
                signed = np.where(sign > 0, first + k, -1 - first - k)
                yield signed, thresholds, excluded, missed

    def _distinct(self, keep: Int64) -> tuple[npt.NDArray[np.bool_], list[Half]]:
        """Different half-spaces among those kept: insides (count, samples), and who they are."""
        chosen, start = [], 0
        for signed, thresholds, excluded, _ in self._candidates():
            stop = start + len(excluded)
            own = keep[(keep >= start) & (keep < stop)] - start
            chosen.append(np.stack([signed[own], thresholds[own]], axis=1))
            start = stop
        pairs = np.concatenate(chosen)
        vector = np.where(pairs[:, 0] >= 0, pairs[:, 0], -1 - pairs[:, 0])
        sign = np.where(pairs[:, 0] >= 0, 1, -1)
        sums = self.spaces.sums[vector].astype(np.int64) * sign[:, None]
        inside = sums >= pairs[:, 1:]
        _, kept = np.unique(np.packbits(inside, axis=1), axis=0, return_index=True)
        halves = [
            (self.spaces.weights[vector[k]].astype(np.int64) * sign[k], int(pairs[k, 1]))
            for k in kept
        ]
        return inside[kept], halves

    def _compare(
        self, inside: npt.NDArray[np.bool_], owners: list[Half], most_pairs: int
    ) -> tuple[int, tuple[Half, Half]] | None:
        weight = self.weight.astype(np.float32)
        excluded = (~inside[:, ~self.positive]) @ weight[~self.positive]
        missed = (~inside[:, self.positive]) @ weight[self.positive]
        order = np.argsort(-(excluded - missed), kind="stable")
        inside, excluded, missed = inside[order], excluded[order], missed[order]
        needed = self.negatives - self.below + 1
        value = excluded - missed
        reach = np.searchsorted(-value, -(needed - value), side="right")
        if float(np.minimum(reach, np.arange(len(value)) + 1).sum()) > most_pairs:
            raise TooManyError
        both = np.where(self.positive, ~inside, inside).astype(np.float32)
        factors = both * np.where(self.positive, -weight, weight)
        best, at = self.below, None
        step = max(1, CHUNK // max(1, len(order)))
        for start in range(0, len(order), step):
            # Pairs (A, B) with B not after A, where their values together suffice.
            stop = min(start + step, len(order))
            last = min(stop, int(reach[start:stop].max(initial=0)))
            if not last:
                continue
            if self.spaces.stop():
                raise TooManyError
            cost = factors[start:stop] @ both[:last].T
            cost += missed[start:stop, None] + missed[None, :last]
            k = int(cost.argmin())
            if cost.flat[k] < best - 0.5:
                best = round(float(cost.flat[k]))
                a, b = divmod(k, last)
                at = (int(order[start + a]), int(order[b]))
        return None if at is None else (best, (owners[at[0]], owners[at[1]]))
