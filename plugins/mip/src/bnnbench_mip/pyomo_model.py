"""Pyomo as a way to write programs: whole ones, or side constraints on blocks made of arrays.

Writing a program in Pyomo costs a Python object per row and variable, so it is worth its price for
what is small or new, while rows that repeat over samples are better made of arrays (mip.md section
3). Both meet here:

* :func:`compiled` turns a linear ``ConcreteModel`` into a :class:`~bnnbench.models.MatrixMILP` by
  Pyomo's own standard-form compiler, with the garbage collector paused; every ``Var`` becomes a
  block of its name.
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
import numpy.typing as npt

from bnnbench.models import MatrixMILP


def compiled(model: Any) -> MatrixMILP:
    """A linear Pyomo model as arrays; maximisation is turned round.

    Raises:
        ValueError: for a model that is not linear, by Pyomo.
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
        ValueError: when a new ``Var`` has the name of a block.
    """
    with collector_paused():
        form = _standard_form(model)
    known = {
        id(entry): int(column)
        for block, variable in shared.items()
        for entry, column in zip(variable.values(), milp.columns(block).ravel(), strict=True)
    }
    blocks = dict(milp.blocks)
    fresh: list[Any] = []
    for name, variable in _variables(model, known):
        if name in blocks:
            raise ValueError(f"{name} is a block of the program already: give it as shared.")
        entries = list(variable.values())
        blocks[name] = (milp.n_cols + len(fresh), (len(entries),))
        fresh += entries
    place = known | {id(entry): milp.n_cols + k for k, entry in enumerate(fresh)}
    columns = np.array([place[id(entry)] for entry in form.columns], dtype=np.int32)
    return _stacked(milp, form, columns, fresh, blocks)


def _stacked(
    milp: MatrixMILP, form: Any, columns: Any, fresh: list[Any], blocks: Any
) -> MatrixMILP:
    A = form.A.tocsr()
    low, high = _sides(form)
    lower = [-math.inf if v.lb is None else float(v.lb) for v in fresh]
    upper = [math.inf if v.ub is None else float(v.ub) for v in fresh]
    cost = np.concatenate([milp.c, np.zeros(len(fresh))])
    offset = milp.offset
    if form.c.shape[0]:
        terms = form.c.tocoo()
        np.add.at(cost, columns[terms.col], terms.data)
        offset += float(form.c_offset[0])
    integer = np.array([v.is_integer() or v.is_binary() for v in fresh], dtype=bool)
    implied = None if milp.implied is None else np.append(milp.implied, np.zeros(len(fresh), bool))
    return MatrixMILP(
        c=cost,
        indptr=np.concatenate([milp.indptr, milp.indptr[-1] + A.indptr[1:]]).astype(np.int32),
        indices=np.concatenate([milp.indices, columns[A.indices]]).astype(np.int32),
        data=np.concatenate([milp.data, A.data.astype(np.float64)]),
        row_lower=np.concatenate([milp.row_lower, low]),
        row_upper=np.concatenate([milp.row_upper, high]),
        lower=np.concatenate([milp.lower, lower]),
        upper=np.concatenate([milp.upper, upper]),
        integer=np.concatenate([milp.integer, integer]),
        offset=offset,
        blocks=blocks,
        implied=implied,
    )


def _standard_form(model: Any) -> Any:
    import pyomo.environ as pyo
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    return LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=pyo.minimize)


def _sides(form: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Left and right sides from the kinds of Pyomo's mixed form: 1 upper, -1 lower, 0 equal."""
    kinds = np.array([row.bound_type for row in form.rows], dtype=int)
    rhs = np.asarray(form.rhs, dtype=np.float64)
    return np.where(kinds == 1, -np.inf, rhs), np.where(kinds == -1, np.inf, rhs)


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
