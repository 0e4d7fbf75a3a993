"""Compiled passes over a long vector for :mod:`cut_search`; a few bytes per entry and pass."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]

_exact = numba.njit(cache=True, error_model="numpy", nogil=True)
# Sums may be taken in any order, which lets them run in vector registers; nothing else is loosened.
_sums = numba.njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "nsz"})


@_exact
def histogram(
    w: Floats, low: float, factor: float, counts: npt.NDArray[np.int64], totals: Float64
) -> None:
    """Entries and sums of ``w - low`` by bins of descending value; the outer ones are open."""
    top = len(counts) - 0.25
    for i in range(len(w)):
        above = np.float64(w[i]) - low
        j = np.uint64(min(max(top - above * factor, 0.0), top))
        counts[j] += 1
        totals[j] += above


@_exact
def gather(
    w: Floats,
    low: float,
    factor: float,
    bins: tuple[int, int, int],
    ends: tuple[float, float],
    into: Float64,
) -> None:
    """Entries of adjacent bins in their order, as many as ``into`` holds.

    Args:
        w: all entries.
        low: as for :func:`histogram`.
        factor: the same.
        bins: the first and the last bin, and how many there are.
        ends: the least and the largest ``w - low`` of these bins, or a little beyond.
        into: what to fill.
    """
    first, last, count = bins
    top = count - 0.25
    middle, reach = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    place = 0
    for i in range(len(w)):
        above = np.float64(w[i]) - low
        # one rare branch: a test of either end would be guessed wrong half of the time
        if abs(above - middle) <= reach:
            j = np.uint64(min(max(top - above * factor, 0.0), top))
            if first <= j <= last:
                into[place] = w[i]
                place += 1


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
