"""``bnnbench report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bnnbench.cli.tables import print_contradictions, print_failures, print_summary
from bnnbench.columns import Columns
from bnnbench.errors import did_you_mean
from bnnbench.store import Store
from bnnbench.summary import summarise

if TYPE_CHECKING:
    from bnnbench.report import Runs

MOST_ANSWERS = 20


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The page.  [default: STORE's name with .html]",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write every chart as SVG, PNG and CSV.",
)
@click.option("--suite", metavar="NAME", help="Only records of this suite.")
@click.option("--no-html", is_flag=True, help="Only the tables, no page.")
@click.option("--quiet", "-q", is_flag=True, help="No tables, only the files.")
def report(
    store: Path,
    page: Path | None,
    figures: Path | None,
    suite: str | None,
    no_html: bool,
    quiet: bool,
) -> None:
    """Say what STORE holds: tables here, and a page with charts that needs no network.

    \b
    Examples:
      bnnbench report quickstart.bnnbench
      bnnbench report quickstart.bnnbench --html report.html --figures figures
    """
    from bnnbench.report import collect, write_figures, write_page

    if no_html and page:
        raise click.UsageError("--html and --no-html exclude each other.")
    with Store(store, create=False) as records:
        if suite is not None:
            _check(suite, records)
        runs = collect(records, suite)
    if not quiet:
        _print(runs)
    if not no_html:
        target = write_page(runs, page or store.with_suffix(".html"), store)
        click.echo(f"\n{target}: {target.stat().st_size / 1e6:.1f} MB, opens in any browser")
    if figures:
        click.echo(f"{figures}: {len(write_figures(runs, figures))} files")


def _check(suite: str, store: Store) -> None:
    """An unknown suite is a mistake, not an empty report."""
    names = store.suites()
    if suite not in names:
        known = f" It holds {', '.join(map(repr, names))}." if names else " It holds no records."
        raise click.UsageError(
            f"{store.path} has no records of suite {suite!r}.{did_you_mean(suite, names)}{known}"
        )


def _print(runs: Runs) -> None:
    from bnnbench.report import answers, detours, overview

    if not runs.runs:
        click.echo(f"{runs.name} holds no records.")
        return
    known = {r.record.problem: r.known for r in runs.runs if r.known}
    columns = Columns.of([r.record for r in runs.runs])
    print_summary(summarise(columns, known))
    found = answers(runs)
    click.echo(click.style("\nWhich method", bold=True))
    for answer in found[:MOST_ANSWERS]:
        click.echo(f"\n{click.style(answer.problem, bold=True)}")
        for verdict in answer.verdicts:
            click.echo(f"  {verdict.criterion:<13}  {verdict.text}")
        for sentence in answer.nobody:
            click.echo(f"  {sentence}")
    if len(found) > MOST_ANSWERS:
        click.echo(f"... and {len(found) - MOST_ANSWERS} more problems: see the page")
    click.echo()
    for sentence in (*overview(found), *(d.text for d in detours(runs))):
        click.echo(sentence)
    print_failures(columns)
    print_contradictions(known)
