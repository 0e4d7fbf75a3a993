"""The report as one HTML file, which needs no network and nothing beside it."""

from __future__ import annotations

import html
import shlex
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from bnnbench import __version__
from bnnbench.record import Ending
from bnnbench.report import tables
from bnnbench.report.answers import Answer, overview
from bnnbench.report.cells import cells
from bnnbench.report.charts import Chart
from bnnbench.report.charts.base import (
    COLOURS,
    DASHES,
    METHOD_COLOURS,
    METHOD_DASHES,
    METHOD_SHAPES,
    METHODS,
    SHAPES,
)
from bnnbench.report.columns import compact, packed
from bnnbench.report.detours import Detour, detours
from bnnbench.report.published import Beside
from bnnbench.report.runs import Runs
from bnnbench.report.tables import Column, Table
from bnnbench.report.vega import javascript

CELLS_HEAD = (
    Column("id", "cell", "cell", "opens the record"),
    Column("ending", "ending", "ending"),
    Column("method", "method"),
    Column("seed", "seed", "number"),
    Column("objective", "objective", "number", "verified objective, less is better"),
    Column("gap", "gap", "number", "to the best bound that anybody proved"),
    Column("proved", "proved", "number", "1 where the objective is known to be optimal"),
    Column("test", "test %", "percent", "accuracy by argmax, ties as 1/k"),
    Column("seconds", "seconds", "number", "wall seconds of build and solve"),
    Column("problem", "problem", "problem"),
    Column("suite", "suite"),
    Column("detail", "message"),
)


def page(
    runs: Runs, found: list[Answer], drawings: list[Chart], published: list[Beside], store: Path
) -> str:
    """The whole page.

    Args:
        runs: of the store.
        found: the verdicts.
        drawings: the charts.
        published: figures of papers beside ours.
        store: path of the store, for the commands that the page shows.

    Raises:
        StoreError: when the library that draws is missing.
    """
    parts = {
        "version": __version__,
        "title": f"bnnbench report: {html.escape(runs.name)}",
        "heading": html.escape(runs.name),
        "sub": html.escape(_subtitle(runs)),
        "tiles": _tiles(runs),
        "overview": _overview(found, detours(runs)),
        "footer": _footer(runs),
        "meta": _in_script(msgspec.json.encode(_meta(runs, store)).decode()),
        "pack": packed(_pack(runs, found, drawings, published)),
        "cells": packed(compact(cells(runs))),
        "css": _asset("page.css"),
        "vega": _in_script(javascript()),
        "js": _in_script(_asset("page.js")),
    }
    return "".join(
        parts[piece] if i % 2 else piece for i, piece in enumerate(_pieces(_asset("page.html")))
    )


def _pieces(template: str) -> list[str]:
    """Text and names in turn; the values are never searched for further names."""
    return [piece for part in template.split("{{") for piece in part.split("}}")]


def _asset(name: str) -> str:
    return (files("bnnbench.report") / "assets" / name).read_text(encoding="utf-8")


def _in_script(text: str) -> str:
    """Text that cannot end the script element around it."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _meta(runs: Runs, store: Path) -> dict[str, Any]:
    looks = {METHOD_COLOURS: COLOURS, METHOD_DASHES: DASHES, METHOD_SHAPES: SHAPES}
    return {
        "store": shlex.quote(str(store)),
        "problems": runs.problems,
        "methods": runs.methods,
        "suites": runs.suites,
        "endings": [str(e) for e in Ending],
        "marks": {"methods": METHODS},
        "looks": looks,
        "cells": {"name": "cells", "title": "All records", "head": _head(CELLS_HEAD)},
    }


def _pack(
    runs: Runs, found: list[Answer], drawings: list[Chart], published: list[Beside]
) -> dict[str, Any]:
    shown = [
        tables.answers(found),
        tables.methods(runs),
        tables.published(published),
        tables.failures(runs),
        tables.contradictions(runs),
        tables.environment(runs),
    ]
    return {"charts": [_chart(c) for c in drawings], "tables": [_table(t) for t in shown]}


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "name": chart.name,
        "title": chart.title,
        "about": chart.about,
        "note": chart.note,
        "scope": str(chart.scope),
        "rows": compact(chart.rows),
        "spec": chart.vega_lite(),
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "head": _head(table.head),
        "rows": compact(table.rows),
    }


def _head(columns: tuple[Column, ...]) -> list[dict[str, str]]:
    return [
        {"key": c.key, "title": c.title, "kind": c.kind} | ({"about": c.about} if c.about else {})
        for c in columns
    ]


def _subtitle(runs: Runs) -> str:
    if not runs.runs:
        return "This store holds no records" + (f" of suite {runs.suite}." if runs.suite else ".")
    suites = ", ".join(name or "(none)" for name in runs.suites)
    created = [run.record.created for run in runs.runs]
    days = sorted({time.strftime("%Y-%m-%d", time.gmtime(t)) for t in (min(created), max(created))})
    left = f"; {runs.superseded} superseded records left out" if runs.superseded else ""
    return f"Suite {suites}; run {' to '.join(days)}{left}"


def _tiles(runs: Runs) -> str:
    endings = Counter(run.record.ending for run in runs.runs)
    bad = len(runs.runs) - endings[Ending.OK]
    flagged = sum(bool(run.contradiction) for run in runs.runs)
    figures = [
        ("records", len(runs.runs), False),
        ("problems", len(runs.problems), False),
        ("methods", len(runs.methods), False),
        ("proved optimal", sum(run.gap.proved for run in runs.runs), False),
        ("not ok", bad, bad > 0),
        ("contradictions", flagged, flagged > 0),
    ]
    return "".join(
        f"<div{' class=bad' if alarm else ''}><dt>{name}</dt><dd>{value:,}</dd></div>"
        for name, value, alarm in figures
    )


def _overview(found: list[Answer], modelled: list[Detour]) -> str:
    sentences = [*overview(found), *(detour.text for detour in modelled)]
    if not sentences:
        return (
            "<p>Nothing in this store can be compared: no method of the class holds a network.</p>"
        )
    return f"<ul class=words>{''.join(f'<li>{html.escape(s)}</li>' for s in sentences)}</ul>"


def _footer(runs: Runs) -> str:
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return (
        f"Made by bnnbench {__version__} on {made} from {html.escape(runs.name)}. Every objective"
        " and accuracy was verified by an exact forward pass of the stored network."
    )
