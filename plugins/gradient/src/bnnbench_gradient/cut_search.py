"""The best cut of a long vector without sorting it (sbnn.md A.4.2, bounds of this project).

With k the number of entries above a cut, T_k the sum of the k largest of w - mu is concave in k and
``E(k) = n T_k^2 / (k (n - k))`` is to be maximised (see :mod:`closed_form`). Counts and sums in
equal bins give E at every bin's edge. Inside a bin of c entries and width h, T lies at most c h / 4
above its chord, and (chord + c h / 4)^2 over the concave k (n - k) is quasi-convex, so the larger
of its two ends bounds E. Only bins whose bound reaches the best edge are sorted; all maximisers are
found. Few bins remain unless outliers put most entries into one.
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
    """

    sizes: Int64
    lowest: Float64


@dataclass(frozen=True, eq=False)
class _Bins:
    """Entries by bins of descending value, relative to their least value ``low``.

    Attributes:
        sizes: entries in the first j bins, j = 0..BINS.
        sums: T at these sizes.
        mean: mu - low.
        factor: bins per unit of value.
    """

    sizes: Int64
    sums: Float64
    low: float
    mean: float
    factor: float

    @classmethod
    def of(cls, w: Floats, low: float, high: float) -> _Bins:
        from bnnbench_gradient.cut_kernel import histogram

        factor = (BINS - 0.5) / (high - low)
        counts, totals = np.zeros(BINS, dtype=np.int64), np.zeros(BINS)
        histogram(w, low, factor, counts, totals)
        mean = float(totals.sum()) / len(w)
        centred = totals - counts * mean
        sizes = np.concatenate([[0], np.cumsum(counts)])
        forward = np.concatenate([[0.0], np.cumsum(centred)])
        backward = np.concatenate([-np.cumsum(centred[::-1])[::-1], [0.0]])
        # summed from the nearer end, a short sum keeps its digits
        sums = np.where(2 * sizes <= len(w), forward, backward)
        return cls(sizes, sums, low, mean, factor)

    @property
    def width(self) -> float:
        """At least the width of a bin, rounding included."""
        return 1.001 / self.factor

    def bounds(self) -> Float64:
        """At least E(k) for every k of a bin, its edges included, shape (BINS,)."""
        n, counts = int(self.sizes[-1]), np.diff(self.sizes)
        slack = counts * self.width / 4
        slope = np.diff(self.sums) / np.maximum(counts, 1)
        best = np.zeros(BINS)
        for ends in (self.sizes[:-1], self.sizes[1:]):
            k = np.clip(ends, 1, n - 1)
            reach = self.sums[:-1] + slope * (k - self.sizes[:-1]) + slack
            best = np.maximum(best, explained_by(reach, k, n))
        return best

    def refined(self, w: Floats, bins: Int64) -> tuple[Int64, Float64, Float64]:
        """Every size in these bins, with the least entry above the cut and T."""
        from bnnbench_gradient.cut_kernel import gather

        wanted = np.zeros(BINS, dtype=np.bool_)
        wanted[bins] = True
        found = np.empty(int(np.diff(self.sizes)[bins].sum()))
        gather(w, self.low, self.factor, wanted, found)
        found = np.sort(found)[::-1]
        sizes, lowest, sums, start = [], [], [], 0
        for j in bins.tolist():
            entries = found[start : start + int(self.sizes[j + 1] - self.sizes[j])]
            start += len(entries)
            sizes.append(self.sizes[j] + np.arange(1, len(entries) + 1))
            lowest.append(entries)
            centred = (entries - self.low) - self.mean
            if 2 * self.sizes[j + 1] <= self.sizes[-1]:
                sums.append(self.sums[j] + np.cumsum(centred))
            else:
                after = np.cumsum(centred[::-1])[::-1] - centred
                sums.append(self.sums[j + 1] - after)
        return np.concatenate(sizes), np.concatenate(lowest), np.concatenate(sums)


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
    floor = explained_by(bins.sums, bins.sizes, n)[inside].max(initial=0.0) * (1 - TIE)
    reached = (bins.sizes[:-1] <= most) | (bottom & (bins.sizes[1:] >= n - most))
    left = np.flatnonzero((bins.bounds() >= floor) & reached & (np.diff(bins.sizes) > 0))
    if not 0 < len(left) <= BINS // 64 or np.diff(bins.sizes)[left].sum() > n // 4:
        return None
    sizes, lowest, sums = bins.refined(w, left)
    gains = np.where(allowed(sizes, n, most, bottom), explained_by(sums, sizes, n), -1.0)
    chosen = gains >= gains.max() * (1 - TIE)
    return Cuts(sizes[chosen], lowest[chosen])


def allowed(sizes: Int64, n: int, most: int, bottom: bool) -> npt.NDArray[np.bool_]:
    """Which numbers of entries above a cut are allowed."""
    fits: npt.NDArray[np.bool_] = (sizes <= most) | (bottom & (n - sizes <= most))
    return fits


def explained_by(sums: Float64, k: Int64, n: int) -> Float64:
    """E of cuts with k entries above that sum to T; 0 at both ends."""
    inner = (k > 0) & (k < n)
    safe = np.where(inner, k, 1).astype(np.float64)
    gains: Float64 = np.where(inner, n * np.square(sums) / (safe * (n - safe)), 0.0)
    return gains
