"""Pareto fronts: points that no other point beats in everything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnbench.statistics.interval import Array


def pareto_front(points: Array, lower_is_better: Sequence[bool] | None = None) -> tuple[int, ...]:
    """Indices of the points that are not dominated, in order of the first coordinate.

    A point dominates another when it is nowhere worse and somewhere better; so equal points stay
    together. O(n^2 d) time, O(n d) memory.

    Args:
        points: shape (n, d); points with a NaN are on no front.
        lower_is_better: per coordinate; all by default.
    """
    table = np.asarray(points, dtype=float)
    if not table.size:
        return ()
    signs = np.ones(table.shape[1])
    if lower_is_better is not None:
        signs = np.where(np.asarray(lower_is_better, dtype=bool), 1.0, -1.0)
    cost = table * signs
    kept = [
        i
        for i, mine in enumerate(cost)
        if not np.isnan(mine).any()
        and not ((cost <= mine).all(axis=1) & (cost < mine).any(axis=1)).any()
    ]
    return tuple(sorted(kept, key=lambda i: (float(cost[i, 0]), i)))
