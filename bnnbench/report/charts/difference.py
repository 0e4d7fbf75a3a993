"""Critical-difference diagram: average ranks over problems, and who cannot be told apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnbench.report import estimates
from bnnbench.report.charts import base
from bnnbench.report.columns import columns
from bnnbench.report.runs import Run, Runs
from bnnbench.statistics import CriticalDifference, critical_difference

if TYPE_CHECKING:
    import altair as alt

KEYS = ("kind", "method", "rank", "low", "high", "row", "first", "last", "n", "failed")
SHARE = 0.5


def make(runs: Runs) -> base.Chart:
    """Ranks by median verified objective."""
    methods, table, note = _scores(runs)
    rows: list[dict[str, Any]] = []
    if len(methods) > 1 and len(table) > 1:
        found = critical_difference(table, methods)
        rows = _rows(found)
        note += _words(found)
    else:
        note += " Ranks need two methods and two problems or seeds at least."
    return base.Chart(
        name="critical-difference",
        title="Critical difference of ranks",
        about=(
            "Average rank of each method by median verified objective over the problems, 1 is best;"
            " a method without a network on half of its runs ranks last there. The rule behind a"
            " mark is a 95 % bootstrap interval of the rank. Methods joined by a bar cannot be told"
            " apart by Nemenyi's test at 5 % (Demsar 2006); the verdict on two methods depends on"
            " which others are there."
        ),
        scope=base.Scope.ALL,
        rows=columns(rows, KEYS),
        spec=_spec,
        note=note,
    )


def _scores(runs: Runs) -> tuple[list[str], Any, str]:
    """Median objectives by problem and method; by seed where there is but one problem."""
    if len(runs.problems) > 1:
        blocks = [
            {m: estimates.objective(g).value for m, g in methods.items()}
            for methods in runs.by_problem.values()
        ]
        kind = "problems"
    else:
        blocks = [
            {m: _objective(run) for m, run in found.items()} for found in runs.instances.values()
        ]
        kind = "seeds of the only problem"
    own = [m for m in runs.methods if m not in runs.references]
    methods = [m for m in own if sum(m in b for b in blocks) >= SHARE * len(blocks)]
    common = [b for b in blocks if all(m in b for m in methods)]
    if not methods or not common:
        return [], np.empty((0, 0)), "No two methods share problems."
    table = np.array([[b[m] for m in methods] for b in common])
    left = f" ({len(own) - len(methods)} methods left out)" if len(own) > len(methods) else ""
    text = f"{len(common)} of {len(blocks)} {kind}, on which all {len(methods)} methods{left} ran."
    return methods, np.where(np.isfinite(table), table, math.nan), text


def _objective(run: Run) -> float:
    return math.inf if run.objective is None else run.objective


def _rows(found: CriticalDifference) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "kind": "method",
            "method": name,
            "rank": rank,
            "low": interval.low,
            "high": interval.high,
            "row": i + 1,
            "n": found.n,
            "failed": failed,
        }
        for i, (name, rank, interval, failed) in enumerate(
            zip(found.names, found.ranks, found.intervals, found.failed, strict=True)
        )
    ]
    place = {name: i for i, name in enumerate(found.names)}
    for clique in found.cliques:
        first, last = place[clique[0]], place[clique[-1]]
        rows.append(
            {"kind": "clique", "rank": found.ranks[first], "high": found.ranks[last]}
            | {"method": clique[0], "first": first + 1, "last": last + 1}
        )
    return rows


def _words(found: CriticalDifference) -> str:
    return (
        f" Friedman's test: chi squared {found.statistic:.3g}, p = {found.p:.2g};"
        f" critical difference {found.distance:.3g} ranks."
    )


def _spec() -> alt.TopLevelMixin:
    import altair as alt

    x = alt.X("rank:Q", title="average rank, 1 is best", scale=alt.Scale(zero=False))
    order = alt.EncodingSortField("row")
    y = alt.Y("method:N", title=None, sort=order, axis=alt.Axis(labelLimit=260))
    chart = alt.Chart(base.rows())
    marks = chart.transform_filter("datum.kind == 'method'")
    rule = marks.mark_rule(opacity=0.6).encode(
        x="low:Q", x2="high:Q", y=y, color=base.colour(legend=None)
    )
    point = marks.mark_point(filled=True, size=120, opacity=1).encode(
        x=x,
        y=y,
        color=base.colour(legend=None),
        shape=base.shape(legend=None),
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("rank:Q", format=".3f"),
            alt.Tooltip("low:Q", title="from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
            alt.Tooltip("n:Q", title="problems"),
            alt.Tooltip("failed:Q", title="without a network"),
        ],
    )
    bars = (
        chart.transform_filter("datum.kind == 'clique'")
        .mark_rule(strokeWidth=5, opacity=0.45, color="currentColor", yOffset=11)
        .encode(x="rank:Q", x2="high:Q", y=y)
    )
    return alt.layer(bars, rule, point).properties(width="container", height=alt.Step(26))
