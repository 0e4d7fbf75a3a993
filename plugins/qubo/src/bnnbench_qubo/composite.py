"""Parts by name: the formulation and the sampler inside a method that is built from others."""

from __future__ import annotations

from collections.abc import Iterable

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Formulation, Solver
from bnnbench.solution import Solution, Termination
from bnnbench.spec import Spec, as_spec


def formulation_of(text: Spec | str, owner: str) -> Formulation:
    """The formulation of kind ``qubo`` that a spec names.

    Raises:
        ProblemError: naming the method that it is for.
    """
    from bnnbench.registry import Registry

    found = Registry.current().formulation(as_spec(text))
    _check(found, owner)
    return found


def sampler_of(text: Spec | str, owner: str) -> Solver:
    """The solver of kind ``qubo`` that a spec names.

    Raises:
        ProblemError: naming the method that it is for.
    """
    from bnnbench.registry import Registry

    found = Registry.current().solver(as_spec(text))
    _check(found, owner)
    return found


def _check(part: Formulation | Solver, owner: str) -> None:
    if part.kind != "qubo":
        raise ProblemError(f"{owner}: {part.name} is of kind {part.kind}, not qubo.")


def ended(own: Termination, parts: Iterable[Solution]) -> Termination:
    """Why a whole run stopped: by the time if the clock cut any of its parts."""
    cut = any(part.termination is Termination.TIME for part in parts)
    return Termination.TIME if cut and own is Termination.ITERATIONS else own


class Composite(Solver):
    """A solver around a formulation and a sampler, its fields ``formulation`` and ``sampler``."""

    sampler: Spec | str
    formulation: Spec | str

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        """Both parts, so that their versions belong to a cell's identity."""
        return ("solver", as_spec(self.sampler)), ("formulation", as_spec(self.formulation))
