"""Compiled passes over a long vector for :mod:`cut_search`; a few bytes per entry and pass."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]

BLOCK = 64
_exact = numba.njit(cache=True, error_model="numpy", nogil=True)
# Sums may be taken in any order, which lets them run in vector registers; nothing else is loosened.
_sums = numba.njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "nsz"})


@_exact
def histogram(
    w: Floats, low: float, factor: float, counts: npt.NDArray[np.int64], totals: Float64
) -> None:
    """Entries and sums of ``w - low`` by equal bins of descending value."""
    top = len(counts) - 0.25
    for i in range(len(w)):
        above = np.float64(w[i]) - low
        j = np.uint64(top - above * factor)
        counts[j] += 1
        totals[j] += above


@_exact
def explained_by(total: float, k: float, n: int) -> float:
    """E of a cut with k entries above that sum to T; 0 at both ends."""
    return n * total * total / (k * (n - k)) if 0 < k < n else 0.0


@_exact
def bounds(
    counts: npt.NDArray[np.int64],
    totals: Float64,
    factor: float,
    mean: float,
    around: tuple[int, int, float, float],
    sizes: npt.NDArray[np.int64],
    sums: Float64,
    gains: Float64,
    most: Float64,
) -> None:
    """What :mod:`cut_search` says of bins.

    Args:
        counts: entries per bin.
        totals: sums of ``w - low`` per bin.
        factor: bins per unit of value.
        mean: mu - low.
        around: all entries, those above the first bin, and T above the first and below the last.
        sizes: becomes the entries above bin j.
        sums: becomes T at these sizes.
        gains: becomes E at these sizes.
        most: becomes at least E(k) for every k of a bin, its edges included.
    """
    bins = len(counts)
    n, sizes[0], sums[0], after = around
    for j in range(bins):
        sizes[j + 1] = int(sizes[j] + counts[j])
        sums[j + 1] = sums[j] + (totals[j] - counts[j] * mean)
    for j in range(bins, 0, -1):
        # summed from the nearer end, a short sum keeps its digits
        if 2 * sizes[j] > n:
            sums[j] = after
        after -= totals[j - 1] - counts[j - 1] * mean
    for j in range(bins + 1):
        gains[j] = explained_by(sums[j], sizes[j], n)
    for j in range(bins):
        # slopes of the two lines, with room for what rounding puts into the wrong bin
        upper = (bins - 0.249 - j) / factor - mean
        lower = (bins - 1.251 - j) / factor - mean
        meeting = (sums[j + 1] - sums[j] - counts[j] * lower) / (upper - lower)
        meeting = min(max(meeting, 0.0), float(counts[j]))
        met = explained_by(sums[j] + meeting * upper, sizes[j] + meeting, n)
        most[j] = max(gains[j], gains[j + 1], met)


@_exact
def gather(w: Floats, low: float, factor: float, bins: tuple[int, int, int], into: Float64) -> None:
    """Entries of adjacent bins in their order, as many as ``into`` holds.

    Args:
        w: all entries.
        low: as for :func:`histogram`.
        factor: the same.
        bins: the first and the last bin, and how many there are.
        into: what to fill.
    """
    first, last, count = bins
    top, place = count - 0.25, 0
    # a little more than the values of these bins, which a product that rounds has found
    middle = (top - (first + last + 1) / 2) / factor
    reach = ((last - first + 1) / 2 + 0.001) / factor
    for start in range(0, len(w), BLOCK):
        block = w[start : start + BLOCK]
        # most blocks hold none, which vector registers find out
        if _near(block, low, middle, reach) == 0:
            continue
        for i in range(len(block)):
            above = np.float64(block[i]) - low
            if abs(above - middle) <= reach and first <= np.uint64(top - above * factor) <= last:
                into[place] = block[i]
                place += 1


@numba.njit(error_model="numpy", inline="always")
def _near(block: Floats, low: float, middle: float, reach: float) -> int:
    found = 0
    if len(block) == BLOCK:
        for i in range(BLOCK):
            found += int(abs((np.float64(block[i]) - low) - middle) <= reach)
        return found
    return 1


@_sums
def split(
    w: Floats,
    lowest: float,
    centres: tuple[float, float],
    turned: bool,
    mask: npt.NDArray[np.bool_],
) -> tuple[int, float, float, float]:
    """Mask the entries from ``lowest`` on, or with ``turned`` the others.

    Returns:
        How many are at least ``lowest``; the sums of their differences to the first centre and of
        the others' to the second; the sum of all squared differences.
    """
    upper, lower = centres
    count, over, under, squares = 0, 0.0, 0.0, 0.0
    for i in range(len(w)):
        inside = w[i] >= lowest
        mask[i] = inside != turned
        short = np.float64(w[i]) - (upper if inside else lower)
        count += inside
        over += short if inside else 0.0
        under += 0.0 if inside else short
        squares += short * short
    return count, over, under, squares


@_sums
def masked_sums(w: Floats, mask: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Sums of the entries under the mask and of the others."""
    total, others = 0.0, 0.0
    for i in range(len(w)):
        value, inside = np.float64(w[i]), np.float64(mask[i])
        total += value * inside
        others += value * (1.0 - inside)
    return total, others


@_sums
def squared_distance(w: Floats, mask: npt.NDArray[np.bool_], alpha: float, beta: float) -> float:
    """Sum of squared differences from beta under the mask and alpha elsewhere."""
    total = 0.0
    for i in range(len(w)):
        short = np.float64(w[i]) - (beta if mask[i] else alpha)
        total += short * short
    return total
