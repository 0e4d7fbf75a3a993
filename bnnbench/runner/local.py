"""The local pool: cells side by side on this machine."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
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
                folders, broken = make_data(
                    pool, (cell.data for cell in cells), Path(scratch), listener
                )
                todo = (cell for cell in cells if wanted(cell))
                yield from self._cells(pool, todo, folders, broken, listener)
            finally:
                pool.close()

    def _cells(
        self,
        pool: Pool,
        todo: Iterator[Cell],
        folders: dict[str, str],
        broken: dict[str, Outcome],
        listener: Listener,
    ) -> Generator[Ran, None, None]:
        running = Cells(self.registry, pool)
        cell = next(todo, None)
        while cell or pool.busy:
            for slot in pool.free:
                while cell and slot.task is None:
                    listener.started(cell)
                    if cell.data in broken:
                        yield running.unrun(cell, broken[cell.data])
                    else:
                        running.launch(slot, cell, folders[cell.data])
                    cell = next(todo, None)
            yield from running.wait()
            listener.tick()


def make_data(
    pool: Pool, texts: Iterable[str], scratch: Path, listener: Listener
) -> tuple[dict[str, str], dict[str, Outcome]]:
    """Make every data set once, before any cell needs it.

    Returns:
        Folders by text, and what became of the texts that could not be made.
    """
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
