"""Building, encoding and decoding agree with the core's exact forward pass, for any network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, Connection, random_masks, skip_connections
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued, WeightDomain
from bnnbench.interfaces import Formulation, Model
from bnnbench.network import Layer, Network
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
    SquaredHinge,
)
from bnnbench.problem import Problem

SOFT: list[Objective] = [
    Errors(),
    SignErrors(),
    SignErrors(strict=True),
    SaturatedMargin(),
    MinHinge(),
    SquaredHinge(),
    LinearHinge(),
    Hamming(),
    Errors(ties="wrong"),
]
HARD: list[Objective] = [MinWeight("l1"), MinWeight("l0"), MaxMargin(), MaxMargin("0.25")]
DOMAINS: list[WeightDomain] = [
    Integer(P=1),
    Integer(P=7, bias="asymmetric"),
    Integer(P=3, bias="none"),
    Integer(P=2, bias="free"),
    Binary(),
    FixedPoint(decimals=1),
    TwoValued(d=3, rhos=(-3,), bias="same"),
    TwoValued(),
    TwoValued(ones=0.3, bias="none"),
]


@st.composite
def architectures(draw: st.DrawFn, inputs: int) -> Architecture:
    hidden = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    outputs = draw(st.integers(1, 3))
    activation = draw(st.sampled_from(["sign", "step"]))
    plain = Architecture(inputs, hidden, outputs, activation)
    pairs = [(s, t) for t in range(2, plain.depth + 1) for s in range(t - 1)]
    skips = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    connections: tuple[Connection, ...] = skip_connections(plain.depth, skips)
    topology = Architecture(inputs, hidden, outputs, activation, connections)
    if draw(st.booleans()):
        masks = random_masks(topology, draw(st.floats(0.3, 1)), draw(st.integers(0, 9)))
        topology = Architecture(inputs, hidden, outputs, activation, masks)
    return topology


@st.composite
def problems(draw: st.DrawFn, objectives: list[Objective]) -> tuple[Problem, Network]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(2, 9)), draw(st.integers(1, 5))
    architecture = draw(architectures(d))
    scale = draw(st.sampled_from([1, 2, 10, 10000]))
    X = rng.integers(-scale if draw(st.booleans()) else 0, scale + 1, (n, d))
    X[:, rng.random(d) < 0.2] = 0
    classes = max(2, architecture.outputs)
    y = rng.integers(0, classes, n)
    names = tuple(str(c) for c in range(classes))
    dataset = Dataset("drawn", X, y, (n, 0, 0), scale, names)
    domain = draw(st.sampled_from(DOMAINS))
    problem = Problem(dataset, architecture, domain, draw(st.sampled_from(objectives)))
    return problem, with_free_biases(problem, problem.random_network(rng), rng)


def with_free_biases(problem: Problem, network: Network, rng: np.random.Generator) -> Network:
    """Biases drawn within what a unit's inputs can reach, on the finest grid."""
    if problem.domain.bias != "free":
        return network
    layers = []
    for k, layer in enumerate(network.layers, start=1):
        reads = problem.architecture.sources(k)[0].source == 0
        unit = problem.domain.scale * (problem.dataset.scale if reads else 1)
        bias = rng.integers(-unit, unit + 1, len(layer.bias))
        layers.append(Layer(layer.weights, bias, layer.scale, unit))
    return Network(network.architecture, tuple(layers))


def tolerance(model: Model) -> float:
    return 1e-9 * max(100.0, float(np.abs(model.data.data).max(initial=0)))


@settings(max_examples=250, deadline=None)
@given(drawn=problems(SOFT), one_sided=st.booleans())
def test_objective_at_an_encoded_network_is_its_value(
    drawn: tuple[Problem, Network],
    one_sided: bool,
    formulation: Callable[..., Formulation],
) -> None:
    problem, network = drawn
    model_of = formulation(problem.objective.name, one_sided=one_sided)
    if model_of.accepts(problem):
        return
    model = model_of.build(problem)
    assert model.encode is not None
    point = model.encode(network)
    found = model.decode(point)
    assert problem.outside(found) is None
    score = problem.evaluate(found)
    if not score.feasible:
        assert model.data.violation(point) > 1e-5
        return
    assert model.data.violation(point) <= tolerance(model)
    assert model.data.objective(point) == pytest.approx(float(score.values[0]), rel=1e-9, abs=1e-9)
    clipped = (found.layers[-1].bias != network.layers[-1].bias).any()
    if not clipped:
        assert score == problem.evaluate(network)
    elif not isinstance(problem.objective, Errors):
        assert score.values <= problem.evaluate(network).values


@settings(max_examples=250, deadline=None)
@given(drawn=problems(HARD), relabel=st.booleans())
def test_hard_objectives_hold_exactly_at_networks_that_fit(
    drawn: tuple[Problem, Network], relabel: bool, formulation: Callable[..., Formulation]
) -> None:
    problem, network = drawn
    if relabel:
        problem = fitted_by(problem, network)
    model_of = formulation(problem.objective.name)
    if model_of.accepts(problem):
        return
    model = model_of.build(problem)
    assert model.encode is not None
    point = model.encode(network)
    score = problem.evaluate(model.decode(point))
    if not score.feasible:
        assert model.data.violation(point) > 1e-6
        return
    assert model.data.violation(point) <= tolerance(model)
    assert model.data.objective(point) == pytest.approx(float(score.values[0]), rel=1e-9, abs=1e-9)
    # Only weights without influence may have changed.
    assert score.values[0] <= problem.evaluate(network).values[0]


def fitted_by(problem: Problem, network: Network) -> Problem:
    """The same problem on the rows whose signs the network can fit, labelled by it."""
    data = problem.dataset
    z = network.forward(data.X, data.scale).output
    positive = z >= 0
    outputs = problem.architecture.outputs
    keep = positive.sum(axis=1) == 1 if outputs > 1 else np.ones(len(z), dtype=bool)
    if outputs == 2:
        keep = positive[:, 0] != positive[:, 1]
    if not keep.any():
        return problem
    labels = positive[:, 0].astype(np.int64) if outputs == 1 else positive.argmax(axis=1)
    kept = int(keep.sum())
    fitted = Dataset("fitted", data.X[keep], labels[keep], (kept, 0, 0), data.scale, data.classes)
    return Problem(fitted, problem.architecture, problem.domain, problem.objective)


@settings(max_examples=40, deadline=None)
@given(drawn=problems([Hamming()]))
def test_a_point_off_by_a_solver_tolerance_means_the_same_network(
    drawn: tuple[Problem, Network], formulation: Callable[..., Formulation]
) -> None:
    problem, network = drawn
    model = formulation("hamming").build(problem)
    assert model.encode is not None
    point = model.encode(network)
    shaken = point + np.random.default_rng(0).uniform(-1e-5, 1e-5, len(point))
    assert model.decode(shaken).digest == model.decode(point).digest


def test_encode_refuses_a_network_of_another_class(
    formulation: Callable[..., Formulation],
) -> None:
    dataset = Dataset("two", np.array([[0], [1]]), np.array([0, 1]), (2, 0, 0))
    problem = Problem(dataset, Architecture(1, (), 1), Integer(P=1), Hamming())
    model = formulation("hamming").build(problem)
    assert model.encode is not None
    wide = Network(problem.architecture, (Layer(np.array([[2]]), np.array([0])),))
    with pytest.raises(ValueError, match="not in integer"):
        model.encode(wide)
    halves = Network(problem.architecture, (Layer(np.array([[1]]), np.array([0]), scale=2),))
    with pytest.raises(ValueError, match="not in integer"):
        model.encode(halves)
