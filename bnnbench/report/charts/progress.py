"""Objective and gap over time: the median over seeds of what each method held at a moment."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnbench.metrics import TracePoint
from bnnbench.report.charts import base, curves
from bnnbench.report.columns import columns
from bnnbench.report.estimates import Floats, rank
from bnnbench.report.runs import Run, Runs

if TYPE_CHECKING:
    import altair as alt

POINTS = 24
KEYS = ("problem", "method", "time", "value", "low", "high", "n", "held")
ABOUT = (
    "At every moment the median over all seeds of the method, runs that hold nothing yet counting"
    " as worse than all others; so a line begins when half of the runs hold a verified network."
    " The band is the interval of that median: 95 % for six runs or more, the range of all runs"
    " below. Incumbents are verified ones; time counts from the start of building."
)
Measure = Callable[[Run, float], float]


def make_objective(runs: Runs) -> base.Chart:
    """Objective over time."""
    return _chart(
        runs,
        "objective-over-time",
        "Objective over time",
        "verified objective, less is better",
        ABOUT,
        lambda run, value: value,
    )


def make_gap(runs: Runs) -> base.Chart:
    """Gap over time, to the best bound known at the end."""
    about = (
        " The gap is the distance to the best bound that anybody had proved at the end, in units"
        " of the objective: 0 is a proved optimum."
    )
    return _chart(
        runs, "gap-over-time", "Gap over time", "absolute gap, less is better", ABOUT + about, _gap
    )


def _gap(run: Run, value: float) -> float:
    bound = run.known.bound if run.known else None
    return math.nan if bound is None else max(0.0, value - bound)


def _chart(
    runs: Runs, name: str, title: str, axis: str, about: str, measure: Measure
) -> base.Chart:
    rows: list[dict[str, Any]] = []
    traced = 0
    for (problem, method), group in runs.groups.items():
        if not group[0].record.reference and any(run.trace for run in group):
            found = curve(group, measure)
            traced += bool(found)
            rows += [{"problem": problem, "method": method, **row} for row in found]
    own = sum(not g[0].record.reference for g in runs.groups.values())
    return base.Chart(
        name=name,
        title=title,
        about=about,
        scope=base.Scope.PROBLEM,
        rows=columns(rows, KEYS),
        spec=lambda: _spec(axis),
        note=f"{traced} of {own} pairs of problem and method have enough traces for a line.",
    )


def curve(group: list[Run], measure: Measure) -> list[dict[str, Any]]:
    """Median and interval over time of all runs of a method on a problem."""
    limit = max(run.cell.limits.time for run in group)
    starts = [p.time for run in group for p in run.trace if p.objective is not None]
    if not starts:
        return []
    begin = max(min(starts), 1e-3)
    end = max(limit, max(starts), begin * 1.001)
    grid = np.geomspace(begin, end, POINTS)
    table = np.sort(np.array([_held(run, grid, measure) for run in group]), axis=0)
    n, k = len(group), rank(len(group))
    middle, low, high = _middles(table), table[k], table[n - 1 - k]
    return [
        {
            "time": float(t),
            "value": float(middle[i]),
            "low": float(low[i]),
            "high": float(high[i]) if math.isfinite(high[i]) else float(middle[i]),
            "n": n,
            "held": int(np.isfinite(table[:, i]).sum()),
        }
        for i, t in enumerate(grid)
        if math.isfinite(middle[i])
    ]


def _middles(table: Floats) -> Floats:
    n = len(table)
    found: Floats = (table[(n - 1) // 2] + table[n // 2]) / 2
    return found


def _held(run: Run, grid: Floats, measure: Measure) -> Floats:
    """What a run held at every moment of the grid; infinite while that is nothing."""
    points = [p for p in run.trace if p.objective is not None]
    if not points:
        return np.full(len(grid), math.inf)
    times = np.array([p.time for p in points])
    values = np.array([_value(run, p, measure) for p in points])
    values = np.minimum.accumulate(np.nan_to_num(values, nan=math.inf, posinf=math.inf))
    at = np.searchsorted(times, grid, side="right")
    return np.concatenate([[math.inf], values])[at]


def _value(run: Run, point: TracePoint, measure: Measure) -> float:
    return math.nan if point.objective is None else measure(run, point.objective)


def _spec(axis: str) -> alt.TopLevelMixin:
    import altair as alt

    return curves.lines(
        alt.X("time:Q", title="seconds", scale=alt.Scale(type="log", nice=False)),
        alt.Y("value:Q", title=axis, scale=alt.Scale(zero=False)),
        [
            alt.Tooltip("time:Q", title="seconds", format=".3g"),
            alt.Tooltip("value:Q", title="median", format=".5g"),
            alt.Tooltip("low:Q", title="from", format=".5g"),
            alt.Tooltip("high:Q", title="to", format=".5g"),
            alt.Tooltip("n:Q", title="runs"),
            alt.Tooltip("held:Q", title="runs that hold a network"),
        ],
        opacity=0.12,
    )
