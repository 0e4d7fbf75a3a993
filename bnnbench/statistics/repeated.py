"""The same measurement taken several times before and several times after: Welch's t-test.

What repetitions are independent of is the spell of the machine: figures of one run share it, and
however many there are, they do not tell a slower program from a slower minute. So one figure per
repetition enters, and the variance between repetitions is what a change is held against, not
assumed equal on both sides (Welch 1947).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnnbench.statistics.distributions import scipy_stats
from bnnbench.statistics.interval import LEVEL, Interval, Numbers, exponential


@dataclass(frozen=True)
class Shift:
    """A change of a mean.

    Attributes:
        value: mean after minus mean before.
        interval: Welch's.
        greater: one-sided p-value of a change upwards.
        less: of one downwards.
        runs: repetitions before and after.
    """

    value: float
    interval: Interval
    greater: float
    less: float
    runs: tuple[int, int]


def shift(before: Numbers, after: Numbers, level: float = LEVEL) -> Shift:
    """Welch's t-test of two independent samples, both directions.

    Without any variance on both sides, as for figures that do not depend on the machine, a change
    is certain and no change is none.

    Args:
        before: at least two finite figures.
        after: the same.
        level: of the interval.

    Raises:
        ValueError: for fewer.
        BnnbenchError: when scipy is not installed.
    """
    a, b = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if min(len(a), len(b)) < 2:
        raise ValueError("Welch's test needs two repetitions on each side")
    runs = (len(a), len(b))
    value = float(b.mean() - a.mean())
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        up, down = float(value <= 0), float(value >= 0)
        return Shift(value, Interval(value, value, level), up, down, runs)
    test = scipy_stats().ttest_ind
    greater = test(b, a, equal_var=False, alternative="greater")
    ends = test(b, a, equal_var=False).confidence_interval(level)
    p = float(greater.pvalue)
    return Shift(value, Interval(float(ends.low), float(ends.high), level), p, 1 - p, runs)


def factor(found: Shift) -> Shift:
    """A shift of means of logarithms as a ratio of geometric means."""
    ends = found.interval
    interval = Interval(exponential(ends.low), exponential(ends.high), ends.level)
    return replace(found, value=exponential(found.value), interval=interval)
