"""The rows and the objective of a linear Pyomo model as arrays.

Expressions of sums, differences, products with numbers, parameters and named expressions, as
authors write them, are read term by term: that is one look-up and two appends per coefficient, a
third of the time of Pyomo's standard-form compiler. A model with anything else (a template, a
product of a fixed and a free variable, a component that is no part of a linear program) goes to
that compiler, which reads more and names what it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class LinearPart:
    """Rows lower <= A x <= upper and the cost of x, over columns that the caller has numbered.

    Attributes:
        indptr, columns, values: A by rows, shapes (m + 1,), (nnz,), (nnz,).
        lower, upper: shape (m,); infinite where open.
        cost_columns, costs: of the objective, to be minimised; a column may occur twice.
        offset: its constant.
    """

    indptr: Indices
    columns: Indices
    values: Floats
    lower: Floats
    upper: Floats
    cost_columns: Indices
    costs: Floats
    offset: float


def linear_part(model: Any, place: Mapping[int, int]) -> LinearPart:
    """Read a model.

    Args:
        model: a linear ``ConcreteModel``.
        place: column of every variable, by its ``id``.

    Raises:
        ValueError: for what is not linear, by Pyomo; for variables without a place; for more than
            one active objective.
    """
    try:
        return _read(model, place)
    except _UnfamiliarError:
        return _compiled(model, place)


class _UnfamiliarError(Exception):
    """Something that is left to Pyomo."""


class _Reader:
    """Collects the terms of one expression after the other.

    Attributes:
        variables, values: of the terms so far.
    """

    def __init__(self) -> None:
        from pyomo.core import expr, value
        from pyomo.core.base.var import VarData

        self.variables: list[Any] = []
        self.values: list[float] = []
        self._value = value
        self._monomial, self._variable = expr.MonomialTermExpression, VarData
        self._sums = (expr.LinearExpression, expr.SumExpression)
        self._negation, self._product = expr.NegationExpression, expr.ProductExpression
        self._division = expr.DivisionExpression

    def add(self, expression: Any, factor: float) -> float:
        """Collect the terms of factor times an expression; returns the constant."""
        kind = expression.__class__
        if kind in self._sums:
            constant, monomial = 0.0, self._monomial
            variables, values = self.variables, self.values
            for term in expression.args:
                # In line for the two kinds that large models are made of.
                if term.__class__ is monomial:
                    coefficient, variable = term.args
                    if coefficient.__class__ is not float:
                        coefficient = self.number(coefficient)
                    variables.append(variable)
                    values.append(factor * coefficient)
                elif term.__class__ is self._variable:
                    variables.append(term)
                    values.append(factor)
                else:
                    constant += self.add(term, factor)
            return constant
        if kind is float or kind is int or not expression.is_potentially_variable():
            return factor * self.number(expression)
        if expression.is_variable_type():
            self.variables.append(expression)
            self.values.append(factor)
            return 0.0
        return self._rarer(expression, kind, factor)

    def number(self, expression: Any) -> float:
        """The value of a number, a parameter or an expression of them."""
        return float(expression if expression.__class__ is int else self._value(expression))

    def taken(self, place: Mapping[int, int]) -> tuple[Indices, Floats]:
        """Columns and values of all terms; there are none afterwards."""
        variables, values = self.variables, self.values
        self.variables, self.values = [], []
        return columns_of(variables, place), np.array(values, dtype=np.float64)

    def _rarer(self, expression: Any, kind: Any, factor: float) -> float:
        if kind is self._negation:
            return self.add(expression.args[0], -factor)
        if expression.is_named_expression_type():
            return self.add(expression.expr, factor)
        if kind is self._monomial or kind is self._product:
            left, right = expression.args
            if self._fixed(left):
                return self.add(right, factor * self.number(left))
            if self._fixed(right):
                return self.add(left, factor * self.number(right))
        if kind is self._division and self._fixed(expression.args[1]):
            return self.add(expression.args[0], factor / self.number(expression.args[1]))
        raise _UnfamiliarError

    def _fixed(self, expression: Any) -> bool:
        return expression.__class__ in (float, int) or not expression.is_potentially_variable()


def columns_of(variables: Sequence[Any], place: Mapping[int, int]) -> Indices:
    """The columns of variables."""
    try:
        return np.fromiter(map(place.__getitem__, map(id, variables)), np.int32, len(variables))
    except KeyError:
        strange = next(v for v in variables if id(v) not in place)
        raise ValueError(
            f"{strange.name} is used, but it is no active Var of the model and not shared."
        ) from None


def _read(model: Any, place: Mapping[int, int]) -> LinearPart:
    import pyomo.environ as pyo

    known = {pyo.Block, pyo.Constraint, pyo.Objective, pyo.Var, pyo.Param, pyo.Expression}
    if not model.collect_ctypes(active=True) <= known | {pyo.Set, pyo.RangeSet}:
        raise _UnfamiliarError
    reader = _Reader()
    offset = _objective(model, reader)
    cost_columns, costs = reader.taken(place)
    ends, lower, upper = [0], [], []
    for row in model.component_data_objects(pyo.Constraint, active=True):
        if hasattr(row, "template_expr"):
            raise _UnfamiliarError
        low, body, high = row.to_bounded_expression()
        if low is None and high is None:
            continue
        constant = reader.add(body, 1.0)
        ends.append(len(reader.values))
        lower.append(-np.inf if low is None else reader.number(low) - constant)
        upper.append(np.inf if high is None else reader.number(high) - constant)
    sides = np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)
    rows = _collected(np.array(ends), *reader.taken(place))
    return LinearPart(*rows, *sides, cost_columns, costs, offset)


def _objective(model: Any, reader: _Reader) -> float:
    import pyomo.environ as pyo

    objectives = list(model.component_data_objects(pyo.Objective, active=True))
    if len(objectives) > 1:
        names = " and ".join(o.name for o in objectives)
        raise ValueError(f"One objective is minimised: of {names}, deactivate all but one.")
    return sum(reader.add(o.expr, 1.0 if o.sense == pyo.minimize else -1.0) for o in objectives)


def _collected(
    ends: npt.NDArray[np.int64], columns: Indices, values: Floats
) -> tuple[Indices, Indices, Floats]:
    """The rows with every column once and without zeros."""
    rows = np.repeat(np.arange(len(ends) - 1, dtype=np.int64), np.diff(ends))
    keys = rows << 32 | columns
    ordered = np.sort(keys)
    if (ordered[1:] == ordered[:-1]).any():
        keys, inverse = np.unique(keys, return_inverse=True)
        values = np.bincount(inverse, weights=values).astype(np.float64)
        rows, columns = keys >> 32, (keys & 0xFFFFFFFF).astype(np.int32)
    keep = values != 0
    lengths = np.bincount(rows[keep], minlength=len(ends) - 1)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return indptr, columns[keep], values[keep]


def _compiled(model: Any, place: Mapping[int, int]) -> LinearPart:
    """The same by Pyomo's standard-form compiler; a row with two sides becomes two."""
    import pyomo.environ as pyo
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=pyo.minimize)
    columns = columns_of(form.columns, place)
    A, c = form.A.tocsr(), form.c.tocoo()
    kinds = np.array([row.bound_type for row in form.rows], dtype=int)
    rhs = np.asarray(form.rhs, dtype=np.float64)
    return LinearPart(
        A.indptr.astype(np.int32),
        columns[A.indices],
        A.data.astype(np.float64),
        np.where(kinds == 1, -np.inf, rhs),
        np.where(kinds == -1, np.inf, rhs),
        columns[c.col],
        c.data.astype(np.float64),
        float(sum(form.c_offset)),
    )
