"""Charts as files: SVG and PNG to be printed, CSV with the data of each."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bnnbench.report import vega
from bnnbench.report.charts import Chart
from bnnbench.report.charts.base import Scope, looks, resolve
from bnnbench.report.columns import Columns
from bnnbench.report.runs import Runs

MOST = 40
"""Figures of one chart: problems or pairs beyond are in its CSV only."""
WIDTH = 640
INK = "#222222"


def write(runs: Runs, drawings: list[Chart], folder: Path) -> list[Path]:
    """Write all charts that have data.

    Args:
        runs: of the store.
        drawings: the charts.
        folder: made when it is not there.

    Returns:
        The files, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for chart in drawings:
        if chart.empty:
            continue
        table = folder / f"{chart.name}.csv"
        _csv(chart.rows, table)
        written.append(table)
        for name, title, rows in _parts(chart):
            spec = _static(chart, runs, title, rows)
            drawn = folder / f"{name}.svg", folder / f"{name}.png"
            drawn[0].write_text(vega.svg(spec), encoding="utf-8")
            drawn[1].write_bytes(vega.png(spec))
            written += drawn
    return written


def _csv(rows: Columns, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows)
        writer.writerows(zip(*rows.values(), strict=True))


def _parts(chart: Chart) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """File name, title and rows of each figure of a chart."""
    rows = [
        dict(zip(chart.rows, row, strict=True)) for row in zip(*chart.rows.values(), strict=True)
    ]
    if chart.scope is Scope.ALL:
        yield chart.name, chart.title, rows
        return
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[str(chart.scope)], []).append(row)
    for number, (text, group) in enumerate(sorted(groups.items())[:MOST], start=1):
        yield f"{chart.name}-{number:02d}-{_slug(text)}", f"{chart.title}: {text}", group


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]


def _static(chart: Chart, runs: Runs, title: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    present = {row["method"] for row in rows}
    drawn = [m for m in runs.methods if m in present]
    found: dict[str, Any] = resolve(chart.vega_lite(), looks(runs.methods, drawn))
    found = _inked(found)
    found["data"] = {"name": "rows", "values": rows}
    found["title"] = {"text": title, "anchor": "start", "limit": WIDTH + 120}
    found["width"] = WIDTH
    found["background"] = "white"
    return found


def _inked(spec: Any) -> Any:
    """A specification for paper: what takes the page's colour becomes dark."""
    if isinstance(spec, dict):
        return {key: _inked(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [_inked(value) for value in spec]
    return INK if spec == "currentColor" else spec
