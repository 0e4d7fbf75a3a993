"""Suites under asv (airspeed velocity): figures of every cell over the commits of a repository.

A benchmark module names a suite file and asks this module for everything else; see
``suites/quickstart_asv.py``. What asv wants, and why the module is written as it is:

- it keys ``setup_cache`` by file and line, so every module has one of its own, textually;
- it collects every class that it finds in a module, imported ones too, so there is no base class;
- its parameters form a full product, so points that are no cells of the suite give NaN;
- for it lower is better, always: errors, gaps and seconds are tracked, accuracy is not;
- NaN means not applicable, None means failed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

from bnnbench.analysis import Knowledge, gap, knowledge
from bnnbench.record import Ending, Record
from bnnbench.runner import Runner, Silent
from bnnbench.store import Store
from bnnbench.suite import Cell, load
from bnnbench.summary import describe

Key = tuple[str, str, int]
"""Problem and method in words, and the seed: a point of asv's parameters."""
Figure = float | None

PARAM_NAMES = ["problem", "method", "seed"]
STORE = "BNNBENCH_ASV_STORE"
"""Names a store to resume; see :func:`figures`."""


class Cells:
    """The cells of a suite file as asv's parameters.

    Args:
        path: the suite file.
    """

    def __init__(self, path: Path) -> None:
        self.suite, self.registry = load(str(path))

    @property
    def params(self) -> tuple[list[str], list[str], list[int]]:
        """Problems, methods and seeds in the suite's order."""
        keys = [key(cell) for cell in self.suite.cells]
        problems = list(dict.fromkeys(k[0] for k in keys))
        methods = list(dict.fromkeys(k[1] for k in keys))
        return problems, methods, sorted({k[2] for k in keys})


def key(cell: Cell) -> Key:
    """The point of asv's parameters that a cell is; cells of one suite have different ones."""
    limits = cell.limits
    target = "" if limits.target is None else f"; target {limits.target:g}"
    threads = "" if limits.threads == 1 else f", {limits.threads} threads"
    method = f"{cell.method}; {limits.time:g} s{threads}"
    return describe(cell) + target, method, cell.seed


def params(path: Path) -> tuple[list[str], list[str], list[int]]:
    """What a benchmark class takes as ``params``: problems, methods, seeds."""
    return Cells(path).params


def figures(path: Path, folder: Path = Path()) -> dict[Key, dict[str, Figure]]:
    """Run a suite and return what asv is to track, by cell.

    The store is a new one in ``folder``, asv's temporary directory. A cell's identity knows
    versions but no commits, so a store of another commit would be taken for finished. The
    environment variable ``BNNBENCH_ASV_STORE`` names a store to resume instead, for a run that was
    interrupted.

    Args:
        path: the suite file.
        folder: where a new store goes.
    """
    cells = Cells(path)
    with Store(Path(os.environ.get(STORE) or folder / f"{path.stem}.bnnbench")) as store:
        Runner(cells.suite, cells.registry, store, Silent()).run()
        wanted = {cell.id: cell for cell in cells.suite.cells}
        records = list(store.records())
    return tracked(wanted, records)


def tracked(cells: dict[str, Cell], records: Iterable[Record]) -> dict[Key, dict[str, Figure]]:
    """The figures of those records that belong to the cells, by id."""
    everything = list(records)
    known = knowledge(everything)
    return {
        key(cells[record.id]): _figures(record, known.get(record.problem))
        for record in everything
        if record.id in cells
    }


def look_up(
    found: dict[Key, dict[str, Figure]], figure: str, problem: str, method: str, seed: int
) -> Figure:
    """A figure of a cell; NaN where the suite has no such cell."""
    return found.get((problem, method, seed), {}).get(figure, math.nan)


def _figures(record: Record, known: Knowledge | None) -> dict[str, Figure]:
    names = ("error_pct", "gap", "seconds")
    if record.ending is Ending.SKIPPED:
        return dict.fromkeys(names, math.nan)
    facts = record.evaluation
    if facts is None or record.ending in (Ending.CRASH, Ending.ERROR, Ending.INVALID):
        return dict.fromkeys(names)
    part = facts.parts.get("test") or facts.parts["train"]
    seconds = record.seconds.build + record.seconds.solve
    values = (100 * (1 - part.argmax), gap(record, known).absolute, seconds)
    return dict(zip(names, values, strict=True))
