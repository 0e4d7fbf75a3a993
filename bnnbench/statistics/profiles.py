"""Curves over many runs: empirical distributions of times, performance and data profiles.

Performance profile (Dolan and More 2002): share of problems on which a method's cost is at most tau
times the best method's. Data profile (More and Wild 2009): share of problems solved within alpha (d
+ 1) evaluations, d the dimension. Runs that did not finish count in the denominator and nowhere
else, so a curve ends at the share of what was solved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnnbench.statistics.interval import LEVEL, Array, Numbers


@dataclass(frozen=True)
class Curve:
    """A right-continuous step function: ``y[i]`` from ``x[i]`` on, 0 before ``x[0]``.

    Attributes:
        name: whose it is.
        x: where it steps, ascending.
        y: shares in [0, 1].
        low: simultaneous band, lower side (Dvoretzky, Kiefer, Wolfowitz; Massart 1990).
        high: upper side.
        n: runs, unfinished ones included.
        censored: how many did not finish.
        level: confidence of the band, which holds for independent runs.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: int
    censored: int
    level: float = LEVEL

    def at(self, x: float) -> float:
        """The share at a point; NaN for a curve of no runs."""
        if self.n == 0:
            return math.nan
        below = int(np.searchsorted(self.x, x, side="right"))
        return self.y[below - 1] if below else 0.0


def ecdf(
    values: Sequence[float | None] | Array,
    solved: Sequence[bool] | None = None,
    *,
    name: str = "",
    level: float = LEVEL,
) -> Curve:
    """Share of runs that were done by a time.

    Args:
        values: shape (n,); infinite, NaN or None for a run that never got there.
        solved: whether the time is a time and not a limit; all finite ones by default.
        name: of the curve.
        level: confidence of the band.
    """
    times = np.array([math.inf if v is None else float(v) for v in values], dtype=float)
    done = np.isfinite(times)
    if solved is not None:
        done &= np.asarray(solved, dtype=bool)
    n = len(times)
    x, counts = np.unique(times[done], return_counts=True)
    y = np.cumsum(counts) / max(n, 1)
    width = math.sqrt(math.log(2 / (1 - level)) / (2 * n)) if n else math.inf
    return Curve(
        name=name,
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        low=tuple(np.clip(y - width, 0, 1).tolist()),
        high=tuple(np.clip(y + width, 0, 1).tolist()),
        n=n,
        censored=n - int(done.sum()),
        level=level,
    )


def performance_profile(
    costs: Array, names: Sequence[str], *, shift: float = 0.0, level: float = LEVEL
) -> tuple[Curve, ...]:
    """A curve per method over the ratio tau >= 1 of its cost to the best one.

    Args:
        costs: shape (problems, methods), above 0 after the shift; infinite or NaN for a failure.
            Problems that nobody solved stay in the denominator.
        names: of the methods.
        shift: added to all costs, in their unit.
        level: confidence of the bands.
    """
    table = _costs(costs, len(names)) + shift
    best = table.min(axis=1, initial=math.inf, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(np.isfinite(table), table / best, math.inf)
    # 0 / 0: the best of several costs of nothing.
    ratios = np.where(np.isnan(ratios), 1.0, ratios)
    return tuple(ecdf(ratios[:, j], name=name, level=level) for j, name in enumerate(names))


def data_profile(
    evaluations: Array, dimensions: Numbers, names: Sequence[str], *, level: float = LEVEL
) -> tuple[Curve, ...]:
    """A curve per method over units of d + 1 evaluations ("simplex gradients").

    Args:
        evaluations: shape (problems, methods), evaluations or any other work until a problem was
            solved; infinite or NaN for never. "Solved" is the caller's, for example
            f <= best + tolerance * (start - best).
        dimensions: of the problems, shape (problems,).
        names: of the methods.
        level: confidence of the bands.
    """
    units = _costs(evaluations, len(names)) / (np.asarray(dimensions, dtype=float)[:, None] + 1)
    return tuple(ecdf(units[:, j], name=name, level=level) for j, name in enumerate(names))


def _costs(table: Array, methods: int) -> Array:
    found = np.asarray(table, dtype=float).reshape(-1, methods)
    return np.where(np.isnan(found), math.inf, found)
