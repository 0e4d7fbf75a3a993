"""For tests of plugins and of the core: conformance suites, and optima that hold without a solver.

Subclass a case, name what is to be checked, and pytest finds one test per rule::

    from bnnbench.testing import SolverCase


    class TestWalk(SolverCase):
        spec = "walk[steps=500]"

Nothing is imported before it is asked for: pytest loads :mod:`bnnbench.testing.fixtures` at every
start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnnbench.testing.case import BrokenRuleError, Case, Verdict, verdicts
    from bnnbench.testing.dataset_case import DatasetCase
    from bnnbench.testing.exhaustive import class_size, enumerate_networks, optima, optimum
    from bnnbench.testing.formulation_case import FormulationCase
    from bnnbench.testing.problems import large_problem, tiny_problems
    from bnnbench.testing.solver_case import SolverCase
    from bnnbench.testing.transform_case import TransformCase

__all__ = [
    "SolverCase",
    "FormulationCase",
    "DatasetCase",
    "TransformCase",
    "Case",
    "BrokenRuleError",
    "Verdict",
    "verdicts",
    "tiny_problems",
    "large_problem",
    "class_size",
    "enumerate_networks",
    "optima",
    "optimum",
]

_HOMES = {
    "SolverCase": "solver_case",
    "FormulationCase": "formulation_case",
    "DatasetCase": "dataset_case",
    "TransformCase": "transform_case",
    **dict.fromkeys(("Case", "BrokenRuleError", "Verdict", "verdicts"), "case"),
    **dict.fromkeys(("tiny_problems", "large_problem"), "problems"),
    **dict.fromkeys(("class_size", "enumerate_networks", "optima", "optimum"), "exhaustive"),
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _HOMES:
        return getattr(import_module(f"bnnbench.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
