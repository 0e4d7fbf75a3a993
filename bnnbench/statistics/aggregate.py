"""Averages that say what they rest on.

Censored times: a run stopped at its limit took at least that long. A median needs only their order,
so they count as later than all that finished (:func:`time_median`); a mean needs a number, and
PAR10 takes ten times the limit (:func:`penalised_average`). Ratios are averaged by the geometric
mean alone: an arithmetic mean of ratios depends on which of the two is the denominator (Fleming and
Wallace 1986).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnnbench.statistics.interval import (
    LEVEL,
    Array,
    Interval,
    Numbers,
    bootstrap,
    exponential,
    median_interval,
)


@dataclass(frozen=True)
class Aggregate:
    """One number for many.

    Attributes:
        value: NaN when there was nothing to aggregate; infinite for a median that is censored.
        interval: of the value.
        n: figures that the value rests on, censored ones included.
        censored: how many of them are lower bounds only.
        failed: how many were asked for and gave no figure.
    """

    value: float
    interval: Interval
    n: int
    censored: int = 0
    failed: int = 0


def median(values: Sequence[float | None] | Array, level: float = LEVEL) -> Aggregate:
    """Median with its exact interval; None and NaN count as failed and are left out."""
    kept, failed = _present(values)
    if not len(kept):
        return Aggregate(math.nan, Interval(level=level), 0, failed=failed)
    value = float(np.median(kept))
    return Aggregate(value, median_interval(kept, level), len(kept), failed=failed)


def time_median(
    seconds: Sequence[float | None] | Array, solved: Sequence[bool], level: float = LEVEL
) -> Aggregate:
    """Median time, infinite when half of the runs or more did not finish.

    Args:
        seconds: shape (n,); None or NaN for a run that failed, which then never finishes.
        solved: whether the time is a time and not a limit.
        level: nominal confidence.
    """
    times = _floats(seconds)
    failed = np.isnan(times)
    done = np.asarray(solved, dtype=bool) & ~failed
    if not len(times):
        return Aggregate(math.nan, Interval(level=level), 0)
    ordered = np.sort(np.where(done, times, math.inf))
    n = len(ordered)
    value = float((ordered[(n - 1) // 2] + ordered[n // 2]) / 2)
    censored = int((~done & ~failed).sum())
    return Aggregate(value, median_interval(ordered, level), n, censored, int(failed.sum()))


def penalised_average(
    seconds: Sequence[float | None] | Array,
    solved: Sequence[bool],
    limits: Numbers,
    level: float = LEVEL,
    *,
    factor: float = 10.0,
) -> Aggregate:
    """PAR: mean time, in which a run that did not finish counts ``factor`` times its limit.

    Args:
        seconds: shape (n,); None or NaN for a run that failed.
        solved: whether the time is a time and not a limit.
        limits: shape (n,), seconds.
        level: of the bootstrap interval.
        factor: 10 for PAR10.
    """
    times = _floats(seconds)
    failed = np.isnan(times)
    done = np.asarray(solved, dtype=bool) & ~failed
    if not len(times):
        return Aggregate(math.nan, Interval(level=level), 0)
    cost = np.where(done, times, factor * np.asarray(limits, dtype=float))
    interval = bootstrap(cost, _mean, level)
    censored = int((~done & ~failed).sum())
    return Aggregate(float(cost.mean()), interval, len(cost), censored, int(failed.sum()))


def shifted_geometric_mean(
    values: Sequence[float | None] | Array,
    shift: float = 1.0,
    level: float = LEVEL,
    *,
    censored: int = 0,
) -> Aggregate:
    """exp(mean(log(v + shift))) - shift, so that tiny values do not decide.

    Args:
        values: at least 0 each; None and NaN count as failed. Times at a limit understate.
        shift: in the unit of the values, above 0 where a value may be 0.
        level: of the bootstrap interval.
        censored: how many of the values are known to be lower bounds.
    """
    kept, failed = _present(values)
    if not len(kept):
        return Aggregate(math.nan, Interval(level=level), 0, censored, failed)
    logs = np.log(kept + shift)
    found = bootstrap(logs, _mean, level)
    value = math.exp(float(logs.mean())) - shift
    interval = Interval(exponential(found.low) - shift, exponential(found.high) - shift, level)
    return Aggregate(value, interval, len(kept), censored, failed)


def geometric_mean(values: Sequence[float | None] | Array, level: float = LEVEL) -> Aggregate:
    """Geometric mean, the only fair average of ratios; values above 0."""
    return shifted_geometric_mean(values, 0.0, level)


def _mean(values: Array) -> Array:
    found: Array = values.mean(axis=-1)
    return found


def _floats(values: Sequence[float | None] | Array) -> Array:
    return np.array([math.nan if v is None else float(v) for v in values], dtype=float)


def _present(values: Sequence[float | None] | Array) -> tuple[Array, int]:
    """Figures that are there, and how many are not."""
    found = _floats(values)
    missing = np.isnan(found)
    return found[~missing], int(missing.sum())
