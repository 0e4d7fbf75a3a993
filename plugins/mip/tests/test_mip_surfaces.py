"""Programs leave and come back as Pyomo models; Pyomo parts on blocks of arrays."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
import pytest
from bnnbench_mip.highs import Highs
from bnnbench_mip.pyomo_model import compiled, joined, mirrored
from bnnbench_mip.pyomo_solver import expand

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.errors import ProblemError
from bnnbench.interfaces import Formulation, Model, ignore_report
from bnnbench.models import MatrixMILP
from bnnbench.objectives import Errors, LinearHinge, Objective
from bnnbench.problem import Problem
from bnnbench.solution import Limits


def problem(dataset: Dataset, objective: Objective) -> Problem:
    X = (dataset.X[:20, :5] >= np.median(dataset.X[:, :5], axis=0)).astype(int)
    data = Dataset("bits", X, dataset.y[:20], (20, 0, 0))
    return Problem(data, Architecture(5, (2,), 1), Integer(P=1), objective)


def same(one: MatrixMILP, other: MatrixMILP) -> None:
    """Equal up to the order of coefficients within a row."""
    for part in ("c", "row_lower", "row_upper", "lower", "upper", "integer", "indptr"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
    rows = np.repeat(np.arange(one.n_rows), np.diff(one.indptr))
    orders = [np.lexsort((m.indices, rows)) for m in (one, other)]
    np.testing.assert_array_equal(one.indices[orders[0]], other.indices[orders[1]])
    np.testing.assert_array_equal(one.data[orders[0]], other.data[orders[1]])
    assert one.offset == other.offset


def test_a_pyomo_model_compiles_to_the_program_it_was_made_from(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    milp = formulation("errors").build(problem(breast_cancer, Errors())).data
    back = compiled(expand(milp))
    same(milp, back)
    assert back.blocks == {"x": (0, (milp.n_cols,))}
    assert gc.isenabled()


def test_side_constraints_in_pyomo_hold_in_the_joined_program(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    model = formulation("linear-hinge").build(problem(breast_cancer, LinearHinge()))
    milp = model.data
    part = pyo.ConcreteModel()
    w = mirrored(milp, part, "w1")
    part.used = pyo.Var(range(len(w)), domain=pyo.Binary)
    part.up = pyo.Constraint(range(len(w)), rule=lambda m, i: w[i] <= m.used[i])
    part.down = pyo.Constraint(range(len(w)), rule=lambda m, i: w[i] >= -m.used[i])
    part.few = pyo.Constraint(expr=sum(part.used[i] for i in range(len(w))) <= 3)
    both = joined(milp, part, {"w1": w})
    assert both.n_rows == milp.n_rows + 2 * len(w) + 1
    assert both.columns("used").tolist() == list(range(milp.n_cols, milp.n_cols + len(w)))
    sparse = Model(model.problem, "milp", both, model.decode)
    solution = Highs().solve(sparse, Limits(time=60), 0, ignore_report)
    free = Highs().solve(model, Limits(time=60), 0, ignore_report)
    assert solution.answer is not None
    assert np.count_nonzero(model.decode(solution.answer).layers[0].weights) <= 3
    assert solution.objective is not None
    assert free.objective is not None
    assert solution.objective >= free.objective - 1e-6


@pytest.mark.parametrize("start", ["none", "reference"])
def test_an_encode_that_does_not_know_the_joined_variables_is_said(
    start: str, breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    small = problem(breast_cancer, LinearHinge())
    known = small.random_network(np.random.default_rng(0))
    small = replace(small, dataset=replace(small.dataset, reference=known))
    model = formulation("linear-hinge").build(small)
    part = pyo.ConcreteModel()
    part.more = pyo.Var(range(7), domain=pyo.Binary)
    longer = replace(model, data=joined(model.data, part, {}))
    with pytest.raises(ProblemError, match="bits for linear-hinge has .* encode=None"):
        Highs(start=start).solve(longer, Limits(time=60), 0, ignore_report)
    solution = Highs().solve(replace(longer, encode=None), Limits(time=60), 0, ignore_report)
    assert solution.answer is not None


def test_a_new_variable_with_the_name_of_a_block_is_refused(
    breast_cancer: Dataset, formulation: Callable[..., Formulation]
) -> None:
    milp = formulation("errors").build(problem(breast_cancer, Errors())).data
    part = pyo.ConcreteModel()
    part.w1 = pyo.Var(range(2))
    part.row = pyo.Constraint(expr=part.w1[0] + part.w1[1] <= 1)
    with pytest.raises(ValueError, match="w1"):
        joined(replace(milp), part, {})
