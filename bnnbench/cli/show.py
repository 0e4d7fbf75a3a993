"""``bnnbench show``."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from bnnbench.analysis import knowledge
from bnnbench.cli.tables import print_contradictions, print_failures, print_summary
from bnnbench.frames import flat
from bnnbench.store import Store
from bnnbench.summary import summarise


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("cell", required=False)
@click.option("--cells", is_flag=True, help="One line per cell instead of the summary.")
@click.option("--suite", metavar="NAME", help="Only records of this suite.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option(
    "--save-network",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the cell's network to a file.",
)
def show(
    store: Path,
    cell: str | None,
    cells: bool,
    suite: str | None,
    as_json: bool,
    save_network: Path | None,
) -> None:
    """Show the results in STORE, or everything about one CELL (its id or the beginning of it).

    \b
    Examples:
      bnnbench show quickstart.bnnbench
      bnnbench show quickstart.bnnbench --cells
      bnnbench show quickstart.bnnbench 3f9a --save-network best.net
    """
    with Store(store, create=False) as records:
        if cell is not None:
            _one(records, cell, as_json, save_network)
        elif cells or as_json:
            _cells(records, suite, as_json)
        else:
            _summary(records, suite)


def _one(store: Store, prefix: str, as_json: bool, save_network: Path | None) -> None:
    record = store.find(prefix)
    artefacts = store.artefacts(record)
    known = knowledge(store.columns(problem=record.problem)).get(record.problem)
    if save_network is not None:
        if artefacts.network is None:
            raise click.ClickException(f"Cell {record.id[:10]} has no network.")
        save_network.write_bytes(artefacts.network)
    row = flat(record, known, artefacts.trace)
    if as_json:
        plain = msgspec.to_builtins(record)
        plain["trace"] = [list(p) for p in artefacts.trace]
        plain["log"] = artefacts.log
        click.echo(json.dumps(plain, indent=2))
        return
    width = max(len(k) for k in row)
    for key, value in row.items():
        if value not in (None, "") and value == value:
            click.echo(f"{key:<{width}}  {value}")
    for key, value in record.claims.info.items():
        click.echo(f"{'info.' + key:<{width}}  {value}")
    for point in artefacts.trace:
        click.echo(f"{'trace':<{width}}  {point.time:.4f} s  {point.objective}  {point.bound}")
    if artefacts.log:
        click.echo(f"log:\n{artefacts.log}")
    click.echo(f"Run again: bnnbench replay {record.id[:12]} --store {store.path}")


def _cells(store: Store, suite: str | None, as_json: bool) -> None:
    for record in store.records(suite):
        if as_json:
            click.echo(msgspec.json.encode(record).decode())
            continue
        value = record.evaluation.objective if record.evaluation else None
        click.echo(
            f"{record.id[:10]}  {record.ending:<8}"
            f"  {'-' if value is None else format(value, '.6g'):>10}"
            f"  {record.cell['solver']}  {record.cell['data']}  seed {record.cell['seed']}"
        )


def _summary(store: Store, suite: str | None) -> None:
    everything = store.columns()
    known = knowledge(everything)
    records = everything if suite is None else everything.where(everything.equals("suite", suite))
    if not len(records):
        click.echo(f"{store.path} holds no records{f' of suite {suite}' if suite else ''}.")
        return
    print_summary(summarise(records, known))
    print_failures(records)
    print_contradictions(known)
