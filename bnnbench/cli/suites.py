"""``bnnbench suite``."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from bnnbench.suite import json_schema, load


@click.group()
def suite() -> None:
    """Check suite files; print their JSON schema."""


@suite.command()
@click.argument("name", metavar="SUITE")
def check(name: str) -> None:
    """Read SUITE, check every name and parameter in it, and say what it would run."""
    found, _ = load(name)
    click.echo(f"{found.source}: {len(found.cells)} cells")
    for method, count in Counter(cell.method for cell in found.cells).items():
        click.echo(f"  {count:>6}  {method}")
    for reason in found.left_out:
        click.echo(f"  {reason}")
    for warning in found.warnings:
        click.echo(f"  warning: {warning}")
    longest = sum(cell.limits.time for cell in found.cells)
    click.echo(f"  at most {longest / 60:.1f} minutes of solving, one cell at a time")


@suite.command()
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write it to a file.")
def schema(output: Path | None) -> None:
    """Print the JSON schema of suite files, for completion and checks in editors."""
    text = json.dumps(json_schema(), indent=2)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
