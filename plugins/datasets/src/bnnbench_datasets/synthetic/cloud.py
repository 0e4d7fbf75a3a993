"""The random data of Kurtz and Bah: two boxes, and coin flips between (datasets.md 6.1).

Point t is a coin point when floor((t + 1) s) > floor(t s): uniform in [-1, 1]^n, with a fair label.
The others alternate: uniform in [0, 10]^n with label 1, uniform in [-10, 0]^n with label 0. The
best possible accuracy is 1 - s / 2 in distribution. The recipe was reconstructed from the authors'
files (bdnn.md A.11), which are other draws of it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import Table
from bnnbench_datasets.draws import uniforms


def kb_random(*, n: int = 10, m: int = 1000, seed: int = 0, noise_share: float = 1 / 3) -> Table:
    """Random points of Kurtz and Bah: m points in n dimensions, 2 classes, a share of coin flips.

    Args:
        n: features.
        m: points; the published sizes (n, m) are (10, 1000) and (100, 200).
        seed: of the draw.
        noise_share: share s of points with a random label, 0..1.

    Raises:
        DataError: for a size below 1 or a share outside 0..1.
    """
    if n < 1 or m < 1 or not 0 <= noise_share <= 1:
        raise DataError(f"kb-random: n={n}, m={m}, noise_share={noise_share} is out of range.")
    share = Fraction(noise_share).limit_denominator(10**6)
    coin = np.array([(t + 1) * share // 1 > t * share // 1 for t in range(m)])
    upper = ~coin & (np.cumsum(~coin) % 2 == 1)
    u = uniforms(seed).random((m, n + 1))
    x = u[:, :n]
    X = np.where(upper[:, None], 10 * x, -10 * x)
    X[coin] = 2 * x[coin] - 1
    y = np.where(coin, u[:, n] >= 0.5, upper).astype(np.int64)
    return Table(X=X, y=y, classes=("0", "1"), notes={"set": "kb-random"})
