"""``bnnbench verify``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from bnnbench import netfile
from bnnbench.data import make_dataset
from bnnbench.dataset import Dataset
from bnnbench.errors import BnnbenchError
from bnnbench.record import Record
from bnnbench.registry import Registry
from bnnbench.runner.prepared import make_problem
from bnnbench.store import Store
from bnnbench.suite import Cell
from bnnbench.verify import evaluate


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True),
    help="A local plugin file the records need; may be repeated.",
)
def verify(store: Path, plugins: tuple[Path, ...]) -> None:
    """Make every data set of STORE again and re-check every stored network exactly.

    The exit code is 1 when a figure differs from what the store says.
    """
    registry = Registry.load(plugins)
    wrong = checked = 0
    with Store(store, create=False) as records:
        by_data: dict[str, list[Record]] = {}
        for record in records.records():
            by_data.setdefault(record.cell["data"], []).append(record)
        with click.progressbar(by_data.items(), label="data sets", file=sys.stderr) as groups:
            for data, group in groups:
                dataset = make_dataset(registry, data)
                for record in group:
                    problem = _difference(registry, records, record, dataset)
                    checked += problem is not None
                    if problem:
                        wrong += 1
                        click.echo(f"{record.id[:10]}: {problem}")
    click.echo(f"{checked} networks checked, {wrong} differ")
    sys.exit(1 if wrong else 0)


def _difference(registry: Registry, store: Store, record: Record, dataset: Dataset) -> str | None:
    """What differs; empty when all agrees, None when there is no network to check."""
    content = store.artefacts(record).network
    if content is None or record.evaluation is None:
        return None
    if dataset.digest != record.data:
        return "the data set is not the one of the record (digests differ)"
    try:
        problem = make_problem(registry, msgspec.convert(record.cell, Cell), dataset)
        now = evaluate(problem, netfile.from_bytes(content), reference=record.reference)
    except BnnbenchError as error:
        return str(error)
    fields = ("feasible", "exact", "parts", "network")
    differing = [f for f in fields if getattr(now, f) != getattr(record.evaluation, f)]
    return f"{', '.join(differing)} differ" if differing else ""
