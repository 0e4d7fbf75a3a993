"""Sizes of the programs equal the published counts (inn.md 2.3, 3.9, 3.10, I1)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import Formulation
from bnnbench.objectives import (
    LinearHinge,
    MaxMargin,
    MinHinge,
    MinWeight,
    Objective,
    SaturatedMargin,
    SignErrors,
)
from bnnbench.problem import Problem

CHORDS = {5: 5, 17: 14}


def problem(
    n: int, inputs: int, hidden: tuple[int, ...], outputs: int, objective: Objective, dead: int = 0
) -> Problem:
    X = np.random.default_rng(0).integers(1, 10001, (n, inputs))
    X[:, :dead] = 0
    y = np.arange(n) % max(2, outputs)
    dataset = Dataset("sizes", X, y, (n, 0, 0), scale=10000)
    return Problem(dataset, Architecture(inputs, hidden, outputs), Integer(P=1), objective)


@pytest.mark.parametrize(
    ("objective", "one_sided", "rows"),
    [
        (SaturatedMargin(), False, 1760),
        (SaturatedMargin(), True, 1040),
        (MinHinge(), False, 2000),
        (MinHinge(), True, 1360),
    ],
)
def test_rows_of_the_published_examples(
    objective: Objective, one_sided: bool, rows: int, formulation: Callable[..., Formulation]
) -> None:
    case = problem(40, 13, (4,), 2, objective)
    model = formulation(objective.name, one_sided=one_sided).build(case)
    assert model.info["rows"] == model.data.n_rows == rows


@pytest.mark.parametrize("hidden", [(4,), (16,), (3, 4), (5, 4, 4)], ids=str)
@pytest.mark.parametrize("outputs", [2, 3])
def test_sizes_follow_the_formulas(
    hidden: tuple[int, ...], outputs: int, formulation: Callable[..., Formulation]
) -> None:
    N, inputs, dead, q = 12, 9, 2, outputs
    widths = (inputs - dead, *hidden, q)
    W = sum((a + 1) * b for a, b in itertools.pairwise(widths))
    units = sum(hidden)
    products = sum(a * b for a, b in zip(hidden, (*hidden[1:], q), strict=True))
    network = 2 * N * units + 4 * N * products
    K = CHORDS[hidden[-1] + 1]
    expected = {  # objective: rows, integers, continuous
        SaturatedMargin(): (network + 2 * N * q, W + N * units + N * q, N * products),
        SignErrors(strict=True): (network + 2 * N * q + N, W + N * units + N * q, N * products),
        SignErrors(): (network + N * q, W + N * units + N, N * products),
        MinHinge(): (network + K * N * q, W + N * units, N * products + N * q),
        LinearHinge(): (network + N * q, W + N * units, N * products + N * q),
        MinWeight("l0"): (network + N * q + 2 * W, 2 * W + N * units, N * products),
        MinWeight("l1"): (network + N * q + 2 * W, W + N * units, N * products + W),
    }
    for objective, (rows, integers, continuous) in expected.items():
        case = problem(N, inputs, hidden, q, objective, dead)
        model = formulation(objective.name).build(case)
        sizes = model.info
        assert (sizes["rows"], sizes["integers"]) == (rows, integers), objective
        assert sizes["cols"] - sizes["integers"] == continuous, objective


def test_max_margin_needs_no_extra_rows_where_eps_is_a_unit_of_the_layer(
    formulation: Callable[..., Formulation],
) -> None:
    # inn.md 2.3: h + q continuous variables and N q rows beyond the network; eps is the input grid,
    # but less than a unit of the second layer, where z <= -1 takes a row of its own per output.
    N, h, q = 12, 4, 2
    network = 2 * N * h + 4 * N * h * q
    model = formulation("max-margin").build(problem(N, 6, (h,), q, MaxMargin("0.0001")))
    assert model.info["rows"] == network + 2 * N * q
    assert model.info["cols"] - model.info["integers"] == N * h * q + h + q
    assert formulation("max-margin").build(problem(N, 6, (h,), q, MaxMargin("1"))).info["rows"] == (
        network + N * q
    )


def test_published_big_m_and_product_coefficients(formulation: Callable[..., Formulation]) -> None:
    case = problem(5, 3, (2,), 2, SaturatedMargin())
    milp = formulation("saturated-margin").build(case).data
    X = case.dataset.X
    columns = milp.columns("a1")
    dense = np.zeros((milp.n_rows, milp.n_cols))
    rows = np.repeat(np.arange(milp.n_rows), np.diff(milp.indptr))
    dense[rows, milp.indices] = milp.data
    M = X.sum(axis=1) + 10000
    # M_k = P (sum_i x_ki + 1), rows scaled by 10^4 so that the strict side is <= -1.
    assert (dense[:10][np.arange(10), columns.ravel()] == -np.repeat(M, 2)).all()
    assert (milp.row_lower[:10] == -np.repeat(M, 2)).all()
    assert (milp.row_upper[10:20] == -1).all()
    products = slice(20, 20 + 4 * 5 * 2 * 2)
    used = dense[products][:, columns.ravel()]
    assert set(np.abs(used[used != 0])) == {2.0}
