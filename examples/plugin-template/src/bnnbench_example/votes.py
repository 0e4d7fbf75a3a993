"""Majority votes: rows of random signs, labelled by the sign of their sum."""

from __future__ import annotations

import numpy as np

from bnnbench.errors import DataError
from bnnbench.table import Table


def votes(*, n: int = 9, rows: int = 200, wrong: float = 0.1, seed: int = 0) -> Table:
    """Majority votes of n random signs, some of them wrong.

    Args:
        n: how many vote, an odd number.
        rows: how many rows.
        wrong: share of labels that are turned.
        seed: of the draw.

    Raises:
        DataError: for an even n.
    """
    if n % 2 == 0:
        raise DataError(f"example-votes: n must be odd, got {n}.")
    rng = np.random.default_rng(seed)
    X = 2 * rng.integers(0, 2, (rows, n)) - 1
    turned = rng.random(rows) < wrong
    y = ((X.sum(axis=1) > 0) != turned).astype(np.int64)
    return Table(X, y, classes=("minus", "plus"))


votes.__dict__["name"] = "example-votes"
