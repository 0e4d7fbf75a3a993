"""What profiles, ECDFs and progress share: times by instance and method, and step lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnbench.report.charts import base
from bnnbench.report.estimates import Floats
from bnnbench.report.runs import Runs
from bnnbench.statistics import Curve

if TYPE_CHECKING:
    import altair as alt

KEYS = ("method", "x", "y", "low", "high", "n", "censored")
MOST_POINTS = 120
SHARE = 0.5


@dataclass(frozen=True)
class Times:
    """Seconds to solve by instance and method, without gaps.

    Attributes:
        methods: that were run on at least half of the instances.
        seconds: shape (instances, methods); infinite where a run never got there.
        limits: shape (instances,), the longest time limit.
        note: what was taken and what was left out.
    """

    methods: list[str]
    seconds: Floats
    limits: Floats
    note: str


def times(runs: Runs) -> Times:
    """The common instances of all methods that were run on at least half of them."""
    instances = runs.instances
    counts = {m: sum(m in found for found in instances.values()) for m in runs.methods}
    methods = [m for m in runs.methods if counts[m] and counts[m] >= SHARE * len(instances)]
    common = [found for found in instances.values() if all(m in found for m in methods)]
    if not methods or not common:
        return Times([], np.empty((0, 0)), np.empty(0), "No two methods share instances.")
    table = np.array([[found[m].seconds_to_solve for m in methods] for found in common])
    limits = [max(found[m].cell.limits.time for m in methods) for found in common]
    left = sum(counts[m] > 0 for m in runs.methods) - len(methods)
    note = f"{len(common)} of {len(instances)} instances, on which all {len(methods)} methods ran"
    if left:
        note += f"; {left} methods that ran on fewer than half of the instances are left out"
    return Times(methods, table, np.array(limits), note + ".")


def points(
    curve: Curve, end: float, start: float | None = None, most: int = MOST_POINTS
) -> list[dict[str, Any]]:
    """A curve as rows of a step line up to ``end``, thinned to what a screen can show."""
    at = np.arange(len(curve.x))
    if len(at) > most:
        at = np.unique(np.linspace(0, len(at) - 1, most).round().astype(int))
    steps = [(curve.x[i], curve.y[i], curve.low[i], curve.high[i]) for i in at]
    if start is not None and (not steps or steps[0][0] > start):
        steps.insert(0, (start, 0.0, 0.0, steps[0][3] if steps else 0.0))
    if steps and steps[-1][0] < end:
        steps.append((end, *steps[-1][1:]))
    rest = {"method": curve.name, "n": curve.n, "censored": curve.censored}
    return [{"x": x, "y": y, "low": low, "high": high, **rest} for x, y, low, high in steps]


def span(curves: Sequence[Curve]) -> tuple[float, float]:
    """Smallest and largest finite x of some curves."""
    finite = [x for curve in curves for x in curve.x if math.isfinite(x) and x > 0]
    return min(finite, default=1.0), max(finite, default=1.0)


def spec(x_title: str, y_title: str, *, log: bool = True) -> alt.TopLevelMixin:
    """Step lines of shares."""
    import altair as alt

    scale = alt.Scale(type="log", nice=False) if log else alt.Scale()
    share = alt.Axis(format="%")
    return lines(
        alt.X("x:Q", title=x_title, scale=scale),
        alt.Y("y:Q", title=y_title, scale=alt.Scale(domain=[0, 1]), axis=share),
        [
            alt.Tooltip("x:Q", title=x_title, format=".3g"),
            alt.Tooltip("y:Q", title=y_title, format=".1%"),
            alt.Tooltip("low:Q", title="from", format=".1%"),
            alt.Tooltip("high:Q", title="to", format=".1%"),
            alt.Tooltip("n:Q", title="instances"),
            alt.Tooltip("censored:Q", title="never solved"),
        ],
        opacity=0.08,
    )


def lines(x: alt.X, y: alt.Y, tooltip: list[alt.Tooltip], *, opacity: float) -> alt.TopLevelMixin:
    """A step line per method with a band from ``low`` to ``high``, and what a point says."""
    import altair as alt

    chart = alt.Chart(base.rows()).encode(x=x)
    band = chart.mark_area(opacity=opacity, interpolate="step-after").encode(
        y=alt.Y("low:Q", title=y["title"]), y2="high:Q", fill=base.band()
    )
    line = chart.mark_line(interpolate="step-after", strokeWidth=2).encode(y=y, **base.line())
    hover = chart.mark_point(opacity=0, size=80).encode(
        y=y, detail="method:N", tooltip=[alt.Tooltip("method:N"), *tooltip]
    )
    return alt.layer(band, line, hover).properties(width="container", height=320)
