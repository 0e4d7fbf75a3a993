"""The tables of the page, as columns; the page sorts, filters and turns their leaves."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bnnbench.record import Ending
from bnnbench.report import estimates
from bnnbench.report.answers import CRITERIA, Answer
from bnnbench.report.columns import Columns, columns
from bnnbench.report.published import Beside
from bnnbench.report.runs import Run, Runs
from bnnbench.statistics import Aggregate


@dataclass(frozen=True)
class Column:
    """A column of a table in the page.

    Attributes:
        key: in the data.
        title: of the column.
        kind: ``text``, ``number``, ``percent`` (a share), ``interval`` (of the column before it,
            keys ``KEY_low`` and ``KEY_high``), ``cell`` (an id that opens the record), ``problem``,
            ``ending``, ``long`` (a text to be unfolded).
        about: what it means, shown on the heading.
    """

    key: str
    title: str
    kind: str = "text"
    about: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the page."""

    name: str
    title: str
    head: tuple[Column, ...]
    rows: Columns


def _table(
    name: str,
    title: str,
    head: tuple[Column, ...],
    rows: Iterable[dict[str, Any]],
    more: Iterable[str] = (),
) -> Table:
    keys = [*(c.key for c in head), *more]
    keys += [f"{c.key}_{end}" for c in head if c.kind == "interval" for end in ("low", "high")]
    return Table(name, title, head, columns(rows, keys))


def _figure(key: str, found: Aggregate | None, scale: float = 1.0) -> dict[str, Any]:
    """An estimate as cells of a row: value and interval."""
    if found is None or not math.isfinite(found.value):
        return {key: None}
    low, high = found.interval.low, found.interval.high
    return {
        key: scale * found.value,
        f"{key}_low": scale * low if math.isfinite(low) else None,
        f"{key}_high": scale * high if math.isfinite(high) else None,
    }


METHODS_HEAD = (
    Column("problem", "problem", "problem"),
    Column("method", "method"),
    Column("n", "n", "number", "runs"),
    Column("found", "found", "number", "runs with a feasible verified network"),
    Column("objective", "objective", "interval", "median verified objective, less is better"),
    Column("gap", "gap", "number", "median gap to the best bound that anybody proved"),
    Column("proved", "proved", "number", "runs whose objective is known to be optimal"),
    Column("test", "test %", "interval", "median accuracy by argmax on test rows, ties as 1/k"),
    Column("good", "good %", "number", "median share of test rows with every output sign right"),
    Column("seconds", "seconds", "interval", "median wall seconds of build and solve"),
    Column("solved", "to solve, s", "interval", "median seconds to solve; empty: most never did"),
    Column("never", "never", "number", "runs that never solved their instance (censored)"),
    Column("endings", "other endings"),
)


def methods(runs: Runs) -> Table:
    """One row per problem and method."""
    rows = [_method(problem, method, group) for (problem, method), group in _ordered(runs)]
    return _table("methods", "All methods by problem", METHODS_HEAD, rows)


def _ordered(runs: Runs) -> list[tuple[tuple[str, str], list[Run]]]:
    place = {m: i for i, m in enumerate(runs.methods)}
    return sorted(runs.groups.items(), key=lambda item: (item[0][0], place[item[0][1]]))


def _method(problem: str, method: str, group: list[Run]) -> dict[str, Any]:
    parts = [run.part("test") for run in group]
    solving = estimates.solving(group)
    endings = Counter(str(r.record.ending) for r in group if r.record.ending is not Ending.OK)
    good = estimates.median([p.all_good if p else None for p in parts], worst=-math.inf)
    reference = group[0].record.reference
    return {
        "problem": problem,
        "method": method,
        "n": len(group),
        "found": sum(run.held for run in group),
        "proved": sum(run.gap.proved for run in group),
        "gap": estimates.gap(group).value,
        "good": 100 * good.value,
        "never": None if reference else solving.censored,
        "endings": ", ".join(f"{n} {ending}" for ending, n in sorted(endings.items())),
        **_figure("objective", estimates.objective(group)),
        **_figure("test", estimates.accuracy(group), 100),
        **_figure("seconds", estimates.seconds(group)),
        **_figure("solved", solving),
    }


ANSWERS_HEAD = (
    Column("problem", "problem", "problem"),
    Column("n", "n", "number", "instances"),
    Column("objective", "best by objective"),
    Column("test accuracy", "best by test accuracy"),
    Column("time to solve", "best by time to solve"),
    Column("nobody", "what nobody could do"),
)


def answers(found: list[Answer]) -> Table:
    """One row per problem: the verdicts in words."""
    rows = [
        {"problem": answer.problem, "n": answer.n, "nobody": " ".join(answer.nobody)}
        | {verdict.criterion: verdict.short for verdict in answer.verdicts}
        | {f"{verdict.criterion}_text": verdict.text for verdict in answer.verdicts}
        for answer in found
    ]
    more = [f"{criterion.name}_text" for criterion in CRITERIA]
    return _table("answers", "All problems", ANSWERS_HEAD, rows, more)


