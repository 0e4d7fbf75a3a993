"""Accuracy against time: every method's medians on a problem, and the front that nobody beats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnbench.report import estimates
from bnnbench.report.charts import base
from bnnbench.report.columns import columns
from bnnbench.report.runs import Run, Runs
from bnnbench.statistics import Aggregate, pareto_front

if TYPE_CHECKING:
    import altair as alt

KEYS = (
    *("problem", "method", "time", "time_low", "time_high", "accuracy", "low", "high"),
    *("n", "failed", "level", "front", "reference", "part"),
)


def make(runs: Runs) -> base.Chart:
    """The chart of a report."""
    rows = [row for problem, methods in runs.by_problem.items() for row in _rows(problem, methods)]
    return base.Chart(
        name="pareto",
        title="Accuracy against time",
        about=(
            "Each mark is the median of a method over its seeds: wall seconds of build and solve,"
            " accuracy by argmax (ties as 1/k) on the test rows, or on the training rows where the"
            " data have no test rows. Bars are intervals of the medians: 95 % for six runs or"
            " more, the range of all runs below. The step line joins the methods that no other"
            " method of the class beats in both (the Pareto front); references are off it. Runs"
            " without a network count as worse than all others; a method that failed on half of"
            " its runs has no mark."
        ),
        scope=base.Scope.PROBLEM,
        rows=columns(rows, KEYS),
        spec=_spec,
        note=_note(runs, rows),
    )


def _rows(problem: str, methods: dict[str, list[Run]]) -> list[dict[str, Any]]:
    tested = any(run.part("test") for group in methods.values() for run in group)
    part = "test" if tested else "train"
    figures = [
        (method, estimates.seconds(group), estimates.accuracy(group, part))
        for method, group in methods.items()
    ]
    kept = [f for f in figures if math.isfinite(f[1].value) and math.isfinite(f[2].value)]
    outside = {m for m, group in methods.items() if group[0].record.reference}
    points = np.array([(t.value, math.nan if m in outside else a.value) for m, t, a in kept])
    front = set(pareto_front(points.reshape(-1, 2), (True, False)))
    return [
        _row(problem, method, time, accuracy)
        | {"front": int(i in front), "reference": int(method in outside)}
        | {"part": part}
        for i, (method, time, accuracy) in enumerate(kept)
    ]


def _row(problem: str, method: str, time: Aggregate, accuracy: Aggregate) -> dict[str, Any]:
    return {
        "problem": problem,
        "method": method,
        "time": max(time.value, 1e-3),
        "time_low": max(time.interval.low, 1e-3),
        "time_high": time.interval.high if math.isfinite(time.interval.high) else None,
        "accuracy": 100 * accuracy.value,
        "low": max(0.0, 100 * accuracy.interval.low),
        "high": min(100.0, 100 * accuracy.interval.high),
        "n": accuracy.n,
        "failed": accuracy.failed,
        "level": round(100 * accuracy.interval.level),
    }


def _note(runs: Runs, rows: list[dict[str, Any]]) -> str:
    missing = len(runs.groups) - len(rows)
    failed = f"; {missing} have no mark, for they failed on half of their runs" if missing else ""
    return f"{len(rows)} of {len(runs.groups)} pairs of problem and method are drawn{failed}."


def _spec() -> alt.TopLevelMixin:
    import altair as alt

    x = alt.X("time:Q", title="seconds of build and solve", scale=alt.Scale(type="log", nice=False))
    y = alt.Y("accuracy:Q", title="accuracy, %", scale=alt.Scale(zero=False))
    chart = alt.Chart(base.rows())
    front = (
        chart.transform_filter("datum.front")
        .mark_line(interpolate="step-after", color="currentColor", opacity=0.4, strokeDash=[3, 3])
        .encode(x=x, y=y)
    )
    rule = chart.mark_rule(opacity=0.6)
    across = rule.encode(x="time_low:Q", x2="time_high:Q", y=y, color=base.colour())
    up = rule.encode(x=x, y="low:Q", y2="high:Q", color=base.colour())
    marks = chart.mark_point(filled=True, size=110, opacity=1).encode(
        x=x,
        y=y,
        color=base.colour(),
        shape=base.shape(),
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("accuracy:Q", title="accuracy, %", format=".2f"),
            alt.Tooltip("low:Q", title="from", format=".2f"),
            alt.Tooltip("high:Q", title="to", format=".2f"),
            alt.Tooltip("part:N", title="rows"),
            alt.Tooltip("time:Q", title="seconds", format=".3g"),
            alt.Tooltip("n:Q", title="runs"),
            alt.Tooltip("failed:Q", title="without a network"),
            alt.Tooltip("level:Q", title="interval, %"),
        ],
    )
    return alt.layer(front, across, up, marks).properties(width="container", height=340)
