"""Time to solution at 99 % for samplers, from the reads that reached the best objective known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bnnbench.report.charts import base
from bnnbench.report.columns import columns
from bnnbench.report.runs import Run, Runs
from bnnbench.statistics import time_to_solution

if TYPE_CHECKING:
    import altair as alt

KEYS = (
    *("problem", "method", "time", "low", "high", "p", "reads", "successes", "n", "never"),
    *("bound", "at", "end", "label"),
)


def make(runs: Runs) -> base.Chart:
    """Pooled over the seeds of a problem."""
    rows = []
    for (problem, method), group in runs.groups.items():
        found = _row(group)
        if found:
            rows.append({"problem": problem, "method": method, **found})
    return base.Chart(
        name="time-to-solution",
        title="Time to solution at 99 %",
        about=(
            "For methods that draw reads: the seconds until, with 99 % probability, at least one"
            " read has reached the best objective known for its instance: t max(1, ln 0.01 /"
            " ln(1 - p)), t the seconds of a read with its decoding, p the share of reads that"
            " succeeded over all seeds, with Wilson's 95 % interval. An arrow stands at the lower"
            " end where no read succeeded: the time is known from below only."
        ),
        scope=base.Scope.PROBLEM,
        rows=columns(rows, KEYS),
        spec=_spec,
        note=f"{len(rows)} pairs of problem and sampler.",
    )


def _row(group: list[Run]) -> dict[str, Any] | None:
    sampled = [run for run in group if run.record.claims.info.get("reads")]
    if not sampled:
        return None
    reads = sum(int(run.record.claims.info["reads"]) for run in sampled)
    hits = [_successes(run) for run in sampled]
    spent = sum(_sampling(run) for run in sampled)
    found = time_to_solution(sum(hits), reads, spent / reads)
    known = math.isfinite(found.value)
    low, high = max(found.interval.low, 1e-9), found.interval.high
    return {
        "time": found.value if known else None,
        "low": low,
        "high": high if math.isfinite(high) else None,
        "p": found.success.value,
        "reads": reads,
        "successes": sum(hits),
        "n": len(group),
        "never": sum(not h for h in hits) + len(group) - len(sampled),
        "bound": int(not known),
        "at": found.value if known else low,
        "end": high if math.isfinite(high) else low,
        "label": "" if known else "at least ▶",
    }


def _successes(run: Run) -> int:
    """Reads at the best objective known; only the best reads of a run can be."""
    best = run.known.best if run.known else None
    if best is None or run.objective is None or run.objective > best + 1e-9:
        return 0
    return int(run.record.claims.info.get("best_reads", 0))


def _sampling(run: Run) -> float:
    info = run.record.claims.info
    seconds = float(info.get("sample_seconds", 0.0)) + float(info.get("decode_seconds", 0.0))
    return seconds or run.record.seconds.solve


def _spec() -> alt.TopLevelMixin:
    import altair as alt

    scale = alt.Scale(type="log", nice=False, padding=20)
    y = alt.Y("method:N", title=None, axis=alt.Axis(labelLimit=260))
    chart = alt.Chart(base.rows()).encode(y=y)
    details = [
        alt.Tooltip("method:N"),
        alt.Tooltip("time:Q", title="seconds", format=".3g"),
        alt.Tooltip("low:Q", title="from", format=".3g"),
        alt.Tooltip("high:Q", title="to", format=".3g"),
        alt.Tooltip("p:Q", title="success of a read", format=".3g"),
        alt.Tooltip("successes:Q"),
        alt.Tooltip("reads:Q"),
        alt.Tooltip("n:Q", title="runs"),
        alt.Tooltip("never:Q", title="runs without success"),
    ]
    x = alt.X("at:Q", scale=scale, title="seconds to 99 % success")
    colour = base.colour(legend=None)
    rule = chart.mark_rule(opacity=0.6).encode(
        x=alt.X("low:Q", scale=scale), x2="end:Q", color=colour
    )
    point = chart.mark_point(filled=True, size=120).encode(
        x=x,
        color=colour,
        shape=base.shape(legend=None),
        opacity=alt.condition("datum.bound == 1", alt.value(0), alt.value(1)),
        tooltip=details,
    )
    arrow = chart.mark_text(align="right", color="currentColor").encode(x=x, text="label:N")
    return alt.layer(rule, point, arrow).properties(width="container", height=alt.Step(34))
