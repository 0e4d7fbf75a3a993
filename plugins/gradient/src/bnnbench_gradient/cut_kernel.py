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
    """Entries and sums of ``w - low`` by equal bins of descending value."""
    top = len(counts) - 0.25
    for i in range(len(w)):
        above = np.float64(w[i]) - low
        j = np.uint64(top - above * factor)
        counts[j] += 1
        totals[j] += above


@_exact
def gather(
    w: Floats, low: float, factor: float, wanted: npt.NDArray[np.bool_], into: Float64
) -> None:
    """Entries of the wanted bins, in their order, as many as ``into`` holds."""
    top = len(wanted) - 0.25
    place = 0
    for i in range(len(w)):
        j = np.uint64(top - (np.float64(w[i]) - low) * factor)
        if wanted[j]:
            into[place] = w[i]
            place += 1


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
