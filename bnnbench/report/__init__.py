"""Reports: what a store says, as tables, one HTML page and figures. Nothing is solved here."""

from __future__ import annotations

from pathlib import Path

from bnnbench.report.answers import Answer, answers, overview
from bnnbench.report.detours import Detour, detours
from bnnbench.report.runs import Run, Runs, collect

__all__ = [
    "Answer",
    "Detour",
    "Run",
    "Runs",
    "answers",
    "collect",
    "detours",
    "overview",
    "write_figures",
    "write_page",
]


def write_page(runs: Runs, target: Path, store: Path) -> Path:
    """Write the report as one HTML file.

    Args:
        runs: of the store.
        target: the file.
        store: path of the store, for the commands that the page shows.

    Raises:
        StoreError: when the library that draws is missing or the file cannot be written.
    """
    from bnnbench.errors import StoreError
    from bnnbench.report.charts import charts
    from bnnbench.report.page import page
    from bnnbench.report.published import beside, load
    from bnnbench.report.vega import require

    require()
    text = page(runs, answers(runs), charts(runs), beside(runs, load()), store)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"Cannot write {target}: {error}.") from error
    return target


def write_figures(runs: Runs, folder: Path) -> list[Path]:
    """Write every chart that has data as SVG, PNG and CSV.

    Raises:
        StoreError: when the library that draws is missing or a file cannot be written.
    """
    from bnnbench.errors import StoreError
    from bnnbench.report.charts import charts
    from bnnbench.report.figures import write
    from bnnbench.report.vega import require

    require()
    try:
        return write(runs, charts(runs), folder)
    except OSError as error:
        raise StoreError(f"Cannot write to {folder}: {error}.") from error
