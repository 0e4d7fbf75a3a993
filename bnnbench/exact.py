"""Exact integer linear algebra: int64 results whose absence of overflow is proved from the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import NetworkError

Ints = npt.NDArray[np.integer[Any]]
INT64_MAX = 2**63 - 1
_FLOAT64_EXACT = 2**53
_CHUNK = 1 << 22


def column_reach(A: Ints) -> list[int]:
    """Largest absolute value of every column, as Python integers."""
    if A.shape[0] == 0:
        return [0] * A.shape[1]
    low, high = A.min(axis=0).tolist(), A.max(axis=0).tolist()
    return [max(abs(lo), abs(hi)) for lo, hi in zip(low, high, strict=True)]


def product_reach(reach: list[int], W: Ints) -> int:
    """An upper bound on every partial sum of ``A @ W`` for any A with these column reaches."""
    if not reach or W.size == 0:
        return 0
    weights = np.abs(W.astype(object)) if W.dtype.itemsize == 8 else np.abs(W.astype(np.int64))
    largest = int(weights.max())
    quick = sum(reach) * largest
    if quick < _FLOAT64_EXACT:
        return quick
    sums = np.array(reach, dtype=object) @ weights.astype(object)
    return int(max(sums))


def matmul(A: Ints, W: Ints, reach: int) -> npt.NDArray[np.int64]:
    """``A @ W`` exactly: shapes (n, d) and (d, m) give (n, m).

    Args:
        A: left factor.
        W: right factor.
        reach: bound on the absolute value of every partial sum, from :func:`product_reach`. Below
            2**53 the product runs in float64, where it is exact and uses BLAS; below 2**63 in
            int64.

    Raises:
        NetworkError: when the bound does not fit into 64 bits.
    """
    if reach > INT64_MAX:
        raise NetworkError(
            f"A pre-activation could reach {reach:.3g}, beyond exact 64-bit arithmetic."
            " Use fewer decimals for the features or a smaller scale for the weights."
        )
    out = np.empty((A.shape[0], W.shape[1]), dtype=np.int64)
    floats = reach < _FLOAT64_EXACT
    factor = W.astype(np.float64 if floats else np.int64)
    rows = max(1, _CHUNK // max(1, A.shape[1]))
    for start in range(0, A.shape[0], rows):
        block = A[start : start + rows].astype(factor.dtype)
        out[start : start + rows] = block @ factor
    return out
