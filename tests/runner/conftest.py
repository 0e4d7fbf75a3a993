from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bnnbench.record import Record
from bnnbench.registry import Registry
from bnnbench.runner import Listener, Runner, Summary
from bnnbench.store import Store
from bnnbench.suite import Suite, expand
from bnnbench.suite.schema import LimitsTable, MethodTable, ProblemTable, SuiteFile

FAULTS = Path(__file__).parent / "faults.py"


@dataclass
class Bench:
    """Runs small suites of misbehaving solvers into one store."""

    path: Path
    registry: Registry

    def suite(
        self,
        *solvers: str,
        data: list[str] | None = None,
        seeds: list[int] | None = None,
        time: float = 5.0,
        grace: float = 0.3,
        memory: str = "1 GiB",
        objective: str = "errors",
        target: float | None = None,
    ) -> Suite:
        file = SuiteFile(
            problem=[
                ProblemTable(data=data or ["blobs"], objective=objective, hidden=[3], target=target)
            ],
            method=[MethodTable(solver=s) for s in solvers],
            seeds=seeds or [0],
            limits=LimitsTable(time=time, grace=grace, memory=memory),
        )
        suite = expand(file, self.registry, name="faults")
        return Suite(suite.name, file, None, suite.cells, (FAULTS,))

    def run(
        self,
        suite: Suite,
        *,
        jobs: int = 1,
        listener: object = None,
        retry=(),
        executor=None,
        attempts: int = 1,
    ) -> Summary:
        with Store(self.path) as store:
            runner = Runner(
                suite, self.registry, store, listener or Listener(),
                jobs=jobs, retry=retry, attempts=attempts, executor=executor,
            )  # fmt: skip
            return runner.run()

    def one(self, solver: str, **settings: object) -> Record:
        """The record of a single cell."""
        (record,) = self.run(self.suite(solver, **settings)).records
        return record

    def artefacts(self, record: Record):
        with Store(self.path) as store:
            return store.artefacts(record)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "results.bnnbench", Registry.load([FAULTS]))
