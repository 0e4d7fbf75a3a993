"""Planted families under a real exact solver: the known optimum is reached and proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnnbench.analysis import gap, knowledge
from bnnbench.record import Ending
from bnnbench.registry import Registry
from bnnbench.runner import Listener, Runner
from bnnbench.store import Store
from bnnbench.suite import expand
from bnnbench.suite.schema import LimitsTable, MethodTable, ProblemTable, SuiteFile

PLANTED = "planted[n=6,h=2,N=16,outputs=1,seed={seed}]"


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Planted networks with 0, 1 and 3 contradictory duplicates, three draws of each."""
    file = SuiteFile(
        problem=[
            ProblemTable(
                data=[PLANTED, *(f"{PLANTED} | dup[r={r},seed={{seed}}]" for r in (1, 3))],
                hidden=[2],
                outputs="one",
                objective="errors",
            )
        ],
        method=[MethodTable(solver="highs", formulation="errors")],
        seeds=[0, 1, 2],
        limits=LimitsTable(time=60.0),
    )
    registry = Registry.load()
    with Store(Path(tmp_path_factory.mktemp("planted")) / "p.bnnbench") as store:
        suite = expand(file, registry, name="planted")
        Runner(suite, registry, store, Listener(), jobs=2).run()
        return list(store.records())


def forced(record) -> int:
    """How many contradictory duplicates were added."""
    return next((r for r in (1, 3) if f"r={r}" in record.cell["data"].partition("dup")[2]), 0)


def test_the_exact_solver_reaches_the_planted_optimum(solved):
    assert {forced(r) for r in solved} == {0, 1, 3}
    for record in solved:
        assert record.ending is Ending.OK
        assert record.claims.status == "optimal"
        assert record.evaluation.objective == forced(record)


def test_the_optimum_is_known_without_solving(solved):
    """The planted network gives the value, contradictory rows the bound: they meet."""
    for record in solved:
        assert record.known_objective == record.lower_bound == forced(record)


def test_gaps_use_what_is_known(solved):
    known = knowledge(solved)
    for record in solved:
        assert gap(record, known[record.problem]).proved
        assert known[record.problem].bound == forced(record)
