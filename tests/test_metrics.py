from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.metrics import (
    TracePoint,
    part_metrics,
    primal_integral,
    size_metrics,
    time_to_target,
)
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors
from bnnbench.problem import Problem


def identity(outputs, labels, sizes):
    Z = np.array(outputs)
    q = Z.shape[1]
    data = Dataset("z", Z, np.array(labels), sizes, classes=tuple("abc"[: max(q, 2)]))
    net = Network(Architecture(q, (), q), (Layer(np.eye(q, dtype=int), np.zeros(q, dtype=int)),))
    return Problem(data, net.architecture, Integer(P=1), Errors()), net


def test_class_decisions_by_part():
    outputs = [[1, 1, 0], [1, -1, -1], [2, 2, 2], [0, 1, -5]]
    problem, net = identity(outputs, [0, 0, 1, 0], (2, 0, 2))
    found = part_metrics(problem, net)
    assert set(found) == {"train", "test"}
    train, test = found["train"], found["test"]
    assert (train.rows, train.argmax, train.ties, train.all_good) == (2, 0.75, 0.5, 0.5)
    assert test.argmax == pytest.approx(1 / 6)
    assert (test.ties, test.all_good) == (0.5, 0.0)


def test_one_output_is_never_tied():
    problem, net = identity([[0], [-1], [2]], [1, 1, 0], (3, 0, 0))
    train = part_metrics(problem, net)["train"]
    assert (train.ties, train.argmax, train.all_good) == (0, pytest.approx(1 / 3), train.argmax)


@given(st.data())
def test_accuracy_is_the_complement_of_expected_errors(draws, oracle, data):
    problem = data.draw(draws.problems())
    network = data.draw(draws.network_of(problem))
    facts = oracle.facts(problem, network)
    train = part_metrics(problem, network)["train"]
    assert train.argmax == pytest.approx(1 - float(oracle.errors(facts)) / len(facts.labels))
    assert train.all_good == pytest.approx(sum(facts.right) / len(facts.right))
    ties = sum(len(row) > 1 and row.count(max(row)) > 1 for row in facts.z)
    assert train.ties == pytest.approx(ties / len(facts.z))


def test_sizes():
    problem, net = identity([[1, 0], [0, 1]], [0, 1], (2, 0, 0))
    assert size_metrics(problem, net) == {"nonzeros": 2, "bits": 12.0, "bytes": 1.5}


def points(*triples):
    return [TracePoint(*t) for t in triples]


def test_primal_integral_by_hand():
    """No incumbent for 2 s (gap 1), then 4 against 2 (1/2) for 3 s, then 2.5 (1/5) for 5 s."""
    trace = points((2, 4, None), (3, None, 1), (5, 2.5, 1))
    assert primal_integral(trace, 2, 0, 10) == pytest.approx((2 + 1.5 + 1) / 10)


@pytest.mark.parametrize(
    ("trace", "best", "start", "limit", "expected"),
    [
        ([], 1, 0, 10, 1),
        (points((0, 1, None)), 1, 0, 10, 0),
        (points((4, 0, None)), 0, 0, 10, 0.4),
        (points((4, 3, None)), 0, 0, 10, 1),
        (points((4, -1, None)), 1, 0, 10, 1),
        (points((4, -1, None)), -2, 0, 8, 0.5 + 0.5 * 0.5),
        (points((15, 1, None)), 1, 0, 10, 1),
        (points((3, 1, None)), 1, 2, 10, 0.1),
    ],
)
def test_primal_integral(trace, best, start, limit, expected):
    assert primal_integral(trace, best, start, limit) == pytest.approx(expected)


@pytest.mark.parametrize("limit", [0, math.inf, math.nan])
def test_primal_integral_needs_a_limit(limit):
    assert math.isnan(primal_integral(points((1, 1, None)), 1, 0, limit))


@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(-5, 5)), max_size=6),
    st.floats(-5, 5),
    st.floats(0.1, 15),
)
def test_primal_integral_is_a_share(raw, best, limit):
    trace = [TracePoint(t, o, None) for t, o in sorted(raw)]
    assert -1e-9 <= primal_integral(trace, best, 0, limit) <= 1 + 1e-9


def test_time_to_target():
    trace = points((1, None, 0), (2, 5, 0), (3, 2, 1), (4, 1, 1))
    assert time_to_target(trace, 5) == 2
    assert time_to_target(trace, 2) == 3
    assert time_to_target(trace, 1.5) == 4
    assert time_to_target(trace, 0) == math.inf
    assert time_to_target(points((1, 0.1 + 0.2, None)), 0.3) == 1
