"""The best cut of a long vector without sorting it (sbnn.md A.4.2, bounds of this project).

With k the number of entries above a cut, T_k the sum of the k largest of w - mu is concave in k and
``E(k) = n T_k^2 / (k (n - k))`` is to be maximised (see :mod:`closed_form`). Counts and sums in
equal bins give E at every bin's edge. Inside a bin T lies below two lines, from its upper end with
the bin's largest possible value as slope and from its lower end with the least. The square of such
a line over the concave k (n - k) is quasi-convex, so E is at most the largest of its values at both
ends and where the lines meet. Only bins whose bound reaches the best edge are sorted, or divided
again where they hold many entries, as they do beside outliers; all maximisers are found.
Complexity: O(n) plus sorting what remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
BINS, FEW = 4096, 64
TIE, SMALL = 1e-12, 1e-290
_NONE = np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)


@dataclass(frozen=True, eq=False)
class Cuts:
    """Cuts that explain the most, up to ties.

    Attributes:
        sizes: numbers of entries above them.
        lowest: least entry above each.
        upper: mean of the entries above each, up to rounding.
        lower: mean of the others.
    """

    sizes: Int64
    lowest: Float64
    upper: Float64
    lower: Float64


@dataclass(frozen=True)
class _Budget:
    """Which cuts are looked for among ``n`` entries; see :func:`best_cuts`."""

    n: int
    most: int
    bottom: bool

    def allows(self, sizes: Int64) -> npt.NDArray[np.bool_]:
        """Which numbers of entries above a cut are allowed."""
        fits: npt.NDArray[np.bool_] = (sizes <= self.most) | (
            self.bottom & (self.n - sizes <= self.most)
        )
        return fits


Found = tuple[Int64, Float64, Float64]
"""Sizes, the least entry above each cut, T."""


@dataclass(frozen=True, eq=False)
class _Bins:
    """Entries by bins of descending value, relative to their least value ``low``.

    Attributes:
        w: the entries, all or those of a part.
        sizes: entries above bin j, j = 0..BINS.
        sums: T at these sizes.
        gains: E at these sizes.
        bounds: at least E(k) for every k of a bin, its edges included, shape (BINS,).
        low: their least value.
        mean: mu - low.
        factor: bins per unit of value.
    """

    w: Floats
    sizes: Int64
    sums: Float64
    gains: Float64
    bounds: Float64
    low: float
    mean: float
    factor: float

    @classmethod
    def of(
        cls,
        w: Floats,
        low: float,
        high: float,
        around: tuple[int, int, float, float] | None = None,
        mean: float = 0.0,
    ) -> _Bins:
        """Bins of all entries, or of a part with what is ``around`` it (see the kernel) and mu."""
        from bnnbench_gradient import cut_kernel

        factor = (BINS - 0.5) / (high - low)
        counts, totals = np.zeros(BINS, dtype=np.int64), np.zeros(BINS)
        cut_kernel.histogram(w, low, factor, counts, totals)
        if around is None:
            around, mean = (len(w), 0, 0.0, 0.0), float(totals.sum()) / len(w)
        sizes = np.empty(BINS + 1, dtype=np.int64)
        sums, gains, bounds = np.empty(BINS + 1), np.empty(BINS + 1), np.empty(BINS)
        cut_kernel.bounds(counts, totals, factor, mean, around, sizes, sums, gains, bounds)
        return cls(w, sizes, sums, gains, bounds, low, mean, factor)

    def best(self, budget: _Budget, floor: float = 0.0) -> Found | None:
        """Every size that may explain ``floor`` and the most of this part, and some more.

        None when many bins remain.
        """
        floor = max(floor, float(self.gains[budget.allows(self.sizes)].max(initial=0.0)))
        above, below = self.sizes[:-1], self.sizes[1:]
        reached = (above <= budget.most) | (budget.bottom & (budget.n - below <= budget.most))
        promising = self.bounds >= floor * (1 - TIE)
        left = np.flatnonzero(promising & reached & (below > above))
        if len(left) > FEW:
            return None
        runs = np.split(left, np.flatnonzero(np.diff(left) > 1) + 1) if len(left) else []
        found = [self._run(int(run[0]), int(run[-1]), budget, floor) for run in runs]
        sizes, lowest, sums = zip(_NONE, *found, strict=True)
        return np.concatenate(sizes), np.concatenate(lowest), np.concatenate(sums)

    def _run(self, first: int, last: int, budget: _Budget, floor: float) -> Found:
        """The same of adjacent bins, through finer ones where that saves sorting."""
        from bnnbench_gradient.cut_kernel import gather

        before, after = int(self.sizes[first]), int(self.sizes[last + 1])
        entries = np.empty(after - before)
        gather(self.w, self.low, self.factor, (first, last, BINS), entries)
        low, high = float(entries.min()), float(entries.max())
        if len(entries) > BINS and high - low > SMALL:
            ends = float(self.sums[first]), float(self.sums[last + 1])
            around = (budget.n, before, *ends)
            finer = _Bins.of(entries, low, high, around, self.mean - (low - self.low))
            found = finer.best(budget, floor)
            if found is not None:
                return found
        entries = np.sort(entries)[::-1]
        centred = (entries - self.low) - self.mean
        if 2 * after <= budget.n:
            sums = self.sums[first] + np.cumsum(centred)
        else:
            sums = self.sums[last + 1] - (np.cumsum(centred[::-1])[::-1] - centred)
        return np.arange(before + 1, after + 1), entries, sums


def best_cuts(w: Floats, extremes: tuple[float, float], most: int, bottom: bool) -> Cuts | None:
    """The cuts with the largest E among those with at most ``most`` entries above.

    Args:
        w: finite entries that are not all equal, at least three.
        extremes: the least and the largest of them.
        most: allowed entries above the cut.
        bottom: whether at most that many entries below are allowed as well.

    Returns:
        None when so many bins remain that sorting everything is quicker, or for a range of values
        that floating point cannot divide.
    """
    low, high = extremes
    if not SMALL < high - low < 1 / SMALL:
        return None
    budget, bins = _Budget(len(w), most, bottom), _Bins.of(w, low, high)
    found = bins.best(budget)
    if found is None or not len(found[0]):
        return None
    sizes, lowest, sums = found
    gains = np.where(budget.allows(sizes), explained_by(sums, sizes, len(w)), -1.0)
    chosen = np.flatnonzero(gains >= gains.max() * (1 - TIE))
    above, sums, mean = sizes[chosen], sums[chosen], low + bins.mean
    upper, lower = mean + sums / above, mean - sums / np.maximum(len(w) - above, 1)
    return Cuts(above, lowest[chosen], upper, lower)


def explained_by(sums: Float64, k: Int64, n: int) -> Float64:
    """E of cuts with k entries above that sum to T; 0 at both ends."""
    inner = (k > 0) & (k < n)
    safe = np.where(inner, k, 1.0)
    gains: Float64 = np.where(inner, n * np.square(sums) / (safe * (n - safe)), 0.0)
    return gains
