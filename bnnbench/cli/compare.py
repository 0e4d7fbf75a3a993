"""``bnnbench compare``."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

import click

from bnnbench.cli.tables import aligned
from bnnbench.compare import METRICS, Comparison, Options, Result, Verdict, compare, select
from bnnbench.compare.events import EventKind
from bnnbench.compare.formats import (
    HEADINGS,
    MAX_EVENTS,
    cells,
    to_json,
    to_junit,
    to_markdown,
    verdict,
)
from bnnbench.compare.metrics import chosen
from bnnbench.errors import StoreError

KINDS = [str(kind) for kind in EventKind]
DEFAULTS = ", ".join(f"{m.name}={m.threshold_text}" for m in METRICS.values() if m.default)


@click.command("compare")
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", required=False)
@click.option(
    "--methods",
    nargs=2,
    metavar="FIRST SECOND",
    help="Compare two methods, paired by problem and seed; B is A unless given.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help=f"Compare this one; may be repeated.  [known: {', '.join(METRICS)}]",
)
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="NAME=AMOUNT",
    help="Smallest change that counts, as in seconds=15%, test_accuracy=1pp, gap=2; may be"
    f" repeated.  [default: {DEFAULTS}]",
)
@click.option(
    "--alpha",
    default=0.05,
    show_default=True,
    type=click.FloatRange(0, 0.5, min_open=True),
    help="Chance of any false alarm over all metrics and methods.",
)
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice([*KINDS, "none"]),
    default=["failure", "proof"],
    show_default=True,
    help="What raises an alarm beside regressions of figures; may be repeated.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["text", "json", "markdown", "junit"]),
    default="text",
    show_default=True,
    help="Of the output.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write there instead of to the terminal.",
)
def compare_(
    before: str,
    after: str | None,
    methods: tuple[str, str] | None,
    metrics: tuple[str, ...],
    thresholds: tuple[str, ...],
    alpha: float,
    fail_on: tuple[str, ...],
    kind: str,
    output: Path | None,
) -> None:
    """Compare B with A: two stores, or selections of records in stores, paired cell by cell.

    A and B are written STORE or STORE@key=value, where the key is suite, version (of bnnbench),
    method, solver, formulation, data, objective, domain, seed, node, or a distribution whose
    version is meant; values are shell patterns, several conditions follow each other. Cells are
    paired by problem, method and seed.

    A figure has regressed when its median difference (for times, sizes and memory: the geometric
    mean of ratios) is worse by more than the threshold, the 95 % bootstrap interval of that
    excludes no change, and Wilcoxon's signed-rank test, Holm-corrected over all metrics and
    methods, agrees. What is worse by more than the threshold but maybe by chance is marked
    "unsure": take more seeds. Runs that fail now and proofs that are lost raise an alarm of their
    own.

    Times are judged over whole runs, by Welch's test, since the cells of a run share the machine's
    slow or quick hour: run both sides three times or more, in turns (run --repeat). Otherwise a
    time counts when it has doubled.

    \b
    Exit code: 0 no regression, 1 regression, 2 bad input, 3 a store cannot be read.

    \b
    Examples:
      bnnbench compare main.bnnbench branch.bnnbench
      bnnbench compare all.bnnbench@version=0.1.0 all.bnnbench@version=0.2.0
      bnnbench compare all.bnnbench@highspy=1.7.* all.bnnbench@highspy=1.11.*
      bnnbench compare quickstart.bnnbench --methods annealing ste
      bnnbench compare a.bnnbench b.bnnbench --metric seconds --threshold seconds=25%
      bnnbench compare a.bnnbench b.bnnbench --format junit --output compare.xml
    """
    if after is None and methods is None:
        raise click.UsageError("Give a second store or selection B, or --methods FIRST SECOND.")
    first, second = methods or (None, None)
    options = Options(
        metrics=chosen(metrics, thresholds),
        own=frozenset(text.partition("=")[0] for text in thresholds),
        alpha=alpha,
        fail_on=frozenset(EventKind(k) for k in fail_on if k != "none"),
        methods=methods is not None,
    )
    chosen_before = select(before, method=first)
    result = compare(chosen_before, select(after or before, method=second), options)
    _write(_render(result, kind, plain=output is not None), output)
    if output is not None:
        click.echo(f"{verdict(result)} Written to {output}")
    sys.exit(1 if result.regressed else 0)


def _render(result: Result, kind: str, *, plain: bool) -> str:
    if kind != "text":
        return {"json": to_json, "markdown": to_markdown, "junit": to_junit}[kind](result)
    text = _text(result)
    return click.unstyle(text) if plain else text


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text.rstrip("\n"))
        return
    try:
        output.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"Cannot write {output}: {error}") from error


def _text(result: Result) -> str:
    lines = [f"{result.before} -> {result.after}: {result.pairs} cells compared"]
    if result.new:
        lines[0] += f", {result.new} new"
    lines += [f"{click.style('warning', fg='yellow')} {text}" for text in result.warnings]
    for method, group in groupby(result.comparisons, key=lambda c: c.method):
        found = list(group)
        heading, *rows = aligned([HEADINGS, *(cells(c) for c in found)])
        lines += ["", click.style(method or "second method against first", bold=True)]
        lines.append(click.style(heading, dim=True))
        lines += [_coloured(row, c) for row, c in zip(rows, found, strict=True)]
    lines += _worst(result)
    for event in result.events[:MAX_EVENTS]:
        colour = "red" if event in result.alarms else "yellow"
        chance = " (by chance?)" if event.chance else ""
        lines.append(f"{click.style(event.kind, fg=colour)} {event.cell}: {event.text}{chance}")
    if len(result.events) > MAX_EVENTS:
        lines.append(f"... and {len(result.events) - MAX_EVENTS} more: see --format json")
    lines += ["", click.style(verdict(result), bold=True)]
    return "\n".join(lines)


def _coloured(row: str, found: Comparison) -> str:
    colour = {
        Verdict.REGRESSION: "red",
        Verdict.IMPROVEMENT: "green",
        Verdict.UNSURE: "yellow",
    }.get(found.verdict)
    return click.style(row, fg=colour) if colour else row


def _worst(result: Result) -> list[str]:
    """Of every regression the cell that changed most."""
    lines = [
        f"worst {c.metric.name}: {c.extreme[0]}: {c.metric.text(c.extreme[1])}"
        for c in result.regressions
        if c.extreme is not None
    ]
    return ["", *dict.fromkeys(lines)]
