"""Methods that are built from a sampler and a formulation, both by name."""

from __future__ import annotations

from collections.abc import Iterable

from bnnbench.inner import Inner, Name, used
from bnnbench.interfaces import Solver
from bnnbench.problem import Problem
from bnnbench.solution import Solution, Termination
from bnnbench.spec import Spec


class Composite(Solver):
    """A solver around a formulation and a sampler, its fields ``formulation`` and ``sampler``."""

    sampler: Name
    formulation: Name

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        """Both parts, so that their versions belong to a cell's identity."""
        return used(self.sampler, self.formulation)

    def part(self) -> Inner:
        """The sampler with the formulation."""
        return Inner.of(self.sampler, self.formulation)

    def refuses(self, problem: Problem) -> str | None:
        """Why the parts cannot solve a problem; None when they can."""
        return self.part().refuses(problem, kind="qubo")


def ended(own: Termination, parts: Iterable[Solution]) -> Termination:
    """Why a whole run stopped: by the time if the clock cut any of its parts."""
    cut = any(part.cut for part in parts)
    return Termination.TIME if cut and own is Termination.ITERATIONS else own
