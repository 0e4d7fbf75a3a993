"""The state for one hidden layer: exact tracking, determinism, and where it is used."""

import math

import numpy as np
import pytest
from bnnbench_heuristics.annealing import Annealing
from bnnbench_heuristics.shallow_memory import UNIT
from bnnbench_heuristics.shallow_state import ShallowState
from bnnbench_heuristics.state import State
from bnnbench_heuristics.terms import usual_guide
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, random_masks
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.errors import ProblemError
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.objectives import (
    Errors,
    Hamming,
    Lexicographic,
    LinearHinge,
    MaxMargin,
    MinHinge,
    MinWeight,
    SaturatedMargin,
    SignErrors,
    SquaredHinge,
)
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Termination

DOMAINS = [
    Integer(P=1),
    Integer(P=3),
    Integer(P=15),
    Integer(P=3, bias="asymmetric"),
    Integer(P=2, bias="none"),
    Binary(),
    Binary(bias="none"),
    FixedPoint(decimals=1),
    TwoValued(rhos=(-6,), bias="same"),
]
OBJECTIVES = [
    Errors(),
    Errors(ties="wrong"),
    SignErrors(),
    SignErrors(strict=True),
    Hamming(),
    SaturatedMargin(),
    SquaredHinge(),
    MinHinge(),
    LinearHinge(),
    LinearHinge(margin=2),
]


@st.composite
def problems(draw, make_data):
    classes = draw(st.sampled_from([2, 2, 3, 4]))
    outputs = draw(st.sampled_from([1, 2])) if classes == 2 else classes
    rows, features = draw(st.integers(4, 40)), draw(st.integers(2, 5))
    scale = draw(st.sampled_from([1, 10, 1000]))
    data = make_data(rows, features, classes, scale, draw(st.integers(0, 10_000)))
    arch = Architecture(features, (draw(st.integers(1, 5)),), outputs)
    objective = draw(st.sampled_from(OBJECTIVES))
    if outputs > 2 and isinstance(objective, Errors):
        objective = SaturatedMargin()
    return Problem(data, arch, draw(st.sampled_from(DOMAINS)), objective)


def check(state: ShallowState) -> None:
    network, problem, t = state.network(), state.problem, state.tables
    assert problem.outside(network) is None
    forward = network.forward(problem.dataset.part("train")[0], problem.dataset.scale)
    hidden = t.sums[:-1].astype(np.int64) * t.head[UNIT] + t.rests
    np.testing.assert_array_equal(hidden[:, : len(state.order)], forward.pre[0][state.order].T)
    assert t.rests.min() >= 0
    assert t.rests.max() < t.head[UNIT]
    score = problem.evaluate(network)
    assert state.feasible == score.feasible
    if score.feasible:
        assert state.value == score.value


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_the_tracked_loss_equals_evaluation_after_random_moves(data, tiny_data):
    problem = data.draw(problems(tiny_data))
    state = ShallowState.of(problem, guide=data.draw(st.sampled_from([0.0, 0.5, 1.0])))
    assert state is not None
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    state.seed(rng)
    state.randomise(rng)
    check(state)
    values = []
    for temperature in (10.0, 1.0, 0.1):
        for share in (0.0, 0.3, 1.0):
            assert state.anneal(0, 50, math.inf, temperature, 0.001, share, -math.inf) == 50
            check(state)
            best = problem.evaluate(state.network(best=True))
            values.append((not best.feasible, best.value if best.feasible else 0))
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_real_data_is_tracked_exactly(objective, breast_cancer):
    problem = Problem(breast_cancer, Architecture(30, (16,), 2), Integer(P=7), objective)
    state, rng = ShallowState.of(problem), np.random.default_rng(0)
    assert state is not None
    state.seed(rng)
    state.randomise(rng)
    first = state.value
    state.anneal(0, 20_000, 20_000, 0.3, 0.001, 0.3, -math.inf)
    check(state)
    assert state.feasible
    assert state.value < first


