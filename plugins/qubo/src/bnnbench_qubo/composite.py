"""Parts by name: the formulation and the sampler inside a method that is built from others."""

from __future__ import annotations

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Formulation, Solver
from bnnbench.spec import Spec, parse


def formulation_of(text: Spec | str, owner: str) -> Formulation:
    """The formulation of kind ``qubo`` that a spec names.

    Raises:
        ProblemError: naming the method that it is for.
    """
    from bnnbench.registry import Registry

    found = Registry.current().formulation(_spec(text))
    _check(found, owner)
    return found


def sampler_of(text: Spec | str, owner: str) -> Solver:
    """The solver of kind ``qubo`` that a spec names.

    Raises:
        ProblemError: naming the method that it is for.
    """
    from bnnbench.registry import Registry

    found = Registry.current().solver(_spec(text))
    _check(found, owner)
    return found


def _check(part: Formulation | Solver, owner: str) -> None:
    if part.kind != "qubo":
        raise ProblemError(f"{owner}: {part.name} is of kind {part.kind}, not qubo.")


def _spec(text: Spec | str) -> Spec:
    return text if isinstance(text, Spec) else parse(text)


class Composite(Solver):
    """A solver around a formulation and a sampler, its fields ``formulation`` and ``sampler``."""

    sampler: Spec | str
    formulation: Spec | str

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        """Both parts, so that their versions belong to a cell's identity."""
        return ("solver", _spec(self.sampler)), ("formulation", _spec(self.formulation))
