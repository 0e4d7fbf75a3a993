"""Result tables on the terminal: plain aligned text, quick also for thousands of records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import click
import numpy as np

from bnnbench.analysis import Knowledge, knowledge
from bnnbench.cli.progress import BAD
from bnnbench.columns import Columns
from bnnbench.record import Ending
from bnnbench.runner import Summary
from bnnbench.store import Store
from bnnbench.suite import Suite
from bnnbench.summary import Row, summarise

MAX_TABLES, MAX_ROWS = 20, 40
HEADINGS = ("method", "n", "found", "objective", "gap", "proved", "test %", "good %", "seconds", "")
LEGEND = (
    "Medians over seeds. gap: to the best bound anybody proved for the same problem; test %:"
    " argmax, ties as 1/k;\ngood %: every output sign right; seconds: build and solve."
)


def number(value: float | None, digits: int = 4) -> str:
    """A figure for a table; a dash where there is none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.{digits}g}"


def percent(value: float) -> str:
    """A share in per cent."""
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns of equal width, the first and last to the left, the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            text.ljust(width) if i in (0, last) else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def print_summary(rows: list[Row]) -> None:
    """One table per problem, methods by median objective; long ones are cut and say so."""
    groups = [(problem, list(group)) for problem, group in groupby(rows, key=lambda r: r.problem)]
    for problem, group in groups[:MAX_TABLES]:
        heading, *lines = aligned([HEADINGS, *(_cells(row) for row in group[:MAX_ROWS])])
        click.echo(f"\n{click.style(problem, bold=True)}")
        click.echo(click.style(heading, dim=True))
        for line in lines:
            click.echo(line)
        if len(group) > MAX_ROWS:
            click.echo(f"... and {len(group) - MAX_ROWS} more methods")
    if len(groups) > MAX_TABLES:
        click.echo(f"... and {len(groups) - MAX_TABLES} more problems: see 'bnnbench report'")
    click.echo(click.style(f"\n{LEGEND}", dim=True))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.method,
        str(row.n),
        str(row.found),
        number(row.objective),
        number(row.gap),
        str(row.proved),
        percent(row.test),
        percent(row.all_good),
        number(row.seconds, 3),
        ", ".join(f"{n} {ending}" for ending, n in sorted(row.endings.items())),
    )


def print_contradictions(known: dict[str, Knowledge]) -> int:
    """Records that cannot all be right; returns how many."""
    flagged = {k: v for found in known.values() for k, v in found.contradicted.items()}
    for key, reason in flagged.items():
        click.echo(f"{click.style('contradiction', fg='red')} {key[:10]}: {reason}")
    return len(flagged)


def print_failures(columns: Columns) -> None:
    """The first line of what went wrong, for cells that ended badly or were skipped."""
    odd = columns.where(~columns.equals("ending", Ending.OK) & ~columns.equals("headline", ""))
    first, group = odd.groups("ending", "solver", "headline")
    counts = np.bincount(group, minlength=len(first)).tolist()
    for i, count in sorted(zip(first.tolist(), counts, strict=True)):
        ending, solver, reason = (
            odd.texts[int(odd[name][i])] for name in ("ending", "solver", "headline")
        )
        click.echo(f"{ending} x{count} {solver}: {reason}  (e.g. {odd.ids[i][:10]})")


def closing(path: Path, suite: Suite, summary: Summary) -> bool:
    """The end of a run: table, trouble, where the store is and what to do next.

    Returns:
        Whether something ended badly.
    """
    ids = {cell.id for cell in suite.cells}
    with Store(path, create=False) as store:
        everything = store.columns()
    known = knowledge(everything)
    records = everything.where(np.array([key in ids for key in everything.ids], dtype=bool))
    print_summary(summarise(records, known))
    print_failures(records)
    own = set(records.words("problem"))
    flagged = print_contradictions({k: v for k, v in known.items() if k in own})
    click.echo(
        f"\n{len(summary.records)} cells run, {summary.resumed} taken from the store {path}\n"
        f"Next: bnnbench report {path}\n"
        f"      bnnbench export {path} results.csv\n"
        f"      python -c \"import bnnbench; print(bnnbench.load('{path}'))\""
    )
    if suite.file.suite.next:
        click.echo(f"      {suite.file.suite.next}")
    return flagged > 0 or bool(records.equals("ending", *BAD).any())