def test_a_missed_margin_costs_the_search_by_its_distance(breast_cancer):
    problem = Problem(breast_cancer, Architecture(30, (16,), 2), Integer(P=1), SaturatedMargin())
    v, w = np.arange(-17, 18), 5
    for guide in (0.0, 0.5, 1.0):
        state = ShallowState.of(problem, guide=guide)
        assert state is not None
        packed = state.tables.code[: len(v)] >> state.losses.shift
        ramp = 1 - guide + guide * np.minimum(2, (w - v) / w)
        np.testing.assert_allclose(packed / state.losses.step, np.where(v < w, ramp, 0))


def test_margins_are_counted_more_sharply_where_rows_outnumber_parameters(tiny_data):
    for rows, guide in ((10, 1.0), (60, 0.5)):
        data = tiny_data(rows, 4, 2, 1, 0)
        problem = Problem(data, Architecture(4, (5,), 2), Integer(), SaturatedMargin())
        assert usual_guide(problem) == guide


def test_a_guide_outside_the_unit_interval_is_refused(variant):
    with pytest.raises(ProblemError, match="guide"):
        ShallowState.of(variant(objective=SaturatedMargin()), guide=2.0)


@pytest.fixture(scope="module")
def many_rows():
    """5,003 rows: indicators, a column of ones, numbers of one sign and of both, rare columns."""
    rng = np.random.default_rng(3)
    group, rare = rng.integers(0, 5, 5003), rng.integers(0, 400, 5003)
    numbers = rng.integers(-1000, 1001, (5003, 2)) * (rng.random((5003, 2)) < 0.8)
    columns = [*np.eye(5, dtype=np.int64)[group].T * 1000, *(1000 * (rare == k) for k in range(3))]
    columns += [np.full(5003, 1000), *numbers.T, np.abs(numbers[:, 0]), -2000 * (rare < 60)]
    X = np.stack([*columns, 500 * (rare > 300) - 1000 * (rare < 20)], axis=1)
    return X, (numbers.sum(axis=1) + 300 * group + rng.integers(-900, 900, 5003) > 700).astype(int)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
