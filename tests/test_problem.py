from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, skip_connections
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.errors import ProblemError
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors, Hamming, SquaredHinge
from bnnbench.problem import Problem

TWO = Dataset("two", np.array([[1, 3], [2, 0]]), np.array([0, 1]), (2, 0, 0), scale=4)
THREE = Dataset("three", np.array([[1], [2], [3]]), np.array([0, 1, 2]), (3, 0, 0))


def test_targets_are_one_against_the_rest():
    problem = Problem(THREE, Architecture(1, (), 3), Integer(), Errors())
    assert problem.targets().tolist() == [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    one = Problem(TWO, Architecture(2, (), 1), Integer(), Errors())
    assert one.targets().tolist() == [[-1], [1]]
    assert one.targets("test").shape == (0, 1)


@pytest.mark.parametrize(
    ("dataset", "architecture", "message"),
    [
        (TWO, Architecture(3, (), 2), "two has 2 features, 3-2 reads 3"),
        (TWO, Architecture(2, (), 3), "needs 2 outputs or 1, 2-3 has 3"),
        (THREE, Architecture(1, (), 1), "needs 3 outputs, 1-1 has 1"),
    ],
)
def test_what_does_not_fit(dataset, architecture, message):
    with pytest.raises(ProblemError, match=message):
        Problem(dataset, architecture, Integer(), Errors())


@pytest.mark.parametrize(
    ("hidden", "skips", "domain", "B"),
    [
        ((16,), (), Integer(P=15), 17 * 15),
        ((16, 4), (), Integer(P=3), 5 * 3),
        ((3,), (), TwoValued(d=1, rhos=(-1,)), 2),
        ((3,), (), FixedPoint(bound=2), 8),
        ((), (), Integer(P=15), Fraction(6, 4 * 2)),
        ((3,), [(0, 2)], Integer(P=2), 8 + Fraction(6, 8)),
        ((3, 2), [(1, 3)], Binary(), 3 + 3),
    ],
)
def test_output_scale(hidden, skips, domain, B):
    """inn.md 2.1: (n_{L-1} + 1) P with hidden layer, mean entry times n_0 without."""
    connections = skip_connections(len(hidden) + 1, skips) if skips else ()
    arch = Architecture(2, hidden, 2, "sign", connections)
    assert Problem(TWO, arch, domain, Errors()).output_scale == B


def test_output_scale_of_empty_features_is_one():
    data = Dataset("zero", np.zeros((2, 1), int), np.array([0, 1]), (2, 0, 0))
    assert Problem(data, Architecture(1, (), 2), Integer(), Errors()).output_scale == 1


def test_digest_sees_the_whole_problem():
    parts = (TWO, Architecture(2, (2,), 2), Integer(P=1), Errors())
    base = Problem(*parts)
    assert Problem(*parts).digest == base.digest
    others = [
        (THREE, Architecture(1, (2,), 3), *parts[2:]),
        (parts[0], Architecture(2, (3,), 2), *parts[2:]),
        (parts[0], Architecture(2, (2,), 2, "step"), *parts[2:]),
        (*parts[:2], Integer(P=2), parts[3]),
        (*parts[:2], Integer(P=1, bias="none"), parts[3]),
        (*parts[:3], Errors(ties="wrong")),
        (*parts[:3], Hamming()),
    ]
    digests = {base.digest, *(Problem(*other).digest for other in others)}
    assert len(digests) == 1 + len(others)


def test_another_topology_is_outside():
    problem = Problem(TWO, Architecture(2, (2,), 2), Integer(), Errors())
    rng = np.random.default_rng(0)
    step = Problem(TWO, Architecture(2, (2,), 2, "step"), Integer(), Errors())
    reason = problem.outside(step.random_network(rng))
    assert reason == "topology 2-2-2+step, expected 2-2-2"
    assert problem.outside(problem.random_network(rng)) is None


def test_problems_have_threshold_units():
    with pytest.raises(ProblemError, match="relu is for references"):
        Problem(TWO, Architecture(2, (2,), 2, "relu"), Integer(), Errors())


def test_free_biases_leave_granularity_to_counts_alone():
    arch = Architecture(2, (2,), 2)
    for bias, objective, grain in (
        ("same", SquaredHinge(), Fraction(1, 36)),
        ("free", SquaredHinge(), None),
        ("free", Hamming(), 1),
    ):
        assert Problem(TWO, arch, Integer(P=1, bias=bias), objective).granularity == grain


@pytest.mark.parametrize(
    ("bound", "rounded"),
    [(0.2, 1), (1.0, 1), (1.0000001, 1.0000001), (1.1, 2), (-0.5, 0), (-1e9 - 0.5, -1e9)],
)
def test_bounds_on_counts_are_rounded_up(bound, rounded):
    problem = Problem(TWO, Architecture(2, (), 2), Integer(), Hamming())
    assert problem.round_bound(bound) == pytest.approx(rounded, rel=1e-6)
    assert problem.round_bound(bound) >= bound


@pytest.mark.parametrize("bound", [float("inf"), float("-inf")])
def test_infinite_bounds_stay(bound):
    problem = Problem(TWO, Architecture(2, (), 2), Integer(), Hamming())
    assert problem.round_bound(bound) == bound


@given(st.data())
def test_evaluate_looks_at_training_rows_only(draws, data):
    problem = data.draw(draws.problems())
    network = data.draw(draws.network_of(problem))
    d, n = problem.dataset, problem.dataset.sizes[0]
    short = Dataset("short", d.X[:n], d.y[:n], (n, 0, 0), scale=d.scale, classes=d.classes)
    alone = Problem(short, problem.architecture, problem.domain, problem.objective)
    assert alone.evaluate(network) == problem.evaluate(network)
    assert alone.output_scale == problem.output_scale
    assert alone.lower_bound == problem.lower_bound


def test_free_biases_lie_on_the_grid_of_the_pre_activation():
    problem = Problem(TWO, Architecture(2, (1,), 1), Integer(P=1, bias="free"), Errors())
    assert [problem.unit(k) for k in (1, 2)] == [4, 1]

    def net(first, second):
        ones = np.ones((2, 1), int), np.ones((1, 1), int)
        scales = first, second
        return Network(
            problem.architecture,
            tuple(Layer(W, np.array([9]), 1, s) for W, s in zip(ones, scales, strict=True)),
        )

    assert problem.outside(net(4, 1)) is None
    assert problem.outside(net(2, 1)) is None
    assert problem.outside(net(8, 1)) == "layer 1 has biases finer than the pre-activation's grid"
    assert problem.outside(net(1, 2)) == "layer 2 has biases finer than the pre-activation's grid"


def test_what_is_known_of_a_reference_network():
    arch = Architecture(2, (), 1)
    good = Network(arch, (Layer(np.array([[1], [-1]]), np.array([0])),))
    wide = Network(arch, (Layer(np.array([[3], [-1]]), np.array([0])),))
    for reference, known in ((good, 0), (wide, None), (None, None)):
        data = Dataset("two", TWO.X, TWO.y, TWO.sizes, scale=4, reference=reference)
        assert Problem(data, arch, Integer(P=2), Errors()).known_objective == known
