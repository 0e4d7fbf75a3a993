"""The binary-activation model: published sizes, optima, relations of its forms, and its traps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bnnbench_mip.bdnn import Bdnn
from bnnbench_mip.certificate import certain_states
from bnnbench_mip.hamming import HammingMILP
from bnnbench_mip.highs import Highs
from bnnbench_mip.regularised import RegularisedHamming
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import FixedPoint, Integer, WeightDomain
from bnnbench.interfaces import ignore_report
from bnnbench.network import Network
from bnnbench.objectives import Errors, Hamming, Objective
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.testing import optimum

SQUARE = np.array(list(itertools.product([0, 1], [0, 1])))
GATES = {"or": [0, 1, 1, 1], "and": [0, 0, 0, 1], "xor": [0, 1, 1, 0]}
REAL = FixedPoint(decimals=6, bias="free")
WHOLE = Integer(P=1, bias="free")


def problem(
    X: Any,
    y: Any,
    hidden: tuple[int, ...],
    domain: WeightDomain,
    *,
    outputs: int = 1,
    scale: int = 1,
    objective: Objective | None = None,
) -> Problem:
    dataset = Dataset("points", np.asarray(X), np.asarray(y), (len(X), 0, 0), scale)
    architecture = Architecture(np.shape(X)[1], hidden, outputs, "step")
    return Problem(dataset, architecture, domain, objective or Hamming())


def solved(case: Problem, form: Bdnn, seconds: float = 10) -> tuple[Solution, Network | None]:
    """Solve an accepted case; every incumbent's claim is at most better by a solver's noise."""
    assert form.accepts(case) is None
    model = form.build(case)

    def report(answer: Any = None, *, objective: Any = None, bound: Any = None) -> bool:
        if answer is not None:
            value = float(case.evaluate(model.network(answer)).values[0])
            assert objective == pytest.approx(value, abs=1e-6)
        return False

    solution = Highs().solve(model, Limits(time=seconds), 0, report)
    if solution.answer is None:
        return solution, None
    network = model.network(solution.answer)
    assert case.outside(network) is None
    value = float(case.evaluate(network).values[0])
    assert solution.objective == pytest.approx(value, abs=1e-6)
    return solution, network


def real_data(n: int, d: int, seed: int = 0, share: int = 2) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 10001, (n, d)), np.arange(n) % share


@pytest.mark.parametrize(
    ("n", "columns", "rows", "real", "whole"),
    [(10, 267, 320, 60, 215), (20, 377, 640, 120, 275), (40, 597, 1280, 240, 395)],
)
def test_check_values_of_the_published_one_layer_model(
    n: int, columns: int, rows: int, real: int, whole: int
) -> None:
    X, y = real_data(n, 30)
    for domain, integers in ((REAL, real), (WHOLE, whole)):
        case = problem(X, y, (5,), domain, scale=10000)
        form = Bdnn(thresholds="shared", margin="exact-code", eps=1e-3)
        info = form.build(case).info
        assert (info["cols"], info["rows"], info["integers"]) == (columns, rows, integers)
        assert form.accepts(case) is None


@pytest.mark.parametrize("hidden", [(4,), (3, 5), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("radius", [0.0, 0.1])
@pytest.mark.parametrize("cells", [None, 4])
def test_sizes_of_one_to_three_hidden_layers(
    hidden: tuple[int, ...], radius: float, cells: int | None
) -> None:
    N, n, q = 9, 6, 3
    X, y = real_data(N, n, share=q)
    d = (*hidden, q)
    C = cells or N
    products = sum(a * b for a, b in itertools.pairwise(d))
    weights = n * d[0] + products
    rows = 2 * N * d[0] + 2 * C * sum(d[1:]) + 4 * C * products + (2 * n * d[0] if radius else 0)
    for domain in (REAL, WHOLE):
        case = problem(X, y, hidden, domain, outputs=q, scale=10000)
        form = Bdnn(radius=radius, cells=tuple(np.arange(N) % C) if cells else ())
        milp = form.build(case).data
        binaries = C * sum(d)
        assert milp.n_rows == rows
        parameters = weights + sum(d)
        assert milp.n_cols == binaries + C * products + parameters + (n * d[0] if radius else 0)
        assert int(milp.integer.sum()) == binaries + (parameters if domain is WHOLE else 0)


def test_published_coefficients() -> None:
    case = problem([[1, 2], [3, 0]], [0, 1], (2,), REAL)
    milp = Bdnn(margin="two-sided", eps=1e-3).build(case).data
    dense = np.zeros((milp.n_rows, milp.n_cols))
    dense[np.repeat(np.arange(milp.n_rows), np.diff(milp.indptr)), milp.indices] = milp.data
    # M_1i = R_i + Bb + 1 with R_i = 3 and Bb = max(3, 2).
    assert dense[:8, milp.columns("u1").ravel()].min() == pytest.approx(-(3 + 3 + 1) - 1e-3)
    assert set(milp.row_upper[:4]) == {-1e-3}
    assert milp.row_lower[4:8] == pytest.approx([-7.0] * 4)
    assert milp.offset == 1.0


@pytest.mark.parametrize(
    ("gate", "d", "two_sided", "integer"),
    [
        *((gate, d, 2, 0) for gate in ("or", "and") for d in (1, 2)),
        ("xor", 1, 4, 2),
        ("xor", 2, 4, 0),
    ],
)
def test_gates_that_the_two_sided_margin_cannot_express(
    gate: str, d: int, two_sided: int, integer: int
) -> None:
    # Table of bdnn.md A.5: whole biases and a gap on both sides exclude pre-activation 0.
    case = problem(SQUARE, GATES[gate], (d,), WHOLE, outputs=2)
    literal = Bdnn(margin="two-sided", eps=1e-5)
    assert not literal.build(case).exact
    assert solved(case, literal)[0].objective == pytest.approx(two_sided)
    model = Bdnn().build(case)
    assert model.exact
    assert solved(case, Bdnn())[0].objective == pytest.approx(integer)


@pytest.mark.parametrize("domain", [Integer(P=1), Integer(P=1, bias="none"), WHOLE], ids=str)
def test_whole_weights_reach_the_enumerated_optimum(domain: WeightDomain) -> None:
    rng = np.random.default_rng(3)
    objectives: list[Objective] = [
        Hamming(),
        Errors(),
        RegularisedHamming("0.05"),
        RegularisedHamming("0.3", "l1"),
    ]
    for hidden, outputs in (((1,), 1), ((2,), 1), ((1, 1), 1), ((1,), 2)):
        if domain is WHOLE and len(hidden) + sum(hidden) + outputs > 3:
            continue
        X, y = rng.integers(-1, 2, (4, 1)), rng.integers(0, 2, 4)
        X[1], y[1] = X[0], 1 - y[0]
        for objective in objectives:
            case = problem(X, y, hidden, domain, outputs=outputs, objective=objective)
            if Bdnn().accepts(case):
                assert objective == Errors()
                continue
            assert Bdnn().build(case).exact
            best = optimum(case)[0].value
            solution, _ = solved(case, Bdnn())
            assert solution.objective == pytest.approx(float(best or 0), abs=1e-6)


def test_a_gap_within_the_grid_makes_real_weights_exact() -> None:
    # Whole features and one decimal: pre-activations are multiples of 0.1, eps is 0.1.
    domain = FixedPoint(decimals=1, bias="free")
    case = problem([[0, 1], [1, 0], [1, 1], [0, 1]], [0, 1, 1, 1], (1,), domain)
    assert not Bdnn(unsafe=True).build(case).exact
    form = Bdnn(eps=0.1, unsafe=True)
    assert form.build(case).exact
    rng = np.random.default_rng(0)
    for _ in range(4):
        X, y = rng.integers(-2, 3, (6, 2)), rng.integers(0, 2, 6)
        case = problem(X, y, (1,), domain)
        real, _ = solved_unsafe(case, form)
        whole = Highs().solve(HammingMILP().build(case), Limits(time=10), 0, ignore_report)
        assert real.termination is whole.termination is Termination.OPTIMAL
        assert real.bound is not None
        assert whole.bound is not None
        assert real.bound <= whole.bound + 1e-6


def solved_unsafe(case: Problem, form: Bdnn) -> tuple[Solution, Network]:
    model = form.build(case)
    solution = Highs(tighten=False).solve(model, Limits(time=10), 0, lambda *a, **k: False)
    return solution, model.network(solution.answer)


def test_forms_of_the_margin_are_ordered() -> None:
    # K3: one-sided allows what exact-code allows, which allows what two-sided allows.
    rng = np.random.default_rng(5)
    for _ in range(4):
        X, y = rng.integers(0, 4, (7, 2)), rng.integers(0, 2, 7)
        case = problem(X, y, (1,), FixedPoint(decimals=4, bias="free"), scale=3)
        values = []
        for margin in ("one-sided", "exact-code", "two-sided"):
            form = Bdnn(thresholds="shared", margin=margin, eps=0.2)
            values.append(solved(case, form)[0].objective)
        assert values == sorted(values)
        symmetric = solved(case, Bdnn(margin="symmetric", eps=0.2))[0].objective
        one_sided = solved(case, Bdnn(margin="one-sided", eps=0.2))[0].objective
        assert symmetric == pytest.approx(one_sided)


def test_cells_give_bounds_from_impurity_and_refining_helps() -> None:
    X, y = real_data(8, 2, seed=2)
    y = np.array([0, 0, 1, 0, 1, 1, 0, 1])
    case = problem(X, y, (2,), REAL, scale=10000)
    partitions = [(0,) * 8, (0, 0, 0, 0, 1, 1, 1, 1), (0, 0, 1, 1, 2, 2, 3, 3), tuple(range(8))]
    values = []
    for cells in partitions:
        solution, network = solved(case, Bdnn(cells=cells))
        impurity = 0
        for cell in set(cells):
            ones = sum(int(y[i]) for i in range(8) if cells[i] == cell)
            impurity += min(ones, cells.count(cell) - ones)
        assert solution.objective is not None
        assert solution.objective >= impurity - 1e-6
        values.append(solution.objective)
        assert network is not None
        states = network.forward(X, 10000).pre[0] >= 0
        for i, j in itertools.combinations(range(8), 2):
            assert cells[i] != cells[j] or (states[i] == states[j]).all()
    assert values[0] == pytest.approx(4)
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(solved(case, Bdnn())[0].objective)


@pytest.mark.parametrize("domain", [REAL, WHOLE], ids=str)
def test_box_is_certified_and_costs_more_with_its_radius(domain: WeightDomain) -> None:
    X, y = real_data(8, 2, seed=1)
    case = problem(X, y, (2,), domain, scale=10000)
    values = []
    for radius in (0.0, 0.05, 0.2):
        solution, network = solved(case, Bdnn(radius=radius))
        values.append(solution.objective)
        assert network is not None
        assert certain_states(network, X, 10000, str(radius)).all()
    assert values == sorted(values)
    assert values[0] == pytest.approx(solved(case, Bdnn())[0].objective)


def test_certain_states_are_those_that_no_corner_of_the_box_changes() -> None:
    rng = np.random.default_rng(9)
    X, y = rng.integers(-6, 7, (30, 3)), np.arange(30) % 2
    case = problem(X, y, (3,), FixedPoint(decimals=1, bias="free"), scale=2)
    network = case.random_network(rng)
    certain = certain_states(network, X, 2, "1.5")
    states = network.forward(X, 2).pre[0] >= 0
    kept = np.ones_like(states)
    for corner in itertools.product((-3, 3), repeat=3):
        kept &= (network.forward(X + np.array(corner), 2).pre[0] >= 0) == states
    np.testing.assert_array_equal(certain, kept)
    assert 0 < certain.sum() < certain.size


def test_eps_at_the_tolerance_is_refused_and_flagged_when_forced() -> None:
    # bdnn.md A.13: eps = 1e-6 claims 0 errors for networks that make many.
    X, y = real_data(30, 8, seed=4)
    y = np.random.default_rng(0).integers(0, 2, 30)
    case = problem(X, y, (3,), FixedPoint(decimals=2, bias="free"), scale=10000)
    tiny = Bdnn(eps=1e-6)
    refused = tiny.accepts(case)
    assert refused is not None
    assert "eps" in refused
    solution, network = solved_unsafe(case, replace(tiny, unsafe=True))
    assert solution.objective is not None
    true = case.evaluate(network).value
    assert true is not None
    # The claim is better than the truth: the core marks such a record invalid.
    assert float(true) > solution.objective + 0.5


def test_eps_grows_with_what_rounding_needs() -> None:
    X, y = real_data(10, 8)
    coarse = problem(X, y, (2,), FixedPoint(decimals=2, bias="free"), scale=10000)
    fine = problem(X, y, (2,), REAL, scale=10000)
    assert Bdnn().build(fine).info["gap"] == pytest.approx(1e-4)
    assert Bdnn().build(coarse).info["gap"] > 0.05
    solved(coarse, Bdnn())


def test_unscaled_credit_data_are_refused_until_they_are_scaled() -> None:
    # Balances up to 1.7e6: with eps 1e-5 an integrality tolerance moves a row by more than eps.
    rng = np.random.default_rng(0)
    X = rng.integers(0, 1_700_000, (12, 5))
    y = np.arange(12) % 2
    refused = Bdnn(eps=1e-5).accepts(problem(X, y, (2,), REAL))
    assert refused is not None
    assert "scale the features" in refused
    scaled = np.rint(10000 * (X / X.max(axis=0))).astype(int)
    assert Bdnn().accepts(problem(scaled, y, (2,), REAL, scale=10000)) is None


@pytest.mark.parametrize(
    ("form", "domain", "objective", "reason"),
    [
        (Bdnn(margin="integer"), REAL, Hamming(), "whole"),
        (Bdnn(thresholds="shared"), Integer(P=1), Hamming(), "free biases"),
        (Bdnn(cells=(0, 1)), REAL, Hamming(), "2 cells for 4"),
        (Bdnn(cells=(0, 2, 2, 0)), REAL, Hamming(), "without a gap"),
        (Bdnn(radius=-1.0), REAL, Hamming(), "radius"),
        (Bdnn(), REAL, RegularisedHamming(), "rounding"),
        (Bdnn(margin="one-sided"), FixedPoint(decimals=6, bias="none"), Hamming(), "symmetric"),
        (Bdnn(margin="both"), REAL, Hamming(), "margin is one of"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(
    form: Bdnn, domain: WeightDomain, objective: Objective, reason: str
) -> None:
    refused = form.accepts(problem(SQUARE, GATES["or"], (2,), domain, objective=objective))
    assert refused is not None
    assert reason in refused


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    hidden=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    outputs=st.integers(1, 3),
    domain=st.sampled_from([REAL, WHOLE, Integer(P=2), FixedPoint(decimals=2)]),
    objective=st.sampled_from([Hamming(), RegularisedHamming("0.1")]),
)
def test_an_encoded_network_has_its_value_and_decodes_to_the_same_states(
    seed: int, hidden: list[int], outputs: int, domain: WeightDomain, objective: Objective
) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 11, (5, 3))
    y = rng.integers(0, max(2, outputs), 5)
    y[:3] = [0, 1, max(2, outputs) - 1]
    case = problem(X, y, tuple(hidden), domain, outputs=outputs, scale=10, objective=objective)
    form = Bdnn(eps=1e-6, unsafe=True)
    if form.accepts(case):
        return
    network = case.random_network(rng)
    if isinstance(objective, RegularisedHamming) and domain is WHOLE:
        return
    model = form.build(case)
    assert model.encode is not None
    point = model.encode(network)
    value = float(case.evaluate(network).values[0])
    assert model.data.objective(point) == pytest.approx(value, abs=1e-9)
    found = model.decode(point)
    pairs = zip(found.forward(X, 10).pre, network.forward(X, 10).pre, strict=True)
    if domain.bias == "free" or isinstance(domain, Integer):
        assert model.data.violation(point) <= 1e-9
        assert all(((a >= 0) == (b >= 0)).all() for a, b in pairs)


def test_in_a_large_box_every_unit_is_constant() -> None:
    case = problem(*real_data(6, 2), (1,), REAL, scale=10000)
    solution, _ = solved(case, Bdnn(radius=5.0))
    assert solution.termination is Termination.OPTIMAL
    assert solution.objective == pytest.approx(3)


@pytest.mark.parametrize("thresholds", ["shared", "bias"])
def test_real_weights_fit_forty_rows_of_breast_cancer(
    thresholds: str, breast_cancer: Dataset
) -> None:
    # bdnn.md A.13: width 5 fits 40 rows; the claim of 0 errors survives rounding to the grid.
    case = Problem(breast_cancer, Architecture(30, (5,), 1, "step"), REAL, Hamming())
    solution, network = solved(case, Bdnn(thresholds=thresholds), seconds=60)
    assert network is not None
    assert case.evaluate(network).value == solution.objective == 0
