"""The hooks a plugin may implement. All are optional; each returns an iterable."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from bnnbench.interfaces import Formulation, Solver
    from bnnbench.objectives import Objective

PROJECT = "bnnbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def bnnbench_datasets() -> Iterable[Callable[..., Any]]:
    """Functions that return a table or a data set.

    A function's ``name`` attribute, or its own name with ``-`` for ``_``, is what suites write;
    its keyword parameters are what they may set. Further attributes are optional:

    - ``after_colon``: the parameter that ``NAME:TEXT`` sets.
    - ``contents(**parameters)``: a text that changes with what is read, such as the hash of a
      file; it becomes part of the identity of every cell.
    - ``files(verify=..., **parameters)``: a :class:`bnnbench.data.FileState` for every raw file,
      compared with its hash or only looked for; ``fetch(**parameters)``: the paths of all of them,
      after downloading what is missing; ``record``, with ``source``, ``licence`` and ``citation``.
      All for ``bnnbench data``.
    """
    raise NotImplementedError


@hookspec
def bnnbench_transforms() -> Iterable[Callable[..., Any]]:
    """Functions from a table and keyword parameters to a table, for ``data | transform`` texts."""
    raise NotImplementedError


@hookspec
def bnnbench_formulations() -> Iterable[type[Formulation]]:
    """Formulation classes."""
    raise NotImplementedError


@hookspec
def bnnbench_solvers() -> Iterable[type[Solver]]:
    """Solver classes."""
    raise NotImplementedError


@hookspec
def bnnbench_objectives() -> Iterable[type[Objective]]:
    """Objective classes."""
    raise NotImplementedError


@hookspec
def bnnbench_suites() -> Iterable[Path]:
    """Folders that hold suites as ``NAME.toml``."""
    raise NotImplementedError


@hookspec
def bnnbench_recorded(record: Any) -> None:
    """Called in the main process after a record has been stored."""
