"""Medians over seeds as the report states them: value, interval, n, and how many failed.

A run without a feasible network has no objective, but it was asked for one: it counts as worse than
all others, so that a method cannot win by failing. The interval is exact (order statistics). For
fewer than six runs no such interval has 95 %; the range of all runs is given instead, which covers
the median with probability 1 - 2^(1 - n), and says so by its level.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from bnnbench.report.runs import Run
from bnnbench.statistics import Aggregate, Interval, median_interval

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
FEWEST = 6
"""Runs from which on the exact interval of a median has 95 %."""


def median(values: Iterable[float | None], *, worst: float = math.inf) -> Aggregate:
    """Median and interval; None and NaN count as failed and as the worst value there is.

    Args:
        values: a figure per run.
        worst: infinite for what is minimised, minus infinite for what is maximised.
    """
    figures = [math.nan if v is None else float(v) for v in values]
    n, failed = len(figures), sum(math.isnan(v) for v in figures)
    if not n:
        return Aggregate(math.nan, Interval(), 0)
    ordered = sorted(worst if math.isnan(v) else v for v in figures)
    value = middle(np.array(ordered))
    level = LEVEL if n >= FEWEST else range_level(n)
    interval = Interval(ordered[rank(n)], ordered[n - 1 - rank(n)], level)
    return Aggregate(value, interval, n, failed=failed)


def middle(ordered: Floats) -> float:
    """Median of ordered values, which may be infinite."""
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return low if low == high else (low + high) / 2


def range_level(n: int) -> float:
    """Probability that the range of n values covers their median; 0 for one value."""
    return 1 - 2.0 ** (1 - n)


@cache
def rank(n: int) -> int:
    """0-based order statistic at which the interval of a median of n values begins."""
    if n < FEWEST:
        return 0
    return round(median_interval(range(n), LEVEL).low)


def objective(runs: Iterable[Run]) -> Aggregate:
    """Median verified objective; runs without a network are worse than all others."""
    return median(r.objective for r in runs)


def accuracy(runs: Iterable[Run], part: str = "test") -> Aggregate:
    """Median accuracy by argmax on a part; runs without a network are worse than all others."""
    return median((r.accuracy(part) for r in runs), worst=-math.inf)


def seconds(runs: Iterable[Run]) -> Aggregate:
    """Median seconds of build and solve of runs that hold a network."""
    return median(r.seconds if r.held else None for r in runs)


def solving(runs: Iterable[Run]) -> Aggregate:
    """Median seconds to solve; runs that did not are censored, not averaged."""
    times = [r.seconds_to_solve for r in runs]
    found = median(times)
    censored = sum(math.isinf(t) for t in times)
    return Aggregate(found.value, found.interval, found.n, censored=censored)


def gap(runs: Iterable[Run]) -> Aggregate:
    """Median absolute gap to the best bound anybody proved."""
    return median(r.gap.absolute for r in runs)
