"""Strengthened forms: the same optimum as the literal ones, and fewer points to search."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bnnbench_mip.highs import Highs
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, skip_connections
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, Integer, TwoValued, WeightDomain
from bnnbench.interfaces import Formulation, ignore_report
from bnnbench.network import Network
from bnnbench.objectives import (
    Errors,
    Hamming,
    LinearHinge,
    MaxMargin,
    MinHinge,
    MinWeight,
    Objective,
    SaturatedMargin,
    SignErrors,
)
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Status
from bnnbench.testing import class_size, optima

OBJECTIVES: list[Objective] = [
    SignErrors(),
    SignErrors(strict=True),
    SaturatedMargin(),
    MinHinge(),
    LinearHinge(),
    Hamming(),
    Errors(ties="wrong"),
    MinWeight("l1"),
    MinWeight("l0"),
    MaxMargin(),
    MaxMargin("0.25"),
]
ASYMMETRIC = Integer(P=1, bias="asymmetric")
DOMAINS: list[WeightDomain] = [
    ASYMMETRIC,
    Integer(P=2, bias="asymmetric"),
    Integer(P=1, bias="free"),
    Integer(P=1),
    Integer(P=1, bias="none"),
    Binary(bias="free"),
    TwoValued(d=3, rhos=(-4,), bias="free"),
    TwoValued(d=2, rhos=(-3, 0), bias="same"),
]


def data(n: int, features: int, classes: int, seed: int) -> Dataset:
    """Features 0 or 1, with equal rows, some of them contradictory."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 2, (n, features))
    y = rng.integers(0, classes, n)
    X[1], y[1] = X[0], y[0]
    X[2], y[2] = X[0], (y[0] + 1) % classes
    return Dataset("repeated", X, y, (n, 0, 0), 1, tuple("abc"[:classes]))


def options(objective: Objective) -> list[dict[str, Any]]:
    """All strengthened forms of one objective."""
    forms: list[dict[str, Any]] = [
        {"symmetry": s, "order": o, "merge": m, "one_sided": one}
        for s, o, m, one in itertools.product(
            (False, True), ("none", "key", "bias"), (False, True), (False, True)
        )
    ]
    if isinstance(objective, LinearHinge):
        forms += [form | {"integer_loss": True} for form in forms]
    return forms


@pytest.mark.parametrize(
    ("architecture", "domain"),
    [
        (Architecture(2, (1,), 1), ASYMMETRIC),
        (Architecture(1, (2,), 1), ASYMMETRIC),
        (Architecture(1, (1, 1), 1), ASYMMETRIC),
        (Architecture(1, (2,), 1), Integer(P=1)),
        (Architecture(1, (2,), 1, "step"), ASYMMETRIC),
        (Architecture(1, (1,), 2), Integer(P=1, bias="free")),
        (Architecture(1, (2,), 2), Integer(P=1, bias="none")),
        (Architecture(1, (2,), 1), TwoValued(d=2, rhos=(-3, 0), bias="same")),
    ],
    ids=lambda value: value.text if isinstance(value, Architecture) else str(value.spec),
)
def test_strengthened_optimum_is_the_optimum_of_the_class(
    architecture: Architecture, domain: WeightDomain, formulation: Callable[..., Formulation]
) -> None:
    problem = Problem(data(6, architecture.inputs, 2, 1), architecture, domain, Hamming())
    assert class_size(problem) < 10**4
    scores = [score for score, _ in optima(problem, OBJECTIVES)]
    rng, compared = np.random.default_rng(0), 0
    for objective, best in zip(OBJECTIVES, scores, strict=True):
        case = replace(problem, objective=objective)
        forms = [
            form
            for form in options(objective)
            if not formulation(objective.name, **form).accepts(case)
        ]
        for pick in rng.permutation(len(forms))[:3]:
            model = formulation(objective.name, **forms[pick]).build(case)
            solution = Highs().solve(model, Limits(time=60), 0, ignore_report)
            if not best.feasible:
                assert solution.answer is None
                continue
            assert solution.status is Status.OPTIMAL, forms[pick]
            assert solution.answer is not None
            network = model.network(solution.answer)
            assert case.outside(network) is None
            assert case.evaluate(network) == best, forms[pick]
            assert solution.bound == pytest.approx(float(best.values[0]), abs=1e-5)
            compared += 1
    assert compared >= 15


@st.composite
def networks(draw: st.DrawFn) -> tuple[Problem, Network]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hidden = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    outputs = draw(st.integers(1, 3))
    d, depth = draw(st.integers(1, 4)), len(hidden) + 1
    pairs = [(s, t) for t in range(2, depth + 1) for s in range(t - 1)]
    skips = draw(st.lists(st.sampled_from(pairs), unique=True))
    connections = skip_connections(depth, skips)
    activation = draw(st.sampled_from(["sign", "sign", "step"]))
    architecture = Architecture(d, hidden, outputs, activation, connections)
    dataset = data(draw(st.integers(3, 9)), d, max(2, outputs), draw(st.integers(0, 99)))
    problem = Problem(
        dataset, architecture, draw(st.sampled_from(DOMAINS)), draw(st.sampled_from(OBJECTIVES))
    )
    return problem, problem.random_network(rng)


