"""Heuristics that restrict one mixed-integer program of the problem and solve it again and again.

They name an exact solver and a formulation, ``local-search[inner=highs,formulation=hamming]``, see
:mod:`bnnbench.inner`; :mod:`bnnbench_heuristics.program` makes the restrictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Model, Solver
from bnnbench.problem import Problem
from bnnbench.spec import Spec


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
        return used(self.inner, self.formulation)

    def accepts(self, model: Model) -> str | None:
        problem, part = model.problem, self.part()
        for option, value in self.plain:
            if getattr(part.formulation, option, value) != value:
                return f"a program with {option} cannot be restricted"
        return one_grid(problem) or self.refuses(problem) or part.refuses(problem, kind="milp")

    def part(self) -> Inner:
        """The solver of the programs."""
        return Inner.of(self.inner, self.formulation)

    def refuses(self, problem: Problem) -> str | None:
        """Further reasons, about the problem."""
        return None


def one_grid(problem: Problem) -> str | None:
    """Why single weights cannot be held or bounded; None when they can."""
    domain = problem.domain
    if len(domain.grids()) > 1:
        return f"layers of {domain.spec} choose among grids"
    if domain.budget(problem.architecture.n_weights) is not None:
        return f"{domain.spec} has a budget over all weights"
    return None
