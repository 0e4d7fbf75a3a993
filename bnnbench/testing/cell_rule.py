"""One cell through the runner: a process of its own, forked from a server that has preloaded."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bnnbench.architecture import Architecture
from bnnbench.problem import Problem, objective_spec
from bnnbench.record import Record
from bnnbench.registry import Registry
from bnnbench.runner import Listener, Runner
from bnnbench.store import Store
from bnnbench.suite import expand
from bnnbench.suite.schema import About, LimitsTable, MethodTable, ProblemTable, SuiteFile

SECONDS = 3.0


def run_cell(
    registry: Registry,
    files: Sequence[Path],
    solver: str,
    formulation: str | None,
    problem: Problem,
) -> Record:
    """The record of one cell on a tiny problem.

    Args:
        registry: that knows them all.
        files: the local plugin files that it has loaded, the kit's own among them.
        solver: as a spec.
        formulation: as a spec; None for a direct solver.
        problem: one of the kit's.

    Raises:
        SuiteError: when solver and formulation cannot be named together.
    """
    suite = SuiteFile(
        suite=About(name="conformance", plugins=[str(p) for p in files]),
        problem=[_table(problem)],
        method=[MethodTable(solver=solver, formulation=formulation)],
        limits=LimitsTable(time=SECONDS),
    )
    cells = expand(suite, registry, name="conformance")
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder) / "conformance.bnnbench") as store,
    ):
        Runner(cells, registry, store, Listener()).run()
        (record,) = store.records()
    return record


def _table(problem: Problem) -> ProblemTable:
    arch = problem.architecture
    assert arch.activation != "relu"  # no problem has it
    return ProblemTable(
        data=f"bnnbench-conformance[name={problem.dataset.name.removeprefix('conformance-')}]",
        objective=str(objective_spec(problem.objective)),
        hidden=[list(arch.hidden)],
        domain=str(problem.domain.spec),
        outputs="one" if arch.outputs == 1 else "classes",
        activation=arch.activation,
        skips=_skips(arch),
    )


def _skips(arch: Architecture) -> list[tuple[int, int]]:
    return [(c.source, c.target) for c in arch.connections if c.target > c.source + 1]
