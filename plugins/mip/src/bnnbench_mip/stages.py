"""Stages of a pipeline: a formulation and a solver by name, one problem after the other.

A stage that starts from a network hands it to its solver as the network known with the data, where
the solver has a parameter ``start`` that can be ``reference``; other solvers start from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from bnnbench.interfaces import Model, Report, Solver, direct_model, ignore_report, missing
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Point, Solution, Termination
from bnnbench.spec import Spec, as_spec

Name = Spec | str


@dataclass(frozen=True)
class Stage:
    """One step: what builds the program, and what solves it.

    Attributes:
        formulation: its name, ignored by a solver of kind ``direct``; or a formulation itself.
        solver: its name.
    """

    formulation: Any
    solver: Name

    def refuses(self, problem: Problem) -> str | None:
        """Why the stage cannot solve a problem; None when it can."""
        solver, formulation = self._parts()
        if formulation is None:
            return solver.available() or solver.accepts(direct_model(problem))
        if formulation.kind != solver.kind:
            return (
                f"{solver.name} reads {solver.kind}, {formulation.name} builds {formulation.kind}"
            )
        return solver.available() or missing(formulation.requires) or formulation.accepts(problem)

    def run(
        self,
        problem: Problem,
        limits: Limits,
        seed: int,
        report: Report = ignore_report,
        start: Network | None = None,
    ) -> tuple[Network | None, Solution]:
        """Solve; what is refused or runs out of time before it starts is no network."""
        if limits.time <= 0:
            return None, Solution.found(None, Termination.TIME)
        solver, formulation = self._parts()
        if start is not None and any(f.name == "start" for f in fields(solver)):  # type: ignore[arg-type]
            problem = replace(problem, dataset=replace(problem.dataset, reference=start))
            solver = replace(solver, start="reference")  # type: ignore[type-var]
        if self.refuses(problem) is not None:
            return None, Solution.found(None, Termination.ERROR)
        model = formulation.build(problem) if formulation else direct_model(problem)
        solution = solver.solve(model, limits, seed, as_networks(model, report))
        if not model.exact:
            solution = replace(solution, bound=None)
        answer = solution.answer
        return None if answer is None else model.network(answer), solution

    def _parts(self) -> tuple[Solver, Any]:
        from bnnbench.registry import Registry

        registry = Registry.current()
        solver = registry.solver(as_spec(self.solver))
        if solver.kind == "direct":
            return solver, None
        if isinstance(self.formulation, (Spec, str)):
            return solver, registry.formulation(as_spec(self.formulation))
        return solver, self.formulation


@dataclass(eq=False)
class Course:
    """How a pipeline goes: a report that remembers, and why the stages so far ended.

    Attributes:
        report: what is told.
        stopped: whether it has asked to stop.
        cut: whether the clock cut a stage.
    """

    report: Report
    stopped: bool = False
    cut: bool = False

    def __call__(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        """See :class:`bnnbench.interfaces.Report`."""
        asked = self.report(answer, objective=objective, bound=bound)
        self.stopped = self.stopped or asked
        return self.stopped

    def asks(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        """A report for a stage whose networks are not yet answers: it only asks whether to stop."""
        return self()

    def passed(self, stage: Solution) -> None:
        """Take note of a stage's end."""
        self.cut = self.cut or stage.termination is Termination.TIME

    def ended(self, objective: float | None, limits: Limits) -> Termination:
        """Why a pipeline whose answer has this objective stopped."""
        if limits.target is not None and objective is not None and objective <= limits.target:
            return Termination.TARGET
        if self.stopped:
            return Termination.INTERRUPTED
        return Termination.TIME if self.cut else Termination.ITERATIONS


def as_networks(model: Model, report: Report) -> Report:
    """A report that is told networks instead of points of a stage's model."""

    def told(
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        network = None if answer is None else model.network(answer)
        return report(network, objective=objective, bound=bound if model.exact else None)

    return told


def muted(report: Report) -> Report:
    """A report for a stage with another objective: its networks count, its figures do not."""

    def told(
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        return report(answer)

    return told
