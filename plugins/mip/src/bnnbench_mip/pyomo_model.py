"""Pyomo as a way to write programs: whole ones, or side constraints on blocks made of arrays.

Writing a program in Pyomo costs a Python object per row and variable, so it is worth its price for
what is small or new, while rows that repeat over samples are better made of arrays (mip.md section
3). Both meet here:

* :func:`compiled` turns a linear ``ConcreteModel`` into a :class:`~bnnbench.models.MatrixMILP` as
  :mod:`bnnbench_mip.pyomo_rows` says, with the garbage collector paused; every ``Var`` becomes a
  block of its name, a fixed variable one whose bounds are its value.
* :func:`joined` adds the rows, further variables and objective of a Pyomo part to a program made of
  arrays; :func:`mirrored` makes the Pyomo variables that stand for one of its blocks.

Cost of a join: that of the part, and one copy of the arrays.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from bnnbench.models import MatrixMILP
from bnnbench_mip.pyomo_rows import LinearPart, linear_part


def compiled(model: Any) -> MatrixMILP:
    """A linear Pyomo model as arrays; maximisation is turned round.

    Raises:
        ValueError: see :func:`bnnbench_mip.pyomo_rows.linear_part`.
    """
    return joined(_EMPTY, model, {})


def mirrored(milp: MatrixMILP, model: Any, block: str) -> Any:
    """Add the variables of a block to a Pyomo model, as an indexed ``Var`` of the block's name."""
    import pyomo.environ as pyo

    columns = milp.columns(block)
    kinds = {True: pyo.Integers, False: pyo.Reals}
    flat = {index if len(index) > 1 else index[0]: int(c) for index, c in np.ndenumerate(columns)}

    def ends(m: Any, *index: int) -> tuple[float | None, float | None]:
        k = flat[index if len(index) > 1 else index[0]]
        return _open(float(milp.lower[k])), _open(float(milp.upper[k]))

    def kind(m: Any, *index: int) -> Any:
        return kinds[bool(milp.integer[flat[index if len(index) > 1 else index[0]]])]

    variable = pyo.Var(list(flat), domain=kind, bounds=ends)
    model.add_component(block, variable)
    return variable


def joined(milp: MatrixMILP, model: Any, shared: Mapping[str, Any]) -> MatrixMILP:
    """A program together with the rows, variables and objective of a Pyomo part.

    Args:
        milp: the program made of arrays.
        model: a linear ``ConcreteModel``; its objective, if any, is added to the program's.
        shared: by block of the program the ``Var`` that stands for it; see :func:`mirrored`.

    Raises:
        ValueError: when a new ``Var`` has the name of a block; see also
            :func:`bnnbench_mip.pyomo_rows.linear_part`.
    """
    place = {
        id(entry): int(column)
        for block, variable in shared.items()
        for entry, column in zip(variable.values(), milp.columns(block).ravel(), strict=True)
    }
    blocks = dict(milp.blocks)
    fresh: list[Any] = []
    for name, variable in _variables(model, place):
        if name in blocks:
            raise ValueError(f"{name} is a block of the program already: give it as shared.")
        entries = list(variable.values())
        blocks[name] = (milp.n_cols + len(fresh), (len(entries),))
        fresh += entries
    place |= {id(entry): milp.n_cols + k for k, entry in enumerate(fresh)}
    with collector_paused():
        part = linear_part(model, place)
    both = _stacked(milp, part, fresh, blocks)
    for entry in (v for variable in shared.values() for v in variable.values() if v.fixed):
        both.lower[place[id(entry)]] = both.upper[place[id(entry)]] = entry.value
    return both


def _stacked(
    milp: MatrixMILP, part: LinearPart, fresh: list[Any], blocks: dict[str, Any]
) -> MatrixMILP:
    ends = [(v.value, v.value) if v.fixed else v.bounds for v in fresh]
    cost = np.concatenate([milp.c, np.zeros(len(fresh))])
    np.add.at(cost, part.cost_columns, part.costs)
    integer = np.array([v.is_integer() or v.is_binary() for v in fresh], dtype=bool)
    implied = None if milp.implied is None else np.append(milp.implied, np.zeros(len(fresh), bool))
    return MatrixMILP(
        c=cost,
        indptr=np.concatenate([milp.indptr, milp.indptr[-1] + part.indptr[1:]]),
        indices=np.concatenate([milp.indices, part.columns]),
        data=np.concatenate([milp.data, part.values]),
        row_lower=np.concatenate([milp.row_lower, part.lower]),
        row_upper=np.concatenate([milp.row_upper, part.upper]),
        lower=np.concatenate([milp.lower, [-math.inf if a is None else a for a, _ in ends]]),
        upper=np.concatenate([milp.upper, [math.inf if b is None else b for _, b in ends]]),
        integer=np.concatenate([milp.integer, integer]),
        offset=milp.offset + part.offset,
        blocks=blocks,
        implied=implied,
    )


def _variables(model: Any, known: Mapping[int, int]) -> Iterator[tuple[str, Any]]:
    """The ``Var`` components of a model that do not stand for a block, by name."""
    import pyomo.environ as pyo

    for variable in model.component_objects(pyo.Var, active=True):
        if not any(id(entry) in known for entry in variable.values()):
            yield variable.name, variable


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection meanwhile: it looks at every one of Pyomo's objects again and again.

    Worth having around the writing of a large model, too.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _open(end: float) -> float | None:
    return end if math.isfinite(end) else None


_NONE = np.zeros(0)
_EMPTY = MatrixMILP(
    c=_NONE,
    indptr=np.zeros(1, dtype=np.int32),
    indices=np.zeros(0, dtype=np.int32),
    data=_NONE,
    row_lower=_NONE,
    row_upper=_NONE,
    lower=_NONE,
    upper=_NONE,
    integer=np.zeros(0, dtype=bool),
)
