"""Running what a store does not hold yet of a suite, each cell in a process of its own."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from bnnbench.record import Record
from bnnbench.registry import Registry
from bnnbench.runner.executor import Executor, Ran
from bnnbench.runner.listener import Listener
from bnnbench.runner.local import Local
from bnnbench.store import Store
from bnnbench.suite import Cell, Suite


@dataclass
class Summary:
    """What a run did.

    Attributes:
        total: cells of the suite, times the passes over it.
        resumed: those of them that were in the store already, or that another run put there
            meanwhile.
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
        jobs: cells side by side, for the local pool.
        retry: endings in the store that are to be run again.
        attempts: how often the store is to hold every cell afterwards: so many passes over the
            suite, each of which runs what was run less often before.
        executor: where cells run; the local pool when None.
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
        attempts: int = 1,
        executor: Executor | None = None,
    ) -> None:
        self._suite, self._registry, self._store = suite, registry, store
        self._listener = listener
        self._mark = store.mark
        ids = {cell.id: cell for cell in suite.cells}
        done = [store.finished(retry=retry, attempts=k) for k in range(1, attempts + 1)]
        self._passes = [[c for key, c in ids.items() if key not in found] for found in done]
        total, todo = len(ids) * attempts, sum(map(len, self._passes))
        self.summary = Summary(total, total - todo)
        self._executor = executor or Local(registry, suite.inline, jobs)

    def run(self) -> Summary:
        """Run everything that is left.

        Raises:
            KeyboardInterrupt: after stopping cleanly; finished records are in the store.
            StoreError: when a record cannot be written.
            ExecutorError: when the executor cannot run cells.
        """
        self._listener.planned(self.summary.total, self.summary.resumed)
        order = random.Random(self._suite.name)
        for number, cells in enumerate(self._passes):
            # In random order, so that a slow spell of the machine hits all methods.
            order.shuffle(cells)
            self._mark = self._store.mark if number else self._mark
            work = self._executor.run(cells, self._listener, self._wanted)
            with contextlib.closing(work) as ended:
                for ran in ended:
                    self._keep(ran)
        return self.summary

    def _wanted(self, cell: Cell) -> bool:
        """Whether no other run on the same store has finished a cell since this one began."""
        if self._store.ended_since(self._mark, cell.id):
            self._elsewhere()
            return False
        return True

    def _elsewhere(self) -> None:
        self.summary.resumed += 1
        self._listener.elsewhere()

    def _keep(self, ran: Ran) -> None:
        record = msgspec.structs.replace(ran.record, suite=self._suite.name)
        stored = self._store.add_unless(self._mark, record, ran.artefacts)
        if stored is None:
            self._elsewhere()
            return
        self.summary.records.append(stored)
        for problem in self._registry.recorded(stored):
            self._listener.warn(f"observer {problem}")
        self._listener.finished(stored)
