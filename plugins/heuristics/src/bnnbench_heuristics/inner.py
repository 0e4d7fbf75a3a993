"""Formulations and solvers inside a heuristic, looked up by name in the registry.

Heuristics of the literature solve many small problems with an exact solver. They name it by a spec,
``local-search[inner=highs,formulation=hamming]``, and meet it through the interfaces of the core,
so any formulation and any solver, of any plugin, will do. A solver of kind ``direct`` takes the
problem itself and needs no formulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from bnnbench.interfaces import (
    Formulation,
    Model,
    Report,
    Solver,
    direct_model,
    ignore_report,
    missing,
)
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.spec import Spec, as_spec

Name = Spec | str


@dataclass(frozen=True)
class Answer:
    """What an inner solver found.

    Attributes:
        network: its network; None for nothing.
        termination: why it stopped.
        proved: whether it claims the network optimal for what it was given.
    """

    network: Network | None
    termination: Termination
    proved: bool = False

    @property
    def cut(self) -> bool:
        """Whether the clock cut it: then so is whatever is made of its answer."""
        return self.termination is Termination.TIME


@dataclass(frozen=True)
class Inner:
    """A solver, with a formulation unless it is direct."""

    solver: Solver
    formulation: Formulation | None

    @classmethod
    def of(cls, solver: Name, formulation: Name | None = None) -> Inner:
        """Look both up.

        Raises:
            UnknownNameError: for a name that nothing has.
            SpecError: when the parameters do not fit.
        """
        from bnnbench.registry import Registry

        registry = Registry.current()
        made = registry.solver(as_spec(solver))
        if formulation is None or made.kind == "direct":
            return cls(made, None)
        return cls(made, registry.formulation(as_spec(formulation)))

    def refuses(self, problem: Problem) -> str | None:
        """Why it cannot solve a problem; None when it can."""
        if self.formulation is None and self.solver.kind != "direct":
            return (
                f"{self.solver.name} reads models of kind {self.solver.kind}: needs a formulation"
            )
        if self.formulation is None:
            return self.solver.available() or self.solver.accepts(direct_model(problem))
        if self.formulation.kind != self.solver.kind:
            kinds = f"{self.formulation.kind}, not {self.solver.kind}"
            return f"{self.formulation.name} builds {kinds} as {self.solver.name} reads"
        reason = missing(self.formulation.requires) or self.formulation.accepts(problem)
        return self.solver.available() or (f"{self.formulation.name}: {reason}" if reason else None)

    def model(self, problem: Problem) -> Model:
        """The model of an accepted problem."""
        return self.formulation.build(problem) if self.formulation else direct_model(problem)

    def solve(
        self, model: Model, limits: Limits, seed: int, report: Report = ignore_report
    ) -> Answer:
        """Solve a model; what the solver refuses or cannot decode is no network."""
        if limits.time <= 0:
            return Answer(None, Termination.TIME)
        if self.solver.accepts(model) is not None:
            return Answer(None, Termination.ERROR)
        solution: Solution = self.solver.solve(model, limits, seed, report)
        network = None if solution.answer is None else model.network(solution.answer)
        proved = solution.termination is Termination.OPTIMAL
        return Answer(network, solution.termination, proved)


def called(solver: Name, formulation: Name | None = None) -> tuple[tuple[str, Spec], ...]:
    """The value of :attr:`~bnnbench.interfaces.Solver.uses` for a solver and its formulation."""
    found = (("solver", as_spec(solver)),)
    return found if formulation is None else (*found, ("formulation", as_spec(formulation)))


def one_grid(problem: Problem) -> str | None:
    """Why single weights cannot be held or bounded; None when they can."""
    domain = problem.domain
    if len(domain.grids()) > 1:
        return f"layers of {domain.spec} choose among grids"
    if domain.budget(problem.architecture.n_weights) is not None:
        return f"{domain.spec} has a budget over all weights"
    return None


def seconds(limits: Limits, time: float, target: float | None = None) -> Limits:
    """The limits of one inner solve."""
    return replace(limits, time=max(0.0, time), target=target)


def next_seed(rng: np.random.Generator) -> int:
    """A seed for an inner solve."""
    return int(rng.integers(2**31))


def goal(problem: Problem, limits: Limits) -> float | None:
    """The objective at which there is nothing left to do: the bound or the target."""
    known = [problem.lower_bound, limits.target]
    values = [float(v) for v in known if v is not None and math.isfinite(v)]
    return max(values, default=None)


@dataclass(frozen=True)
class ProgramSolver(Solver):
    """Base of heuristics that restrict a mixed-integer program of the problem.

    Attributes:
        inner: a solver of kind ``milp``.
        formulation: of kind ``milp``, for the problem's objective, whose variables are named as
            those of ``bnnbench-mip``; without symmetry breaking and merged rows.
    """

    inner: Name = "highs"
    formulation: Name = "hamming"
    plain: ClassVar[tuple[tuple[str, object], ...]] = (
        ("symmetry", False),
        ("order", "none"),
        ("merge", False),
    )

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return called(self.inner, self.formulation)

    def accepts(self, model: Model) -> str | None:
        problem = model.problem
        part = Inner.of(self.inner, self.formulation)
        if part.formulation is None or part.solver.kind != "milp":
            return f"inner must be a solver of kind milp, {part.solver.name} is not"
        for option, value in self.plain:
            if getattr(part.formulation, option, value) != value:
                return f"a program with {option} cannot be restricted"
        return one_grid(problem) or self.refuses(problem) or part.refuses(problem)

    def refuses(self, problem: Problem) -> str | None:
        """Further reasons, about the problem."""
        return None