@pytest.mark.parametrize("scale", [1000, 50_000])
def test_thousands_of_rows_are_tracked_exactly_through_many_moves(objective, scale, many_rows):
    X, y = many_rows
    data = Dataset("many", X * (scale // 1000), y, (5001, 1, 1), scale, ("no", "yes"))
    problem = Problem(data, Architecture(X.shape[1], (9,), 2), Integer(P=5), objective)
    state, rng = ShallowState.of(problem), np.random.default_rng(0)
    assert state is not None
    assert state.tables.sums.dtype == (np.int16 if scale == 1000 else np.int32)
    state.seed(rng)
    state.randomise(rng)
    for share, heat in ((0.02, 30.0), (0.3, 1.0), (0.05, 0.01)):
        state.anneal(0, 4000, math.inf, heat, 1.0, share, -math.inf)
        check(state)


def test_steps_beyond_16_bits_of_sums_within_them_are_tracked_exactly():
    X = 1500 * (1 - 2 * (np.arange(100) % 3 > 0))[:, None]
    data = Dataset("large", X, np.arange(100) % 2, (98, 1, 1), 1, ("no", "yes"))
    problem = Problem(data, Architecture(1, (6,), 2), Integer(P=15), MinHinge())
    state, rng = ShallowState.of(problem), np.random.default_rng(0)
    assert state is not None
    state.randomise(rng)
    for _ in range(20):
        state.anneal(0, 20, math.inf, 100.0, 1.0, 0.0, -math.inf)
        check(state)


def test_losses_beyond_32_bits_are_tracked_exactly(tiny_data):
    data, arch = tiny_data(30, 4, 2, 10, 0), Architecture(4, (400,), 2)
    problem = Problem(data, arch, Integer(P=31), MinHinge())
    state, rng = ShallowState.of(problem), np.random.default_rng(0)
    assert state is not None
    assert int(state.tables.code.max()) >= 2**31
    state.randomise(rng)
    state.anneal(0, 2000, 2000, 1.0, 0.001, 0.3, -math.inf)
    check(state)


def test_a_stop_value_ends_the_moves(hinge_problem):
    state, rng = ShallowState.of(hinge_problem), np.random.default_rng(0)
    assert state is not None
    state.randomise(rng)
    stop = state.threshold(60.0)
    made = state.anneal(0, 1_000_000, 1_000_000, 0.3, 0.001, 0.3, stop)
    assert made < 1_000_000
    assert state.reached(stop)
    assert hinge_problem.evaluate(state.network(best=True)).value <= 60


def test_no_infeasible_network_reaches_a_stop_value(variant):
    problem = variant(objective=SignErrors(strict=True))
    state, rng = ShallowState.of(problem), np.random.default_rng(0)
    assert state is not None
    state.load(problem.random_network(rng))
    assert not state.feasible
    assert not state.reached(state.threshold(1e9))


def test_dead_features_keep_the_value_nearest_to_zero(tiny_data):
    problem = Problem(tiny_data(12, 4, 2, 1, 0), Architecture(4, (3,), 1), Integer(), Hamming())
    state, rng = ShallowState.of(problem), np.random.default_rng(0)
    assert state is not None
    state.randomise(rng)
    state.anneal(0, 500, math.inf, 10.0, 1.0, 0.0, -math.inf)
    assert not state.network().layers[0].weights[-1].any()


def test_a_loaded_network_comes_back(hinge_problem):
    state = ShallowState.of(hinge_problem)
    assert state is not None
    network = hinge_problem.random_network(np.random.default_rng(5))
    state.load(network)
    assert state.network().digest == network.digest
    assert state.value == hinge_problem.evaluate(network).value


def test_it_agrees_with_the_general_state(variant):
    for objective in OBJECTIVES:
        problem = variant(objective=objective)
        general, shallow = State(problem), ShallowState.of(problem)
        assert shallow is not None
        network = problem.random_network(np.random.default_rng(1))
        general.load(network)
        shallow.load(network)
        assert general.feasible == shallow.feasible
        if general.feasible:
            assert general.value == shallow.value


GENERAL = {
    "no hidden layer": {"architecture": Architecture(30, (), 2)},
    "two hidden layers": {"architecture": Architecture(30, (3, 2), 2)},
    "step": {"architecture": Architecture(30, (3,), 2, "step")},
    "masked": {
        "architecture": Architecture(
            30, (3,), 2, connections=random_masks(Architecture(30, (3,), 2), 0.5, 0)
        )
    },
    "free biases": {"domain": Integer(P=1, bias="free")},
    "fine grid": {"domain": FixedPoint()},
    "choice of grids": {"domain": TwoValued(bias="same")},
    "budget": {"domain": TwoValued(rhos=(-4,), bias="same", ones=0.5)},
    "norm": {"objective": MinWeight()},
    "unit margins": {"objective": MaxMargin()},
    "levels": {"objective": Lexicographic((SignErrors(), Hamming()))},
}


@pytest.mark.parametrize("fields", GENERAL.values(), ids=GENERAL)
def test_everything_else_takes_the_general_path(fields, variant):
    problem = variant(**fields)
    assert ShallowState.of(problem) is None
    assert Annealing(moves=50).solve(direct_model(problem), Limits(), 0, ignore_report).answer


def test_runs_of_doubling_length_stop_at_the_target(hinge_problem):
    limits = Limits(time=20.0, target=30.0)
    solution = Annealing().solve(direct_model(hinge_problem), limits, 0, ignore_report)
    assert solution.termination is Termination.TARGET
    assert solution.objective <= 30.0


@pytest.mark.parametrize(
    ("time", "ends"),
    [(0.2, [0.2]), (1.0, [0.25, 1.0]), (4.0, [0.25, 0.75, 1.75, 4.0]), (math.inf, [math.inf])],
)
def test_runs_double_until_the_next_would_not_fit(time, ends):
    fractions = list(Annealing()._ends(Limits(time=time, target=0.0)))
    assert [f * time for f in fractions] == pytest.approx(ends)
    assert list(Annealing()._ends(Limits(time=time))) == [1.0]
    assert list(Annealing(moves=9)._ends(Limits(time=time, target=0.0))) == [1.0]
