"""``bnnbench merge``."""

from __future__ import annotations

from pathlib import Path

import click

from bnnbench.store import Store


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
def merge(target: Path, sources: tuple[Path, ...]) -> None:
    """Take all records of SOURCES that TARGET does not hold yet; TARGET is made when missing.

    A cell that both hold, run at different times, is kept as a further attempt.
    """
    with Store(target) as into:
        for source in sources:
            with Store(source, create=False) as other:
                added, known = into.merge(other)
            click.echo(f"{source}: {added} records added, {known} known already")
