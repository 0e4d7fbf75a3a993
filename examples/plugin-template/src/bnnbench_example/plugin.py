"""The hooks of this plugin: bnnbench calls them, and what they return can be named in suites."""

from __future__ import annotations

from collections.abc import Callable

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Formulation, Solver
from bnnbench.table import Table


@hookimpl
def bnnbench_solvers() -> list[type[Solver]]:
    """``example-walk``."""
    from bnnbench_example.walk import Walk

    return [Walk]


@hookimpl
def bnnbench_formulations() -> list[type[Formulation]]:
    """``example-unit``."""
    from bnnbench_example.unit import Unit

    return [Unit]


@hookimpl
def bnnbench_datasets() -> list[Callable[..., Table]]:
    """``example-votes``."""
    from bnnbench_example.votes import votes

    return [votes]
