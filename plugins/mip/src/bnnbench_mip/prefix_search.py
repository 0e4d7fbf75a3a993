"""One half-space with few errors: depth-first over weights, with a bound from samples alike so far.

When the weights of some features are fixed, samples that agree on all other features keep their
distance in x w whatever comes. So each group of such samples is cut by one threshold of its own at
best, and the errors of the best cuts, added up, bound the errors of every completion. At a leaf
there is one group and the bound is exact. Features are fixed in an order that merges groups early:
the next one is always that without which the fewest groups remain.

All prefixes of a block are bounded at once: samples are kept in the order of their groups, their
keys (group, x w, positives first) are sorted, and running sums of signed weights have their minimum
per group taken. O(samples log samples) per prefix; with b values per weight at most b^features
prefixes, far fewer where features are alike. Limits are raised step by step, each to the least
bound that the one before cut off, so that a search that is stopped has still proved all before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench_mip.lattice import Int64
from bnnbench_mip.sorted_cuts import SignedWeights, narrowest
from bnnbench_mip.threshold_form import Firing, ThresholdForm

BLOCK = 1 << 17
"""Numbers of a block of prefixes: few enough to stay in a processor's cache."""


class StoppedError(Exception):
    """The search was told to stop."""


@dataclass(frozen=True, eq=False)
class _Level:
    """How prefixes that fix the first ``k`` features are bounded.

    Attributes:
        order: samples in the order of their groups.
        base: key of group and class of each, before x w; shape (samples,).
        starts: first sample of every group.
        before: signed weight before every group.
    """

    order: Int64
    base: npt.NDArray[Any]
    starts: Int64
    before: Int64


class PrefixSearch:
    """The search for one half-space; see the module.

    Attributes:
        left: prefixes that it may still look at.
        next_limit: least bound among the prefixes that the last call of :meth:`within` cut off;
            where that found nothing, no half-space has fewer errors.
    """

    def __init__(self, form: ThresholdForm, stop: Callable[[], bool]) -> None:
        self.form, self.stop = form, stop
        self.order = _merging_order(form.X)
        self.X = form.X[:, self.order]
        self.reach = int(np.abs(form.X).sum(axis=1).max(initial=0)) * int(form.values[-1])
        self.signed = np.where(form.positive, form.weight, -form.weight)
        self.carried = SignedWeights.of(self.signed)
        self.negatives = int(form.weight[~form.positive].sum())
        self.levels = self._levels()
        self.left = self.next_limit = 1 << 62
        self._limit = -1
        self._open: list[tuple[npt.NDArray[Any], npt.NDArray[np.int8], int]] = []

    def within(self, limit: int) -> Firing | None:
        """A half-space with at most so many errors beyond the base; None when there is none.

        A search that was stopped goes on where it was when asked for the same limit again.

        Raises:
            StoppedError: when told to stop.
        """
        if limit != self._limit or not self._open:
            root = np.zeros((1, len(self.X)), np.int32)
            self._open = [(root, np.zeros((1, self.X.shape[1]), np.int8), 0)]
            self._limit, self.next_limit = limit, 1 << 62
        while self._open:
            if self.stop() or self.left <= 0:
                raise StoppedError
            self.left -= len(self._open[-1][0]) * len(self.form.values)
            found = self._extend(*self._open.pop(), limit)
            if found is not None:
                self._open = []
                return found
        return None

    def _extend(
        self, sums: npt.NDArray[Any], weights: npt.NDArray[np.int8], k: int, limit: int
    ) -> Firing | None:
        """Fix feature ``k`` of some prefixes; what is within the limit is opened, best on top."""
        grown = [sums + np.int32(v) * self.X[:, k].astype(np.int32) for v in self.values]
        chosen = np.tile(weights, (len(grown), 1))
        chosen[:, k] = np.repeat(self.values, len(weights))
        sums = np.concatenate(grown)
        bounds = self._bounds(sums, k + 1)
        above = bounds > limit
        self.next_limit = min(self.next_limit, int(bounds.min(where=above, initial=1 << 62)))
        keep = np.flatnonzero(~above)
        if not len(keep):
            return None
        keep = keep[np.argsort(bounds[keep], kind="stable")]
        if k + 1 == self.X.shape[1]:
            return self._leaf(sums[keep[0]], chosen[keep[0]])
        size = max(1, BLOCK // (len(self.X) * len(self.form.values)))
        for first in reversed(range(0, len(keep), size)):
            part = keep[first : first + size]
            self._open.append((sums[part], chosen[part], k + 1))
        return None

    @property
    def values(self) -> npt.NDArray[np.int8]:
        """What a weight may be."""
        return self.form.values.astype(np.int8)

    def _bounds(self, sums: npt.NDArray[Any], k: int) -> Int64:
        """Least errors of all completions at best, per prefix."""
        level, carried = self.levels[k], self.carried
        keys = np.left_shift(sums[:, level.order], carried.shift, dtype=level.base.dtype)
        keys += level.base
        keys.sort(axis=1)
        running = carried.running(keys)
        least = np.minimum.reduceat(running, level.starts, axis=1) - level.before
        return np.asarray(self.negatives + np.minimum(least, 0).sum(axis=1), dtype=np.int64)

    def _levels(self) -> list[_Level]:
        """Of all numbers of fixed features; groups by one feature less refine those by more."""
        group, levels = np.zeros(len(self.X), dtype=np.int64), []
        low = self.X.min(axis=0, initial=0)
        spans = self.X.max(axis=0, initial=0) - low + 1
        for k in range(self.X.shape[1], -1, -1):
            if k < self.X.shape[1]:
                code = group * spans[k] + (self.X[:, k] - low[k])
                group = np.unique(code, return_inverse=True)[1].reshape(-1)
            levels.append(self._level(group))
        return levels[::-1]

    def _level(self, group: Int64) -> _Level:
        order = np.argsort(group, kind="stable")
        span, shift = 2 * self.reach + 1, self.carried.shift
        base = (((group * span + self.reach) << shift) + self.carried.low)[order]
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        total = np.concatenate([[0], np.cumsum(self.signed[order])])
        kind = narrowest(int(base.max(initial=0)) + (self.reach << shift))
        return _Level(order, base.astype(kind), starts, total[starts])

    def _leaf(self, sums: npt.NDArray[Any], weights: npt.NDArray[np.int8]) -> Firing:
        order = np.lexsort((-self.signed, sums))
        running = np.concatenate([[0], np.cumsum(self.signed[order])])
        cut = int(running.argmin())
        threshold = int(sums.max()) + 1 if cut == len(sums) else int(sums[order[cut]])
        own = np.zeros((self.X.shape[1], 1), dtype=np.int64)
        own[self.order, 0] = weights
        return Firing(own, np.array([threshold]), 1)


def _merging_order(X: Int64) -> Int64:
    """Features such that what is left always has few distinct rows."""
    rng = np.random.Generator(np.random.PCG64(0))
    # Equal rows have equal keys; that others could too would only change the order.
    parts = X * rng.integers(1, 2**62, X.shape[1], dtype=np.int64)
    left, order = list(range(X.shape[1])), []
    while left:
        rest = parts[:, left].sum(axis=1)[:, None] - parts[:, left]
        rest.sort(axis=0)
        order.append(left.pop(int((np.diff(rest, axis=0) != 0).sum(axis=0).argmin())))
    return np.array(order, dtype=np.int64)
