"""How runs ended, by method."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from bnnbench.record import Ending
from bnnbench.report.charts import base
from bnnbench.report.columns import columns
from bnnbench.report.runs import Runs

if TYPE_CHECKING:
    import altair as alt

KEYS = ("method", "ending", "count", "share", "n", "order")
COLOURS = {
    **{"ok": "#B8C4CE", "timeout": "#E69F00", "memout": "#CC79A7", "crash": "#D55E00"},
    **{"error": "#0072B2", "invalid": "#882255", "skipped": "#56B4E9"},
}


def make(runs: Runs) -> base.Chart:
    """Shares of endings."""
    counts = Counter((r.method, str(r.record.ending)) for r in runs.runs)
    totals = Counter(r.method for r in runs.runs)
    order = {str(e): i for i, e in enumerate(Ending)}
    rows: list[dict[str, Any]] = [
        {"method": method, "ending": ending, "count": count, "n": totals[method]}
        | {"share": count / totals[method], "order": order[ending]}
        for (method, ending), count in sorted(counts.items(), key=lambda item: order[item[0][1]])
    ]
    bad = sum(count for (_, ending), count in counts.items() if ending != "ok")
    return base.Chart(
        name="endings",
        title="How runs ended",
        about=(
            "Share of a method's runs by ending, as the core saw it: timeout, memout and crash were"
            " stopped from outside; invalid claimed what the exact check contradicts; skipped could"
            " not be run. Nothing is left out."
        ),
        scope=base.Scope.ALL,
        rows=columns(rows, KEYS),
        spec=_spec,
        note=f"{bad} of {len(runs.runs)} runs did not end ok.",
    )


def _spec() -> alt.TopLevelMixin:
    import altair as alt

    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    chart: alt.Chart = (
        alt.Chart(base.rows())
        .mark_bar(stroke="currentColor", strokeWidth=0.4)
        .encode(
            x=alt.X("share:Q", title="runs", axis=alt.Axis(format="%"), stack="zero"),
            y=alt.Y("method:N", title=None, axis=alt.Axis(labelLimit=260)),
            color=alt.Color("ending:N", scale=scale, legend=alt.Legend(columns=7)),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("method:N"),
                alt.Tooltip("ending:N"),
                alt.Tooltip("count:Q", title="runs"),
                alt.Tooltip("n:Q", title="of"),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
        .properties(width="container", height=alt.Step(24))
    )
    return chart
