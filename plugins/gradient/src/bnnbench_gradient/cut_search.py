"""The best cut of a long vector without sorting it (sbnn.md A.4.2, bounds of this project).

With k the number of entries above a cut, T_k the sum of the k largest of w - mu is concave in k and
``E(k) = n T_k^2 / (k (n - k))`` is to be maximised (see :mod:`closed_form`). Counts and sums in
equal bins give E at every bin's edge. Inside a bin T lies below two
lines, from its upper end with the bin's largest possible value as slope and from its lower end with
the least. A square of such a line over the concave k (n - k) is quasi-convex, so E is at most the
largest of its values at both ends and where the lines meet. Only bins whose bound reaches the best
edge are sorted; all maximisers are found.
Few bins remain unless outliers put most entries into one.
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
BINS = 2048
TIE, SMALL = 1e-12, 1e-290


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


@dataclass(frozen=True, eq=False)
class _Bins:
    """Entries by bins of descending value, relative to their least value ``low``.

    Attributes:
        sizes: entries in the first j bins, j = 0..BINS.
        sums: T at these sizes.
        gains: E at these sizes.
        bounds: at least E(k) for every k of a bin, its edges included, shape (BINS,).
        mean: mu - low.
        factor: bins per unit of value.
    """

    sizes: Int64
    sums: Float64
    gains: Float64
    bounds: Float64
    low: float
    mean: float
    factor: float

    @classmethod
    def of(cls, w: Floats, low: float, high: float) -> _Bins:
        from bnnbench_gradient import cut_kernel

        factor = (BINS - 0.5) / (high - low)
        counts, totals = np.zeros(BINS, dtype=np.int64), np.zeros(BINS)
        cut_kernel.histogram(w, low, factor, counts, totals)
        sizes = np.empty(BINS + 1, dtype=np.int64)
        sums, gains, bounds = np.empty(BINS + 1), np.empty(BINS + 1), np.empty(BINS)
        mean = cut_kernel.bounds(counts, totals, factor, sizes, sums, gains, bounds)
        return cls(sizes, sums, gains, bounds, low, mean, factor)

    def refined(self, w: Floats, bins: Int64) -> tuple[Int64, Float64, Float64]:
        """Every size in these bins, with the least entry above the cut and T."""
        runs = np.split(bins, np.flatnonzero(np.diff(bins) > 1) + 1)
        found = [self._run(w, int(run[0]), int(run[-1])) for run in runs]
        sizes, lowest, sums = zip(*found, strict=True)
        return np.concatenate(sizes), np.concatenate(lowest), np.concatenate(sums)

    def _run(self, w: Floats, first: int, last: int) -> tuple[Int64, Float64, Float64]:
        from bnnbench_gradient.cut_kernel import gather

        before, after = int(self.sizes[first]), int(self.sizes[last + 1])
        entries = np.empty(after - before)
        gather(w, self.low, self.factor, (first, last, BINS), entries)
        entries = np.sort(entries)[::-1]
        centred = (entries - self.low) - self.mean
        if 2 * after <= len(w):
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
    n, bins = len(w), _Bins.of(w, low, high)
    inside = allowed(bins.sizes, n, most, bottom)
    floor = bins.gains[inside].max(initial=0.0) * (1 - TIE)
    reached = (bins.sizes[:-1] <= most) | (bottom & (bins.sizes[1:] >= n - most))
    left = np.flatnonzero((bins.bounds >= floor) & reached & (np.diff(bins.sizes) > 0))
    if not 0 < len(left) <= BINS // 64 or np.diff(bins.sizes)[left].sum() > n // 4:
        return None
    sizes, lowest, sums = bins.refined(w, left)
    gains = np.where(allowed(sizes, n, most, bottom), explained_by(sums, sizes, n), -1.0)
    chosen = np.flatnonzero(gains >= gains.max() * (1 - TIE))
    above, sums, mean = sizes[chosen], sums[chosen], bins.low + bins.mean
    upper, lower = mean + sums / above, mean - sums / np.maximum(n - above, 1)
    return Cuts(above, lowest[chosen], upper, lower)


def allowed(sizes: Int64, n: int, most: int, bottom: bool) -> npt.NDArray[np.bool_]:
    """Which numbers of entries above a cut are allowed."""
    fits: npt.NDArray[np.bool_] = (sizes <= most) | (bottom & (n - sizes <= most))
    return fits


def explained_by(sums: Float64, k: Int64, n: int) -> Float64:
    """E of cuts with k entries above that sum to T; 0 at both ends."""
    inner = (k > 0) & (k < n)
    safe = np.where(inner, k, 1.0)
    gains: Float64 = np.where(inner, n * np.square(sums) / (safe * (n - safe)), 0.0)
    return gains
