"""Running what a store does not hold yet of a suite, each cell in a process of its own."""

from __future__ import annotations

import platform
import random
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

import bnnbench
from bnnbench.record import Artefacts, Ending, Record, Seconds
from bnnbench.registry import Registry
from bnnbench.runner import system
from bnnbench.runner.listener import Listener
from bnnbench.runner.messages import MakeData, Outcome, RunCell, VerifyStream
from bnnbench.runner.pool import Pool, Setup, Slot
from bnnbench.runner.task import VERIFY_SECONDS, Task
from bnnbench.spec import parse
from bnnbench.store import Store
from bnnbench.suite import Cell, Suite

DATA_SECONDS = 3600.0
PROBE_PERIOD = 30.0
PLAIN: Setup = ((), 1)


@dataclass
class Summary:
    """What a run did.

    Attributes:
        total: cells of the suite.
        resumed: cells that were in the store already.
        records: of this run.
    """

    total: int
    resumed: int
    records: list[Record] = field(default_factory=list)


class Runner:
    """Runs what a store does not hold yet.

    Args:
        suite: the cells.
        registry: with the suite's inline plugins loaded.
        store: where records go, one transaction each.
        listener: who watches.
        jobs: cells side by side.
        retry: endings in the store that are to be run again.
    """

    def __init__(
        self,
        suite: Suite,
        registry: Registry,
        store: Store,
        listener: Listener,
        *,
        jobs: int = 1,
        retry: Iterable[str] = (),
    ) -> None:
        self._suite, self._registry, self._store = suite, registry, store
        self._listener = listener
        finished = store.finished(retry=retry)
        ids = {cell.id: cell for cell in suite.cells}
        self._todo = {key: cell for key, cell in ids.items() if key not in finished}
        self.summary = Summary(len(ids), len(ids) - len(self._todo))
        self._jobs = max(1, min(jobs, len(self._todo)))
        self._folders: dict[str, str] = {}
        self._broken: dict[str, Outcome] = {}
        self._cut: dict[int, tuple[Task, Outcome]] = {}
        self._noise: tuple[float, float] | None = None

    def run(self) -> Summary:
        """Run everything that is left.

        Raises:
            KeyboardInterrupt: after stopping cleanly; finished records are in the store.
            StoreError: when a record cannot be written.
        """
        self._listener.planned(self.summary.total, self.summary.resumed)
        if not self._todo:
            return self.summary
        self._host = system.host()
        threads = max(cell.limits.threads for cell in self._todo.values())
        with tempfile.TemporaryDirectory(prefix="bnnbench-") as scratch:
            pool = Pool(
                self._jobs, threads=threads, scratch=Path(scratch), plugins=self._suite.inline
            )
            try:
                self._make_data(pool, Path(scratch))
                self._run_cells(pool)
            finally:
                pool.close()
        return self.summary

    def _make_data(self, pool: Pool, scratch: Path) -> None:
        """Make every data set once, before any cell needs it."""
        texts = deque(dict.fromkeys(cell.data for cell in self._todo.values()))
        while texts or pool.busy:
            for slot in pool.free[: len(texts)]:
                text = texts.popleft()
                folder = str(scratch / f"data-{len(self._folders)}")
                self._folders[text] = folder
                self._listener.data(text)
                pool.start(slot, MakeData(text=text, folder=folder), PLAIN, DATA_SECONDS)
            for _, task in pool.wait():
                outcome = task.end()
                if outcome.ending != Ending.OK and isinstance(task.request, MakeData):
                    self._broken[task.request.text] = msgspec.structs.replace(
                        outcome, ending=str(Ending.ERROR), stage="data"
                    )
            self._listener.tick()

    def _run_cells(self, pool: Pool) -> None:
        todo = deque(self._shuffled())
        while todo or pool.busy:
            for slot in pool.free:
                while todo and slot.task is None:
                    self._launch(pool, slot, *todo.popleft())
            for slot, task in pool.wait():
                self._finish(pool, slot, task)
            self._listener.tick()

    def _shuffled(self) -> list[tuple[str, Cell]]:
        """Cells in a fixed random order, so that a slow spell of the machine hits all methods."""
        cells = list(self._todo.items())
        random.Random(self._suite.name).shuffle(cells)
        return cells

    def _launch(self, pool: Pool, slot: Slot, key: str, cell: Cell) -> None:
        self._listener.started(cell)
        if cell.data in self._broken:
            self._record(cell, self._broken[cell.data], None)
            return
        data = self._folders[cell.data]
        request = RunCell(cell=cell, data=data, cpus=slot.cpus[: cell.limits.threads])
        pool.start(slot, request, self._setup(cell), cell.limits.time, cell)

    def _setup(self, cell: Cell) -> Setup:
        solver = self._registry.solver(parse(cell.solver))
        used = [getattr(m.target, "preload", ()) for m in self._registry.used_by(solver)]
        modules = (*solver.preload, *(name for names in used for name in names))
        return tuple(dict.fromkeys(modules)), cell.limits.threads

    def _finish(self, pool: Pool, slot: Slot, task: Task) -> None:
        cell = task.cell
        if cell is None:
            return
        cut = self._cut.pop(slot.index, None)
        if cut is not None:
            self._record(cell, _merged(cut[1], task.end()), cut[0])
            return
        if task.needs_verification:
            self._cut[slot.index] = (task, task.end())
            request = VerifyStream(cell=cell, data=self._folders[cell.data], stream=task.stream)
            pool.start(slot, request, PLAIN, VERIFY_SECONDS, cell)
            return
        self._record(cell, task.end(), task)

    def _record(self, cell: Cell, outcome: Outcome, task: Task | None) -> None:
        exited = task.exited if task else None
        facts = msgspec.structs.asdict(exited.facts) if exited and exited.facts else {}
        ending = Ending(outcome.ending)
        log = task.worker.log_tail() if task and ending is not Ending.OK else ""
        record = Record(
            id=cell.id,
            cell=cell.plain(),
            suite=self._suite.name,
            ending=ending,
            stage=outcome.stage,
            detail=outcome.detail,
            claims=outcome.claims,
            evaluation=outcome.evaluation,
            solver_bound=outcome.solver_bound,
            seconds=_seconds(outcome, task),
            reference=exited.reference if exited else False,
            peak_memory=exited.peak_memory if exited else 0,
            overrun=_overrun(cell, outcome),
            versions=_versions(),
            host=self._host,
            probe=self._probe(),
            created=time.time(),
            **facts,
        )
        stored = self._store.add(record, Artefacts(outcome.network, outcome.trace, log))
        self.summary.records.append(stored)
        for problem in self._registry.recorded(stored):
            self._listener.warn(f"observer {problem}")
        self._listener.finished(stored)

    def _probe(self) -> float:
        """The machine's noise, measured anew now and then."""
        now = time.monotonic()
        if self._noise is None or now - self._noise[0] > PROBE_PERIOD:
            self._noise = (now, system.probe())
        return self._noise[1]


def _merged(outcome: Outcome, verified: Outcome) -> Outcome:
    """How a run that was cut off ended, with what was verified of its stream."""
    lied = verified.ending == Ending.INVALID
    return msgspec.structs.replace(
        outcome,
        ending=verified.ending if lied else outcome.ending,
        detail=f"{outcome.detail}; {verified.detail}" if lied else outcome.detail,
        claims=verified.claims,
        evaluation=verified.evaluation,
        solver_bound=verified.solver_bound,
        network=verified.network,
        trace=verified.trace,
    )


def _seconds(outcome: Outcome, task: Task | None) -> Seconds:
    if task is None:
        return outcome.seconds
    solve = outcome.seconds.solve
    if task.outcome is None and task.solve_start is not None:
        solve = task.ended - task.solve_start
    return msgspec.structs.replace(
        outcome.seconds,
        solve=solve,
        wall=task.ended - task.started,
        cpu=task.exited.cpu if task.exited else 0.0,
    )


def _overrun(cell: Cell, outcome: Outcome) -> float:
    return max(0.0, outcome.seconds.build + outcome.seconds.solve - cell.limits.time)


def _versions() -> dict[str, str]:
    return {
        "bnnbench": bnnbench.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
