"""Incremental tables equal a full recomputation, whatever was accepted or undone."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from bnnbench_heuristics.kernel import undo
from bnnbench_heuristics.kernel_search import descend, propose
from bnnbench_heuristics.state import State
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, random_masks, skip_connections
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
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

DOMAINS = [
    Integer(P=1),
    Integer(P=3, bias="asymmetric"),
    Integer(P=2, bias="free"),
    Binary(),
    Binary(bias="none"),
    FixedPoint(decimals=2),
    FixedPoint(decimals=1, bias="free"),
    TwoValued(),
    TwoValued(ones=0.3),
    TwoValued(rhos=(-6, -1), ones=0.5, bias="same"),
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
    MinWeight(),
    MinWeight(norm="l0"),
    MaxMargin(),
    MaxMargin(eps="0.05"),
]
HIDDEN = [(), (3,), (3, 2), (2, 3, 2)]


@st.composite
def problems(draw, make_data):
    seed = draw(st.integers(0, 10_000))
    classes = draw(st.sampled_from([2, 2, 3, 4]))
    hidden = draw(st.sampled_from(HIDDEN))
    outputs = draw(st.sampled_from([1, 2])) if classes == 2 else classes
    scale = draw(st.sampled_from([1, 10, 1000]))
    data = make_data(draw(st.integers(4, 14)), draw(st.integers(2, 5)), classes, scale, seed)
    arch = Architecture(data.n_features, hidden, outputs, draw(st.sampled_from(["sign", "step"])))
    depth = len(hidden) + 1
    if depth > 1 and draw(st.booleans()):
        skips = draw(st.sets(st.sampled_from([(0, depth), (depth - 2, depth)]), max_size=2))
        arch = dataclasses.replace(arch, connections=skip_connections(depth, skips))
    if draw(st.booleans()):
        arch = dataclasses.replace(arch, connections=random_masks(arch, 0.6, seed))
    domain, objective = draw(st.sampled_from(DOMAINS)), draw(st.sampled_from(OBJECTIVES))
    return Problem(data, arch, domain, objective)


def check(state: State) -> None:
    network, problem, t = state.network(), state.problem, state.tables
    assert problem.outside(network) is None
    X = problem.dataset.part("train")[0]
    forward = network.forward(X, problem.dataset.scale)
    np.testing.assert_array_equal(t["PRE"], np.hstack(forward.pre).T)
    score = problem.evaluate(network)
    assert state.feasible == score.feasible
    if score.feasible and state.terms.exact:
        assert state.value == score.value
    elif score.feasible:
        assert float(state.value) == pytest.approx(float(score.value or 0), rel=1e-9, abs=1e-9)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_tables_equal_recomputation_after_random_moves(data, tiny_data):
    problem = data.draw(problems(tiny_data))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    state = State(problem)
    state.seed(rng)
    state.randomise(rng)
    check(state)
    ints, reals = state.tables.ints, state.tables.reals
    for k in range(60):
        if propose(ints, reals, 0.3) and rng.random() < 0.5:
            undo(ints, reals)
        if k % 7 == 0:
            check(state)
    check(state)
    descend(ints, reals, state.tables["MOVABLE"], 5)
    check(state)


def test_hinge_values_are_tracked_exactly_at_realistic_size(breast_cancer):
    problem = Problem(breast_cancer, Architecture(30, (8,), 2), Integer(P=15), MinHinge())
    state = State(problem)
    assert state.terms.exact
    rng = np.random.default_rng(3)
    state.seed(rng)
    state.randomise(rng)
    for _ in range(300):
        propose(state.tables.ints, state.tables.reals, 0.3)
    assert state.value == problem.evaluate(state.network()).value
    assert state.value.denominator > 1


def test_levels_of_a_lexicographic_objective_are_ordered(breast_cancer):
    objective = Lexicographic((SaturatedMargin(), Errors()))
    problem = Problem(breast_cancer, Architecture(30, (4,), 2), Integer(P=1), objective)
    state = State(problem)
    rng = np.random.default_rng(1)
    tracked, exact = [], []
    for _ in range(30):
        state.randomise(rng)
        tracked.append(state.value)
        exact.append(problem.evaluate(state.network()))
    assert sorted(range(30), key=lambda k: tracked[k]) == sorted(
        range(30), key=lambda k: exact[k].key
    )


def test_dead_features_keep_the_value_nearest_to_zero(tiny_data):
    problem = Problem(tiny_data(12, 4, 2, 1, 0), Architecture(4, (3,), 1), Integer(), Errors())
    state = State(problem)
    rng = np.random.default_rng(0)
    state.seed(rng)
    state.randomise(rng)
    for _ in range(500):
        propose(state.tables.ints, state.tables.reals, 0.0)
    assert not state.network().layers[0].weights[-1].any()


def test_a_loaded_network_comes_back(hinge_problem):
    state = State(hinge_problem)
    network = hinge_problem.random_network(np.random.default_rng(5))
    state.load(network)
    assert state.network().digest == network.digest
    assert state.value == hinge_problem.evaluate(network).value


def test_threshold_is_the_largest_value_not_above_a_target(hinge_problem):
    state = State(hinge_problem)
    assert Fraction(int(state.threshold(7.0)), state.terms.scale) == 7
