"""Tables on the terminal."""

from __future__ import annotations

import math
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bnnbench.analysis import Knowledge, knowledge
from bnnbench.record import Ending, Record
from bnnbench.runner import Summary
from bnnbench.store import Store
from bnnbench.suite import Suite
from bnnbench.summary import Row, summarise

BAD = (Ending.CRASH, Ending.ERROR, Ending.INVALID)


def number(value: float | None, digits: int = 4) -> str:
    """A figure for a table; a dash where there is none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.{digits}g}"


def percent(value: float) -> str:
    """A share in per cent."""
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def print_summary(console: Console, rows: list[Row]) -> None:
    """One table per problem, methods by median objective."""
    for problem, group in groupby(rows, key=lambda r: r.problem):
        table = Table(title=escape(problem), title_justify="left", header_style="bold")
        table.add_column("method", overflow="fold")
        headings = ("n", "found", "objective", "gap", "proved", "test %", "all-good %", "s", "")
        for heading in headings:
            table.add_column(heading, justify="left" if not heading else "right")
        for row in group:
            odd = ", ".join(f"{n} {ending}" for ending, n in sorted(row.endings.items()))
            table.add_row(
                escape(row.method),
                str(row.n),
                str(row.found),
                number(row.objective),
                number(row.gap),
                str(row.proved),
                percent(row.test),
                percent(row.all_good),
                number(row.seconds, 3),
                odd,
            )
        console.print(table)
    console.print(
        "Medians over seeds. gap: to the best bound anybody proved for the same problem;"
        " test %: argmax, ties as 1/k; all-good %: every output sign right; s: build and solve.",
        style="dim",
    )


def print_contradictions(console: Console, known: dict[str, Knowledge]) -> int:
    """Records that cannot all be right; returns how many."""
    flagged = {k: v for found in known.values() for k, v in found.contradicted.items()}
    for key, reason in flagged.items():
        console.print(f"[red]contradiction[/] {key[:10]}: {escape(reason)}", highlight=False)
    return len(flagged)


def print_failures(console: Console, records: list[Record]) -> None:
    """The first line of what went wrong, for cells that ended badly or were skipped."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        if record.ending is not Ending.OK and record.detail:
            first = record.detail.splitlines()[0]
            key = (str(record.ending), record.cell["solver"], first)
            reasons.setdefault(key, []).append(record.id)
    for (ending, solver, first), ids in reasons.items():
        console.print(
            f"{ending} x{len(ids)} {escape(solver)}: {escape(first)}  (e.g. {ids[0][:10]})",
            highlight=False,
        )


def closing(path: Path, suite: Suite, summary: Summary) -> bool:
    """The end of a run: table, trouble, where the store is and what to do next.

    Returns:
        Whether something ended badly.
    """
    console = Console()
    ids = {cell.id for cell in suite.cells}
    with Store(path, create=False) as store:
        everything = list(store.records())
    known = knowledge(everything)
    records = [r for r in everything if r.id in ids]
    print_summary(console, summarise(records, known))
    print_failures(console, records)
    own = {r.problem for r in records}
    flagged = print_contradictions(console, {k: v for k, v in known.items() if k in own})
    console.print(
        f"{len(summary.records)} cells run, {summary.resumed} taken from the store {path}",
        highlight=False,
    )
    console.print(
        f"Next: bnnbench show {path}   bnnbench export {path} results.csv"
        f"   python -c \"import bnnbench; print(bnnbench.load('{path}'))\"",
        highlight=False,
        soft_wrap=True,
    )
    if suite.file.suite.next:
        console.print(suite.file.suite.next, highlight=False)
    return flagged > 0 or any(r.ending in BAD for r in records)
