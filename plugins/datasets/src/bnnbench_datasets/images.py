"""Shrinking square images by area, exactly (datasets.md section 4).

A k x k image of an s x s one has cells that overlap pixels by fractions; in units of 1/k pixel

    v_ij = sum_pq w_ip w_jq x_pq,   w_ip = |[s i, s (i+1)) and [k p, k (p+1))|,

is an integer and ``v_ij / s**2`` the mean of the cell. Two matrix products: O(n k s (s + k)).
"""

from __future__ import annotations

from dataclasses import replace
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.errors import DataError
from bnnbench.table import Table


def downscale(table: Table, *, k: int) -> Table:
    """Average square images down to k x k; integers stay integers, over scale * s**2.

    Args:
        table: one s x s image per row, row-major, shape (n, s**2).
        k: new side, 1..s.

    Raises:
        DataError: when the images are not square, or k does not lie in 1..s.
    """
    side = isqrt(table.X.shape[1])
    if side * side != table.X.shape[1]:
        raise DataError(f"downscale: {table.X.shape[1]} features are not a square image.")
    if not 1 <= k <= side:
        raise DataError(f"downscale: k must lie in 1..{side}, got {k}.")
    exact = np.issubdtype(table.X.dtype, np.integer)
    weights = overlap(side, k)
    images = table.X.reshape(-1, side, side).astype(np.int64 if exact else np.float64)
    X = (weights @ images @ weights.T).reshape(-1, k * k)
    names = tuple(f"pixel_{i}_{j}" for i in range(k) for j in range(k)) if table.features else ()
    if exact:
        return replace(table, X=X, scale=table.scale * side**2, features=names)
    return replace(table, X=X / side**2, features=names)


def overlap(side: int, k: int) -> npt.NDArray[np.int64]:
    """w_ip, the length that cell i and pixel p share, in 1/k pixels: shape (k, side)."""
    cell, pixel = side * np.arange(k)[:, None], k * np.arange(side)[None, :]
    shared: npt.NDArray[Any] = np.minimum(cell + side, pixel + k) - np.maximum(cell, pixel)
    return np.asarray(np.maximum(shared, 0), dtype=np.int64)
