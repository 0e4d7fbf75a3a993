"""Pyomo models become the programs that they spell, in whatever way their rows are written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from bnnbench_mip.pyomo_model import compiled, joined, mirrored
from bnnbench_mip.pyomo_rows import linear_part
from hypothesis import given, settings
from hypothesis import strategies as st
from pyomo.core.base import constraint as pyomo_constraint

from bnnbench.models import MatrixMILP, RowBuilder

NUMBERS = st.integers(-3, 3).map(float) | st.integers(-3, 3)


def model_of(rows: Any, objective: Any = None) -> Any:
    """A model of four variables, with rows and objective made by functions of it."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(3), domain=pyo.Integers, bounds=(-9, 9))
    model.y = pyo.Var(bounds=(0, None))
    model.p = pyo.Param(initialize=3, mutable=True)
    model.e = pyo.Expression(expr=model.x[0] - 2 * model.y + 1)
    model.row = pyo.Constraint(range(len(rows)), rule=lambda m, k: rows[k](m))
    if objective is not None:
        model.loss = objective(model)
    return model


@st.composite
def expressions(draw: Any, depth: int = 3) -> Any:
    """Functions of the model that make a linear expression."""
    kinds = ["variable", "named", "number", "parameter"]
    kinds += ["sum", "sum", "minus", "times", "over"] if depth else []
    kind, k, factor = draw(st.sampled_from(kinds)), draw(st.integers(0, 2)), draw(NUMBERS)
    if kind in ("sum", "minus"):
        one, other = draw(expressions(depth - 1)), draw(expressions(depth - 1))
        return lambda m: one(m) + other(m) if kind == "sum" else one(m) - other(m)
    if kind in ("times", "over"):
        one = draw(expressions(depth - 1))
        return lambda m: (factor * m.p) * one(m) if kind == "times" else -one(m) / 4
    leaves = {
        "variable": lambda m: factor * m.x[k],
        "named": lambda m: m.e,
        "number": lambda m: factor,
        "parameter": lambda m: m.p + factor,
    }
    return leaves[kind]


@settings(max_examples=60, deadline=None)
@given(st.lists(expressions(), min_size=1, max_size=3), expressions(), st.integers(0, 2**16))
def test_rows_and_objective_have_the_values_that_pyomo_gives_them(
    bodies: list[Any], cost: Any, seed: int
) -> None:
    model = model_of(
        [lambda m, f=f: f(m) + m.y <= m.x[0] + 2 for f in bodies],
        lambda m: pyo.Objective(expr=cost(m) + m.y, sense=pyo.maximize),
    )
    milp = compiled(model)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        point = np.append(rng.integers(-5, 6, 3), rng.integers(0, 5)).astype(float)
        for variable, value in zip([*model.x.values(), model.y], point, strict=True):
            variable.value = value
        sums = np.array([
            milp.data[milp.indptr[k] : milp.indptr[k + 1]]
            @ point[milp.indices[milp.indptr[k] : milp.indptr[k + 1]]]
            for k in range(milp.n_rows)
        ])  # fmt: skip
        wanted = [pyo.value(row.body) - pyo.value(row.upper) for row in model.row.values()]
        np.testing.assert_allclose(sums - milp.row_upper, wanted, atol=1e-9)
        assert milp.objective(point) == pytest.approx(-pyo.value(model.loss))


def test_ranges_equations_and_repeated_variables() -> None:
    model = model_of([
        lambda m: (-1, m.x[0] + m.x[1] + m.x[0], 4),
        lambda m: m.x[0] + 3 == m.x[1],
        lambda m: m.x[2] - m.x[2] + m.y >= 1,
    ])  # fmt: skip
    milp = compiled(model)
    assert milp.row_lower.tolist() == [-1, -3, 1]
    assert milp.row_upper.tolist() == [4, -3, np.inf]
    assert milp.indptr.tolist() == [0, 2, 4, 5]
    assert milp.indices.tolist() == [0, 1, 0, 1, 3]
    assert milp.data.tolist() == [2, 1, 1, -1, 1]
    assert milp.blocks == {"x": (0, (3,)), "y": (3, (1,))}


def test_templates_say_the_same_as_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(templates: bool) -> MatrixMILP:
        monkeypatch.setattr(pyomo_constraint, "TEMPLATIZE_CONSTRAINTS", templates)
        model = pyo.ConcreteModel()
        model.i = pyo.RangeSet(0, 3)
        model.x = pyo.Var(model.i, domain=pyo.Binary)
        model.c = pyo.Constraint(model.i, rule=lambda m, i: m.x[i] + 2 * m.x[0] <= 2)
        assert hasattr(model.c[1], "template_expr") is templates
        return compiled(model)

    plain, templated = rows(False), rows(True)
    assert np.array_equal(plain.data, templated.data)
    assert np.array_equal(plain.row_upper, templated.row_upper)


def test_a_product_of_variables_is_linear_only_with_one_fixed() -> None:
    model = model_of([lambda m: m.x[0] * m.x[1] + m.y <= 4])
    with pytest.raises(ValueError, match="nonlinear"):
        compiled(model)
    model.x[0].fix(3)
    milp = compiled(model)
    assert (milp.lower[0], milp.upper[0]) == (3, 3)
    assert dict(zip(milp.indices.tolist(), milp.data.tolist(), strict=True)) == {1: 3, 3: 1}


def test_a_fixed_variable_of_a_block_is_fixed_in_the_program() -> None:
    builder = RowBuilder()
    w = builder.variables("w", (2,), -1, 1, integer=True, cost=1)
    builder.rows((1,), [(w[None], 1)], -1, np.inf)
    milp = builder.build()
    part = pyo.ConcreteModel()
    shared = mirrored(milp, part, "w")
    shared[1].fix(1)
    both = joined(milp, part, {"w": shared})
    assert both.lower.tolist() == [-1, 1]
    assert milp.lower.tolist() == [-1, -1]


def test_what_is_refused_is_named() -> None:
    other = pyo.ConcreteModel()
    other.stranger = pyo.Var()
    with pytest.raises(ValueError, match="stranger"):
        compiled(model_of([lambda m: m.y + other.stranger <= 1]))
    model = model_of([], lambda m: pyo.Objective(expr=m.y))
    model.second = pyo.Objective(expr=model.x[0])
    with pytest.raises(ValueError, match="loss and second"):
        compiled(model)
    model = model_of([lambda m: m.y <= 1])
    model.sos = pyo.SOSConstraint(var=model.x, sos=1)
    with pytest.raises(ValueError, match="SOSConstraint"):
        linear_part(model, {})
