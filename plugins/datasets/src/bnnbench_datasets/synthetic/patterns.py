"""Bars and stripes: small binary images with two kinds of pattern (datasets.md 6.7, qubo.md 8).

A bars image has constant columns, a stripes image constant rows; blank and full are left out:
2 (2^k - 2) images of k x k pixels.
"""

from __future__ import annotations

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.draws import uniforms


def bars_stripes(*, k: int = 3, flip: float = 0.0, pm1: bool = False, seed: int = 0) -> Table:
    """All bars (0) and stripes (1) of k x k pixels, 0/1; draw from them with ``| sample[n=...]``.

    Args:
        k: side, 2..10.
        flip: probability with which each pixel is inverted; images may then coincide.
        pm1: write -1/+1 instead of 0/1.
        seed: of the flips.

    Raises:
        DataError: for k or flip out of range.
    """
    if not 2 <= k <= 10 or not 0 <= flip <= 1:
        raise DataError(f"bars-stripes: k={k} must lie in 2..10 and flip={flip} in 0..1.")
    lines = np.arange(1, 2**k - 1)[:, None] >> np.arange(k - 1, -1, -1) & 1
    bars = np.repeat(lines[:, None, :], k, axis=1).reshape(-1, k * k)
    stripes = np.repeat(lines[:, :, None], k, axis=2).reshape(-1, k * k)
    X = np.concatenate([bars, stripes])
    X = X ^ (uniforms(seed).random(X.shape) < flip)
    return Table(
        X=(2 * X - 1 if pm1 else X).astype(np.int8),
        y=np.repeat([0, 1], len(lines)),
        classes=("bars", "stripes"),
        features=tuple(f"pixel_{i}_{j}" for i in range(k) for j in range(k)),
        notes={"set": "bars-stripes"},
    )