FAILURES_HEAD = (
    Column("ending", "ending"),
    Column("stage", "stage"),
    Column("method", "method"),
    Column("reason", "why"),
    Column("count", "runs", "number"),
    Column("example", "for example", "cell"),
)


def failures(runs: Runs) -> Table:
    """Runs that did not end ok, by kind, method and reason."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for run in runs.runs:
        record = run.record
        if record.ending is not Ending.OK:
            key = (str(record.ending), record.stage, run.method, record.headline)
            found.setdefault(key, []).append(record.id)
    rows = [
        {"ending": ending, "stage": stage, "method": method, "reason": reason}
        | {"count": len(ids), "example": ids[0]}
        for (ending, stage, method, reason), ids in sorted(found.items())
    ]
    return _table("failures", "Runs that did not end ok", FAILURES_HEAD, rows)


CONTRADICTIONS_HEAD = (
    Column("id", "cell", "cell"),
    Column("problem", "problem", "problem"),
    Column("method", "method"),
    Column("seed", "seed", "number"),
    Column("why", "why it cannot be right"),
)


def contradictions(runs: Runs) -> Table:
    """Records that cannot all be right."""
    rows = [
        {"id": run.record.id, "problem": run.problem, "method": run.method}
        | {"seed": run.cell.seed, "why": run.contradiction}
        for run in runs.runs
        if run.contradiction
    ]
    return _table("contradictions", "Contradictions", CONTRADICTIONS_HEAD, rows)


PUBLISHED_HEAD = (
    Column("suite", "paper"),
    Column("experiment", "experiment"),
    Column("published", "method"),
    Column("metric", "figure"),
    Column("value", "published", "number"),
    Column("spread", "±", "number"),
    Column("runs", "n", "number", "runs that the published figure rests on"),
    Column("ours", "ours", "interval", "median of our runs of the same method"),
    Column("n", "our n", "number", "our runs, failed ones included"),
    Column("failed", "failed", "number", "our runs without a network"),
    Column("best", "our best", "interval", "median of our best method on the same problem"),
    Column("best_method", "by"),
    Column("setting", "setting", "text", "our problem, or what would fit"),
    Column("source", "source and note", "long"),
)


def published(found: list[Beside]) -> Table:
    """Published figures beside ours, those with a counterpart first."""
    order = sorted(found, key=lambda b: (b.ours is None, b.best is None))
    rows = [_published(row) for row in order]
    return _table("published", "Published beside ours", PUBLISHED_HEAD, rows, ["problem"])


def _published(found: Beside) -> dict[str, Any]:
    row = found.published
    patterns = (row.data, row.hidden, row.domain, row.objective)
    wanted = "; ".join(text for text in patterns if text)
    method = f" by {found.method}" if found.method else ""
    alone = f"no counterpart: {wanted}" if wanted else "no counterpart"
    notes = (row.source, f"±: {row.spread_kind}" if row.spread_kind else "", row.note)
    return {
        "suite": row.suite,
        "experiment": row.experiment,
        "published": row.published_method,
        "metric": f"{row.metric.replace('_', ' ')}{', ' if row.unit else ''}{row.unit}",
        "value": row.value,
        "spread": row.spread,
        "runs": row.n,
        "n": found.ours.n if found.ours else None,
        "failed": found.ours.failed if found.ours else None,
        "best_method": found.best_method,
        "setting": found.problem + method if found.problem else alone,
        "problem": found.problem,
        "source": "; ".join(text for text in notes if text),
        **_figure("ours", found.ours),
        **_figure("best", found.best),
    }


ENVIRONMENT_HEAD = (
    Column("what", "what"),
    Column("value", "value"),
    Column("count", "runs", "number"),
)


def environment(runs: Runs) -> Table:
    """Versions, hosts and the reference probe, with how many runs had them."""
    counts: Counter[tuple[str, str]] = Counter()
    for run in runs.runs:
        record = run.record
        counts.update((f"version of {name}", text) for name, text in record.versions.items())
        counts.update((f"host: {name}", text) for name, text in record.host.items())
        counts.update(("provider", text) for text in run.cell.versions)
        counts.update((f"note: {name}", text) for name, text in record.notes.items())
    rows = [{"what": w, "value": v, "count": c} for (w, v), c in sorted(counts.items())]
    return _table("environment", "Environment", ENVIRONMENT_HEAD, _probes(runs) + rows)


def _probes(runs: Runs) -> list[dict[str, Any]]:
    """The probe by host: its median, and how far it strayed."""
    times: dict[str, list[float]] = {}
    for run in runs.runs:
        if run.record.probe is not None:
            times.setdefault(run.record.host.get("node", "unknown"), []).append(run.record.probe)
    found = []
    for node, seconds in sorted(times.items()):
        middle = statistics.median(seconds)
        text = f"median {middle:.4g} s, from {min(seconds):.4g} to {max(seconds):.4g} s"
        found.append({"what": f"reference probe on {node}", "value": text, "count": len(seconds)})
    return found