@settings(max_examples=300, deadline=None)
@given(drawn=networks(), data=st.data())
def test_a_network_is_encoded_as_its_representative_with_the_same_outputs(
    drawn: tuple[Problem, Network], data: st.DataObject, formulation: Callable[..., Formulation]
) -> None:
    problem, network = drawn
    form = data.draw(st.sampled_from(options(problem.objective)))
    model_of = formulation(problem.objective.name, **form)
    if model_of.accepts(problem):
        return
    model = model_of.build(problem)
    assert model.encode is not None
    point = model.encode(network)
    found = model.decode(point)
    X = problem.dataset.X
    same = (found.layers[-1].bias == network.layers[-1].bias).all()
    if same:
        z, expected = found.forward(X), network.forward(X)
        assert (z.output * expected.output_unit == expected.output * z.output_unit).all()
    assert problem.outside(found) is None
    score = problem.evaluate(found)
    if not score.feasible:
        assert model.data.violation(point) > 1e-6
        return
    assert model.data.violation(point) <= 1e-6
    assert model.data.objective(point) == pytest.approx(float(score.values[0]), abs=1e-7)
    np.testing.assert_array_equal(model.encode(found), point)


def test_negated_and_permuted_units_share_one_representative(
    formulation: Callable[..., Formulation],
) -> None:
    problem = Problem(data(8, 4, 2, 0), Architecture(4, (3,), 1), ASYMMETRIC, LinearHinge())
    model = formulation("linear-hinge", symmetry=True, order="key").build(problem)
    assert model.encode is not None
    rng = np.random.default_rng(3)
    network = problem.random_network(rng)
    first, second = network.layers
    weights, bias, v = first.weights.copy(), first.bias.copy(), second.weights.copy()
    v[:, 0] = [1, -1, 1]
    start = replace(network, layers=(first, replace(second, weights=v)))
    weights[:, 1] *= -1
    bias[1] = -bias[1] - 1
    turned = np.array([[1], [1], [1]])
    units = np.array([2, 0, 1])
    layers = (
        replace(first, weights=weights[:, units], bias=bias[units]),
        replace(second, weights=turned),
    )
    twin = replace(network, layers=layers)
    assert problem.evaluate(twin) == problem.evaluate(start)
    np.testing.assert_array_equal(
        model.decode(model.encode(twin)).layers[0].weights,
        model.decode(model.encode(start)).layers[0].weights,
    )


def test_merged_rows_share_activations(formulation: Callable[..., Formulation]) -> None:
    X = np.array([[0, 1], [0, 1], [0, 1], [1, 1], [1, 1]])
    dataset = Dataset("three kinds", X, np.array([0, 0, 1, 1, 1]), (5, 0, 0))
    problem = Problem(dataset, Architecture(2, (2,), 1), ASYMMETRIC, LinearHinge())
    blocks = formulation("linear-hinge", merge=True).build(problem).data.blocks
    assert blocks["a1"][1] == (2, 2)
    assert blocks["c2"][1] == (2, 2)
    assert blocks["t"][1] == (3, 1)


@pytest.mark.parametrize(
    ("domain", "objective", "form", "reason"),
    [
        (Integer(P=1), LinearHinge(), {"symmetry": True}, "bias=asymmetric"),
        (ASYMMETRIC, MinWeight(), {"symmetry": True}, "hidden units"),
        (Integer(P=1, bias="none"), Hamming(), {"order": "bias"}, "needs biases"),
        (Integer(P=1), Hamming(), {"order": "weight"}, "must be one of"),
        (TwoValued(ones=0.5), Hamming(), {"symmetry": True}, "budget"),
    ],
)
def test_forms_that_would_lose_networks_are_refused(
    domain: WeightDomain,
    objective: Objective,
    form: dict[str, Any],
    reason: str,
    formulation: Callable[..., Formulation],
) -> None:
    problem = Problem(data(6, 3, 2, 0), Architecture(3, (2,), 1), domain, objective)
    assert reason in (formulation(objective.name, **form).accepts(problem) or "")


def test_fractional_features_have_no_sign_symmetry(
    formulation: Callable[..., Formulation],
) -> None:
    # z = 1/2 and its mirror image -z - 1 = -3/2 agree, but z = -1/2 has none.
    plain = data(6, 3, 2, 0)
    X = plain.X.copy()
    X[0, 0] = 1
    halves = Dataset("halves", X, plain.y, (6, 0, 0), 2)
    problem = Problem(halves, Architecture(3, (2,), 1), ASYMMETRIC, LinearHinge())
    assert "whole features" in (formulation("linear-hinge", symmetry=True).accepts(problem) or "")
