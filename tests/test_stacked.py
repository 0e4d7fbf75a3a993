"""Networks evaluated by the stack have the scores of one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, random_masks, skip_connections
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors, Hamming, MinWeight, SignErrors, SquaredHinge
from bnnbench.problem import Problem
from bnnbench.stacked import Rows, forwards

DOMAINS = [
    Binary(),
    Binary(bias="none"),
    Integer(P=3),
    Integer(P=2, bias="free"),
    FixedPoint(decimals=4),
    FixedPoint(decimals=9, bound=1000),
    TwoValued(rhos=(-3,), bias="free"),
]


@st.composite
def problems(draw):
    hidden = tuple(draw(st.lists(st.integers(1, 5), max_size=2)))
    depth, outputs = len(hidden) + 1, draw(st.sampled_from([1, 2, 3]))
    d, n = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    high = draw(st.sampled_from([1, 1000, 10**6]))
    classes = max(2, outputs)
    data = Dataset(
        "random",
        rng.integers(-high, high + 1, (n, d)),
        rng.integers(0, classes, n),
        (n, 0, 0),
        scale=draw(st.sampled_from([1, 7, 1000])),
        classes=tuple(str(c) for c in range(classes)),
    )
    skips = skip_connections(depth, [(0, depth)]) if draw(st.booleans()) and hidden else ()
    arch = Architecture(d, hidden, outputs, draw(st.sampled_from(["sign", "step"])), skips)
    if draw(st.booleans()):
        arch = Architecture(d, hidden, outputs, arch.activation, random_masks(arch, 0.6, 1))
    objective = draw(st.sampled_from([Errors(), Hamming(), SignErrors(), SquaredHinge()]))
    return Problem(data, arch, draw(st.sampled_from(DOMAINS)), objective)


@settings(max_examples=80, deadline=None)
@given(problem=problems(), seed=st.integers(0, 999), count=st.integers(0, 5))
def test_scores_are_those_of_one_network_after_the_other(problem, seed, count):
    rng = np.random.default_rng(seed)
    networks = [problem.random_network(rng) for _ in range(count)]
    assert problem.evaluate_many(networks) == [problem.evaluate(n) for n in networks]


@settings(max_examples=40, deadline=None)
@given(problem=problems(), seed=st.integers(0, 999))
def test_stacked_pre_activations_are_the_networks_own(problem, seed):
    rng = np.random.default_rng(seed)
    networks = [problem.random_network(rng) for _ in range(3)]
    X, scale = problem.dataset.part("train")[0], problem.dataset.scale
    rows = Rows.of(X, scale)
    stack = forwards(networks, rows)
    for network, found in zip(networks, stack or (), strict=stack is not None):
        own = network.forward(X, scale)
        assert found.units == own.units
        assert all(np.array_equal(a, b) for a, b in zip(found.pre, own.pre, strict=True))


def one_layer(weights, scale=1):
    arch = Architecture(2, (), 1)
    layer = Layer(np.array(weights, dtype=np.int64).reshape(2, 1), np.zeros(1, np.int64), scale)
    return Network(arch, (layer,))


@pytest.mark.parametrize(
    "networks",
    [
        [],
        [one_layer([1, 1]), one_layer([1, 1], scale=2)],
        [one_layer([2**52, 2**52])],
    ],
    ids=["none", "scales", "too large"],
)
def test_what_cannot_be_stacked_is_left_alone(networks):
    assert forwards(networks, Rows.of(np.ones((3, 2), dtype=np.int64), 1)) is None


def test_sums_at_the_limit_of_float32_are_exact():
    """2^24 + 1 has no float32."""
    X = np.array([[2**24, 1]], dtype=np.int64)
    (found,) = forwards([one_layer([1, 1])], Rows.of(X, 1))
    assert found.output.tolist() == [[2**24 + 1]]


def test_features_beyond_53_bits_are_not_stacked():
    assert Rows.of(np.array([[2**60]]), 1) is None


def test_many_networks_are_cut_into_chunks(monkeypatch):
    monkeypatch.setattr("bnnbench.stacked.CHUNK", 8)
    rng = np.random.default_rng(0)
    data = Dataset("r", rng.choice((-1, 1), (5, 3)), rng.integers(0, 2, 5), (5, 0, 0))
    problem = Problem(data, Architecture(3, (2,), 2), Binary(), MinWeight())
    networks = [problem.random_network(rng) for _ in range(7)]
    assert problem.evaluate_many(networks) == [problem.evaluate(n) for n in networks]
