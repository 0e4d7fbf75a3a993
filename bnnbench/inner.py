"""Solvers inside solvers: a solver, and its formulation, looked up by name and run as a part.

A composite solver (a heuristic that solves many small programs, a pipeline of programs, a scheme
around a sampler) has fields with specs, such as ``inner="highs"`` and ``formulation="hamming"``,
and meets both through the interfaces of the core alone, so any solver and formulation of any plugin
will do::

    @property
    def uses(self):
        return used(self.inner, self.formulation)

    def accepts(self, model):
        return Inner.of(self.inner, self.formulation).refuses(model.problem)

    def solve(self, model, limits, seed, report):
        inner = Inner.of(self.inner, self.formulation)
        found = inner.run(part_of(model.problem), limits.within(limits.time / 2), seed)
        if found.network is not None: ...
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

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
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Point, Solution, Termination
from bnnbench.spec import Spec, as_spec

Name = Spec | str
"""The type of a field that names a solver or a formulation."""


@dataclass(frozen=True)
class Inner:
    """A solver, with a formulation unless it is of kind ``direct``.

    Attributes:
        solver: what solves.
        formulation: what builds its models; None for a direct solver.
    """

    solver: Solver
    formulation: Formulation | None = None

    @classmethod
    def of(cls, solver: Name | Solver, formulation: Name | Formulation | None = None) -> Inner:
        """Look both up in the run's registry; the formulation of a direct solver is left out.

        Raises:
            UnknownNameError: for a name that nothing has.
            SpecError: when the parameters do not fit.
        """
        registry = Registry.current()
        made = solver if isinstance(solver, Solver) else registry.solver(as_spec(solver))
        if formulation is None or made.kind == "direct":
            return cls(made)
        if isinstance(formulation, Formulation):
            return cls(made, formulation)
        return cls(made, registry.formulation(as_spec(formulation)))

    def refuses(self, problem: Problem, kind: str | None = None) -> str | None:
        """Why it cannot solve a problem; None when it can.

        Args:
            problem: what would be solved.
            kind: of the models that the composite solver works on; None for any.
        """
        solver, formulation = self.solver, self.formulation
        if kind is not None and solver.kind != kind:
            return f"needs a solver of kind {kind}, {solver.name} reads {solver.kind}"
        if formulation is None:
            if solver.kind != "direct":
                return f"{solver.name} reads models of kind {solver.kind}: needs a formulation"
            return solver.available() or solver.accepts(direct_model(problem))
        if formulation.kind != solver.kind:
            return (
                f"{solver.name} reads {solver.kind}, {formulation.name} builds {formulation.kind}"
            )
        reason = missing(formulation.requires) or formulation.accepts(problem)
        return solver.available() or (f"{formulation.name}: {reason}" if reason else None)

    def model(self, problem: Problem) -> Model:
        """The model of a problem that is not refused."""
        return self.formulation.build(problem) if self.formulation else direct_model(problem)

    def solve(
        self, model: Model, limits: Limits, seed: int, report: Report = ignore_report
    ) -> Solution:
        """Solve a model of :meth:`model`, or one made from it.

        Args:
            model: to solve.
            limits: of this part, see :meth:`~bnnbench.solution.Limits.within`.
            seed: of this part, see :func:`next_seed`.
            report: is told networks, not points, and no bound of a model that is not exact.

        Returns:
            The claims, about the model's problem; the answer is a network or None. Without time, or
            where the solver refuses the model, there is none.
        """
        if limits.time <= 0:
            return Solution(termination=Termination.TIME)
        reason = self.solver.accepts(model)
        if reason is not None:
            return _refused(reason)
        told = report if report is ignore_report else _as_networks(model, report)
        found = self.solver.solve(model, limits, seed, told)
        return replace(
            found,
            answer=None if found.answer is None else model.network(found.answer),
            status=model.status(found.status),
            bound=found.bound if model.exact else None,
        )

    def run(
        self,
        problem: Problem,
        limits: Limits,
        seed: int,
        report: Report = ignore_report,
        start: Network | None = None,
    ) -> Solution:
        """Build and solve, all in one; a refused problem gives no answer.

        Args:
            problem: what to solve.
            limits: see :meth:`solve`.
            seed: see :meth:`solve`.
            report: see :meth:`solve`.
            start: a network to start from, for solvers of models with a field ``start`` that can be
                ``reference``, the network known with the data; others start from nothing.
        """
        if limits.time <= 0:
            return Solution(termination=Termination.TIME)
        inner = self
        if start is not None and self._starts:
            problem = replace(problem, dataset=replace(problem.dataset, reference=start))
            solver: Any = self.solver
            inner = replace(self, solver=replace(solver, start="reference"))
        reason = inner.refuses(problem)
        if reason is not None:
            return _refused(reason)
        return inner.solve(inner.model(problem), limits, seed, report)

    @property
    def _starts(self) -> bool:
        start = getattr(self.solver, "start", None)
        return self.formulation is not None and isinstance(start, (Spec, str))


def used(solver: Name, *formulations: Name | None) -> tuple[tuple[str, Spec], ...]:
    """The value of :attr:`~bnnbench.interfaces.Solver.uses` for a solver and its formulations."""
    named = (("formulation", as_spec(f)) for f in formulations if f is not None)
    return (("solver", as_spec(solver)), *named)


def next_seed(rng: np.random.Generator) -> int:
    """A seed for a part."""
    return int(rng.integers(2**31))


def _refused(reason: str) -> Solution:
    return Solution(termination=Termination.ERROR, info={"refused": reason})


def _as_networks(model: Model, report: Report) -> Report:
    """A report that is told networks instead of points of a part's model."""

    def told(
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        network = None if answer is None else model.network(answer)
        return report(network, objective=objective, bound=bound if model.exact else None)

    return told
