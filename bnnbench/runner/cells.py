"""Cells in a pool of slots: started on data that are there, ended as records."""

from __future__ import annotations

import platform
import time

import msgspec
import numpy as np

import bnnbench
from bnnbench.record import Artefacts, Ending, Record, Seconds
from bnnbench.registry import Registry
from bnnbench.runner import system
from bnnbench.runner.executor import Ran
from bnnbench.runner.messages import Outcome, RunCell, VerifyStream
from bnnbench.runner.pool import Pool, Setup, Slot
from bnnbench.runner.task import VERIFY_SECONDS, Task
from bnnbench.spec import parse
from bnnbench.suite import Cell

PROBE_PERIOD = 30.0
PLAIN: Setup = ((), 1)


class Cells:
    """Runs cells in the slots of a pool and writes down how they end.

    Args:
        registry: knows the solvers.
        pool: the slots.
    """

    def __init__(self, registry: Registry, pool: Pool) -> None:
        self._registry, self._pool = registry, pool
        self._host = system.host()
        self._cut: dict[int, tuple[Task, Outcome]] = {}
        self._folders: dict[int, str] = {}
        self._noise: tuple[float, float] | None = None

    def launch(self, slot: Slot, cell: Cell, folder: str) -> None:
        """Start a cell in a free slot on the data set saved in a folder."""
        self._folders[slot.index] = folder
        request = RunCell(cell=cell, data=folder, cpus=slot.cpus[: cell.limits.threads])
        self._pool.start(slot, request, self._setup(cell), cell.limits.time, cell)

    def wait(self) -> list[Ran]:
        """Wait for a moment; returns what has ended."""
        finished = (self._finish(slot, task) for slot, task in self._pool.wait())
        return [ran for ran in finished if ran is not None]

    def unrun(self, cell: Cell, outcome: Outcome) -> Ran:
        """The row of a cell that no process has run, and why."""
        return self._ran(cell, outcome, None)

    def _setup(self, cell: Cell) -> Setup:
        solver = self._registry.solver(parse(cell.solver))
        used = [getattr(m.target, "preload", ()) for m in self._registry.used_by(solver)]
        modules = (*solver.preload, *(name for names in used for name in names))
        return tuple(dict.fromkeys(modules)), cell.limits.threads

    def _finish(self, slot: Slot, task: Task) -> Ran | None:
        cell = task.cell
        if cell is None:
            return None
        cut = self._cut.pop(slot.index, None)
        if cut is not None:
            return self._ran(cell, _merged(cut[1], task.end()), cut[0])
        if task.needs_verification:
            self._cut[slot.index] = (task, task.end())
            folder = self._folders[slot.index]
            request = VerifyStream(cell=cell, data=folder, stream=task.stream)
            self._pool.start(slot, request, PLAIN, VERIFY_SECONDS, cell)
            return None
        return self._ran(cell, task.end(), task)

    def _ran(self, cell: Cell, outcome: Outcome, task: Task | None) -> Ran:
        exited = task.exited if task else None
        facts = msgspec.structs.asdict(exited.facts) if exited and exited.facts else {}
        ending = Ending(outcome.ending)
        log = task.worker.log_tail() if task and ending is not Ending.OK else ""
        seconds = _seconds(outcome, task)
        record = Record(
            id=cell.id,
            cell=cell.plain(),
            ending=ending,
            stage=outcome.stage,
            detail=outcome.detail,
            claims=outcome.claims,
            evaluation=outcome.evaluation,
            solver_bound=outcome.solver_bound,
            seconds=seconds,
            reference=exited.reference if exited else False,
            peak_memory=exited.peak_memory if exited else 0,
            overrun=max(0.0, seconds.build + seconds.solve - cell.limits.time),
            versions=_versions(),
            host=self._host,
            probe=self._probe(),
            created=time.time(),
            **facts,
        )
        return Ran(record, Artefacts(outcome.network, outcome.trace, log))

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


def _versions() -> dict[str, str]:
    return {
        "bnnbench": bnnbench.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
