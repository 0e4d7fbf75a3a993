"""The local pool: cells side by side on this machine."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bnnbench.record import Ending
from bnnbench.registry import Registry
from bnnbench.runner.cells import PLAIN, Cells
from bnnbench.runner.executor import Ran, Wanted
from bnnbench.runner.listener import Listener
from bnnbench.runner.messages import MakeData, Outcome
from bnnbench.runner.pool import Pool
from bnnbench.suite import Cell

DATA_SECONDS = 3600.0
Data = tuple[dict[str, str], dict[str, Outcome]]
"""Folders of data sets by text, and what became of the texts that could not be made."""


@dataclass(frozen=True)
class Local:
    """Runs cells in processes of this machine.

    Attributes:
        registry: knows all that the cells name.
        plugins: local plugin files.
        jobs: cells side by side.
    """

    registry: Registry
    plugins: Sequence[Path] = ()
    jobs: int = 1

    def run(
        self, cells: Sequence[Cell], listener: Listener, wanted: Wanted
    ) -> Generator[Ran, None, None]:
        """See :meth:`bnnbench.runner.Executor.run`."""
        jobs = max(1, min(self.jobs, len(cells)))
        threads = max((cell.limits.threads for cell in cells), default=1)
        with tempfile.TemporaryDirectory(prefix="bnnbench-") as scratch:
            pool = Pool(jobs, threads=threads, scratch=Path(scratch), plugins=self.plugins)
            try:
                data = make_data(pool, (c.data for c in cells), Path(scratch), listener)
                yield from self._cells(pool, cells, data, listener, wanted)
            finally:
                pool.close()

    def _cells(
        self,
        pool: Pool,
        cells: Sequence[Cell],
        data: Data,
        listener: Listener,
        wanted: Wanted,
    ) -> Generator[Ran, None, None]:
        folders, broken = data
        running = Cells(self.registry, pool)
        todo = deque(cells)
        while todo or pool.busy:
            for slot in pool.free:
                while todo and slot.task is None:
                    cell = todo.popleft()
                    if not wanted(cell):
                        continue
                    listener.started(cell)
                    if cell.data in broken:
                        yield running.unrun(cell, broken[cell.data])
                    else:
                        running.launch(slot, cell, folders[cell.data])
            yield from running.wait()
            listener.tick()


def make_data(pool: Pool, texts: Iterable[str], scratch: Path, listener: Listener) -> Data:
    """Make every data set once, before any cell needs it."""
    todo = deque(dict.fromkeys(texts))
    folders: dict[str, str] = {}
    broken: dict[str, Outcome] = {}
    while todo or pool.busy:
        for slot in pool.free[: len(todo)]:
            text = todo.popleft()
            folders[text] = str(scratch / f"data-{len(folders)}")
            listener.data(text)
            request = MakeData(text=text, folder=folders[text])
            pool.start(slot, request, PLAIN, DATA_SECONDS)
        for _, task in pool.wait():
            outcome = task.end()
            if outcome.ending != Ending.OK and isinstance(task.request, MakeData):
                broken[task.request.text] = msgspec.structs.replace(
                    outcome, ending=str(Ending.ERROR), stage="data"
                )
        listener.tick()
    return folders, broken
