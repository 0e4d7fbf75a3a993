"""What a benchmark module needs: parameters, one run of the suite, and functions that look up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bnnbench.asv.samples import FIGURES, Figure, Point, Samples, figure, key, tracked
from bnnbench.runner import Listener, Runner
from bnnbench.store import Store
from bnnbench.suite import load

STORE = "BNNBENCH_ASV_STORE"
"""Names a store to resume; see :func:`figures`."""
VERSION = "1"
"""Of the tracked figures: results of different versions are not compared by asv."""


class Cells:
    """The cells of a suite file as asv's parameters.

    Args:
        path: the suite file.
    """

    def __init__(self, path: Path) -> None:
        self.suite, self.registry = load(str(path))

    @property
    def params(self) -> tuple[list[str], list[str]]:
        """Problems and methods in the suite's order."""
        points = [key(cell) for cell in self.suite.cells]
        return list(dict.fromkeys(p for p, _ in points)), list(dict.fromkeys(m for _, m in points))


def params(path: Path) -> tuple[list[str], list[str]]:
    """What a benchmark class takes as ``params``: problems, methods."""
    return Cells(path).params


def figures(path: Path, folder: Path = Path()) -> dict[Point, dict[str, Samples]]:
    """Run a suite and return what asv is to track, by problem and method.

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
        Runner(cells.suite, cells.registry, store, Listener()).run()
        wanted = {cell.id for cell in cells.suite.cells}
        records = list(store.records())
        own = [(r, store.artefacts(r).trace) for r in records if r.id in wanted]
    return tracked(own, records)


def look_up(found: dict[Point, dict[str, Samples]], name: str, problem: str, method: str) -> Figure:
    """A figure of a point; NaN where the suite has no such cell."""
    return figure(found.get((problem, method), {}).get(name, []))


def tracker(name: str) -> Callable[[Any, Any, str, str], Figure]:
    """A benchmark function that tracks one of :data:`FIGURES`, to be a method ``track_NAME``."""

    def track(self: Any, found: Any, problem: str, method: str) -> Figure:
        return look_up(found, name, problem, method)

    track.__name__ = f"track_{name}"
    track.unit = FIGURES[name]  # type: ignore[attr-defined]
    track.version = VERSION  # type: ignore[attr-defined]
    return track
