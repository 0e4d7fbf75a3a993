"""What a fork server makes once and all its cells find ready: data, problems, solver objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bnnbench.dataset import Dataset
from bnnbench.errors import BnnbenchError
from bnnbench.interfaces import Solver
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.runner.messages import Facts, RunCell, VerifyStream
from bnnbench.spec import parse
from bnnbench.suite import Cell, Topology
from bnnbench.suite.cell import parse_domain

_Key = tuple[str, Topology, str, str]


@dataclass(frozen=True)
class Prepared:
    """A cell's problem and solver.

    Attributes:
        problem: the problem; None when there is none.
        facts: what every record about it says.
        solver: the solver, with its parameters.
        unavailable: why the cell cannot run; None when it can.
    """

    problem: Problem | None
    facts: Facts | None
    solver: Solver
    unavailable: str | None


class Preparation:
    """Makes problems and solvers, each once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._data: dict[str, Dataset] = {}
        self._problems: dict[_Key, tuple[Problem | None, Facts | None, str | None]] = {}
        self._solvers: dict[str, tuple[Solver, str | None]] = {}

    def prepare(self, request: RunCell | VerifyStream) -> Prepared:
        """Everything a request needs.

        Raises:
            Exception: whatever a solver's constructor or :meth:`Solver.available` raises.
        """
        cell = request.cell
        if cell.solver not in self._solvers:
            solver = self._registry.solver(parse(cell.solver))
            self._solvers[cell.solver] = (solver, solver.available())
        solver, absent = self._solvers[cell.solver]
        key = (request.data, cell.topology, cell.domain, cell.objective)
        if key not in self._problems:
            self._problems[key] = self._make(request.data, cell)
        problem, facts, reason = self._problems[key]
        return Prepared(problem, facts, solver, reason or absent)

    def _make(self, data: str, cell: Cell) -> tuple[Problem | None, Facts | None, str | None]:
        if data not in self._data:
            self._data[data] = Dataset.load(Path(data))
        try:
            problem = make_problem(self._registry, cell, self._data[data])
        except BnnbenchError as error:
            return None, None, str(error)
        return problem, facts(problem), problem.infeasible


def make_problem(registry: Registry, cell: Cell, dataset: Dataset) -> Problem:
    """The problem of a cell.

    Raises:
        BnnbenchError: when data set and architecture do not fit together.
    """
    return Problem(
        dataset,
        cell.topology.architecture(dataset),
        parse_domain(cell.domain),
        registry.objective(parse(cell.objective)),
    )


def facts(problem: Problem) -> Facts:
    """What a record says about its problem, known before anything runs."""
    bound, ruler = problem.lower_bound, problem.reference
    return Facts(
        problem=problem.digest,
        data=problem.dataset.digest,
        rows=problem.dataset.sizes[0],
        lower_bound=None if bound is None else float(bound),
        reference_objective=None if ruler is None else float(ruler),
        notes=dict(problem.dataset.notes),
    )
