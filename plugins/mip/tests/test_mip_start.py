"""The solver that finds a first network is part of a cell's identity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from bnnbench_mip.highs import Highs

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.errors import ProblemError, SuiteError
from bnnbench.interfaces import ignore_report
from bnnbench.objectives import Hamming
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Termination
from bnnbench.spec import parse
from bnnbench.suite import Cell, load

SUITE = """
[suite]
plugins = ["first.py"]
[[problem]]
data = "points"
objective = "hamming"
[[method]]
formulation = "{formulation}"
solver = "{solver}"
"""
PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver
from bnnbench.solution import Solution
from bnnbench.table import Table

def points():
    """Two rows."""
    return Table(np.array([[0], [1]]), np.array([0, 1]))

@dataclass(frozen=True)
class First(Solver):
    """Finds any network."""
    name: ClassVar[str] = "first"
    requires: ClassVar[tuple[str, ...]] = ("numpy",)
    steps: int = 1
    def accepts(self, model): return None if self.steps else "no steps"
    def solve(self, model, limits, seed, report):
        network = model.problem.random_network(np.random.default_rng(seed))
        report(network)
        return Solution.found(network)

@hookimpl
def bnnbench_datasets(): return [points]
@hookimpl
def bnnbench_solvers(): return [First]
'''


@pytest.fixture
def cell(tmp_path: Path) -> Any:
    """The cell of a solver, with the names alone of what it depends on, each at version 1."""

    def make(solver: str, formulation: str = "hamming") -> Cell:
        (tmp_path / "first.py").write_text(PLUGIN)
        path = tmp_path / "one.toml"
        path.write_text(SUITE.format(solver=solver, formulation=formulation))
        (found,) = load(str(path))[0].cells
        names = (v.rsplit(" ", 1)[0] for v in found.versions)
        return msgspec.structs.replace(found, versions=tuple(f"{Path(n).name} 1" for n in names))

    return make


@pytest.mark.parametrize("start", ["", "start=reference"])
@pytest.mark.parametrize(
    ("solver", "libraries"),
    [
        ("highs", "highspy"),
        ("cp-sat", "ortools"),
        ("scip", "pyscipopt"),
        ("gurobi", "gurobipy scipy"),
    ],
)
def test_versions_of_the_start_are_in_the_identity_where_there_is_one(
    cell: Any, solver: str, libraries: str, start: str
) -> None:
    own = (
        "first.py 1",
        "bnnbench 1",
        "bnnbench-mip 1",
        *(f"{name} 1" for name in libraries.split()),
    )
    assert cell(f"{solver}[{start}]").versions == own
    assert cell(f"{solver}[start=first[steps=2]]").versions == (*own, "numpy 1")
    with pytest.raises(SuiteError, match="nobody"):
        cell(f"{solver}[start=nobody]")


def test_ids_without_a_start_are_what_they_were(cell: Any) -> None:
    """Whoever changes this breaks every store there is."""
    assert cell("highs").id == "815847bfb0f6a8541e883722"
    assert cell("highs[start=reference]").id == "9e768fd6f0fc9c6c3db03106"


def test_a_start_that_refuses_the_problem_is_said(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(PLUGIN)
    registry = Registry.load([tmp_path / "first.py"])
    registry.share()
    try:
        data = Dataset("points", np.array([[0], [1]]), np.array([0, 1]), (2, 0, 0))
        problem = Problem(data, Architecture(1, (), 1), Integer(), Hamming())
        model = registry.formulation(parse("hamming")).build(problem)
        solution = Highs(start="first").solve(model, Limits(time=5), 0, ignore_report)
        assert solution.termination is Termination.OPTIMAL
        with pytest.raises(ProblemError, match="no steps"):
            Highs(start="first[steps=0]").solve(model, Limits(time=5), 0, ignore_report)
    finally:
        Registry._current = None
