"""``bnnbench replay``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import msgspec

from bnnbench.cli.progress import watch
from bnnbench.record import Record
from bnnbench.registry import Registry
from bnnbench.runner import Runner
from bnnbench.store import Store
from bnnbench.suite import Cell, Suite
from bnnbench.suite.schema import MethodTable, ProblemTable, SuiteFile


@click.command()
@click.argument("cell")
@click.option(
    "--store",
    "-o",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="The store that holds the cell.",
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True),
    help="A local plugin file the cell needs; may be repeated.",
)
def replay(cell: str, store: Path, plugins: tuple[Path, ...]) -> None:
    """Run CELL (its id or the beginning of it) again and compare with what the store holds.

    Nothing is written to the store. The exit code is 1 when the verified objectives differ; cells
    that stop by the clock may.
    """
    with Store(store, create=False) as records:
        before = records.find(cell)
    again = msgspec.convert(before.cell, Cell)
    registry = Registry.load(plugins)
    with tempfile.TemporaryDirectory() as folder:
        suite = Suite("replay", _file(again), None, (again,), plugins)
        with Store(Path(folder) / "replay.bnnbench") as scratch, watch() as listener:
            summary = Runner(suite, registry, scratch, listener).run()
    after = summary.records[0]
    for name, old, new in _figures(before, after):
        click.echo(f"{name:<16} {old!s:>24} {new!s:>24}{'' if old == new else '   differs'}")
    same = _objective(before) == _objective(after) and before.ending == after.ending
    sys.exit(0 if same else 1)


def _file(cell: Cell) -> SuiteFile:
    return SuiteFile(
        problem=[ProblemTable(data=cell.data, objective=cell.objective)],
        method=[MethodTable(solver=cell.solver)],
    )


def _objective(record: Record) -> str:
    return record.evaluation.exact if record.evaluation else ""


def _figures(before: Record, after: Record) -> list[tuple[str, object, object]]:
    return [
        ("", "stored", "now"),
        ("ending", str(before.ending), str(after.ending)),
        ("objective", _objective(before), _objective(after)),
        ("bound", before.solver_bound, after.solver_bound),
        ("termination", before.claims.termination, after.claims.termination),
        ("solve seconds", round(before.seconds.solve, 3), round(after.seconds.solve, 3)),
        (
            "network",
            before.evaluation.network[:12] if before.evaluation else "",
            after.evaluation.network[:12] if after.evaluation else "",
        ),
    ]
