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

    found = Registry.load().formulation(_spec(text))
    _check(found, owner)
    return found


def sampler_of(text: Spec | str, owner: str) -> Solver:
    """The solver of kind ``qubo`` that a spec names.

    Raises:
        ProblemError: naming the method that it is for.
    """
    from bnnbench.registry import Registry

    found = Registry.load().solver(_spec(text))
    _check(found, owner)
    return found


def _check(part: Formulation | Solver, owner: str) -> None:
    if part.kind != "qubo":
        raise ProblemError(f"{owner}: {part.name} is of kind {part.kind}, not qubo.")


def _spec(text: Spec | str) -> Spec:
    return text if isinstance(text, Spec) else parse(text)
