"""Neuron-count optimisation and fairness rows of the integer-network MIP."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from bnnbench_mip.fair import Fair
from bnnbench_mip.hierarchical import Hierarchical
from bnnbench_mip.highs import Highs
from bnnbench_mip.neuron_penalty import LOSSES, NeuronPenalty, counted, in_use
from bnnbench_mip.neurons import Neurons
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, Integer, WeightDomain
from bnnbench.interfaces import Formulation, direct_model, ignore_report
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors, Hamming, Objective, SaturatedMargin, SignErrors
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench.testing import enumerate_networks, optimum

Loss = Literal["saturated-margin", "sign-errors", "min-hinge"]
ALL: tuple[Loss, ...] = ("saturated-margin", "sign-errors", "min-hinge")


def data(n: int, features: int, seed: int, scale: int = 2) -> Dataset:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    y[:2] = [0, 1]
    return Dataset("drawn", rng.integers(-2, 3, (n, features)), y, (n, 0, 0), scale)


def solved(problem: Problem, program: Formulation) -> tuple[Solution, Network]:
    assert program.accepts(problem) is None
    model = program.build(problem)
    solution = Highs().solve(model, Limits(time=30), 0, ignore_report)
    assert solution.termination is Termination.OPTIMAL
    assert solution.answer is not None
    return solution, model.network(solution.answer)


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("alpha", ["0.1", "0.75", None])
def test_price_and_loss_are_the_enumerated_optimum(loss: Loss, alpha: Any) -> None:
    shapes: list[tuple[tuple[int, ...], int, WeightDomain]] = [
        ((2,), 1, Integer(P=1)),
        ((2,), 2, Integer(P=1, bias="none")),
        ((1, 1), 1, Integer(P=1)),
    ]
    for seed, (hidden, outputs, domain) in enumerate(shapes):
        problem = Problem(
            data(5, 1, seed), Architecture(1, hidden, outputs), domain, NeuronPenalty(loss, alpha)
        )
        best = optimum(problem)[0].value
        solution, network = solved(problem, Neurons(literal=seed == 1))
        assert best is not None
        assert problem.evaluate(network).value == best
        assert solution.objective == pytest.approx(float(best), abs=1e-6)
        assert solution.bound == pytest.approx(float(best), abs=1e-5)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    hidden=st.lists(st.integers(2, 4), min_size=1, max_size=2),
    outputs=st.integers(1, 2),
    loss=st.sampled_from(ALL),
    domain=st.sampled_from([Integer(P=1), Integer(P=3, bias="none"), Integer(P=1, bias="free")]),
    literal=st.booleans(),
)
def test_an_encoded_network_has_its_value(
    seed: int, hidden: list[int], outputs: int, loss: Loss, domain: WeightDomain, literal: bool
) -> None:
    rng = np.random.default_rng(seed)
    architecture = Architecture(2, tuple(hidden), outputs)
    problem = Problem(data(6, 2, seed), architecture, domain, NeuronPenalty(loss, "0.3"))
    layers = []
    for layer in problem.random_network(rng).layers:
        off = rng.random(layer.weights.shape[1]) < 0.3
        layers.append(replace(layer, weights=layer.weights * ~off, bias=layer.bias * ~off))
    model = Neurons(literal=literal).build(problem)
    assert model.encode is not None
    point = model.encode(Network(architecture, tuple(layers)))
    score = problem.evaluate(model.decode(point))
    if not score.feasible:
        assert model.data.violation(point) > 1e-6
        return
    assert model.data.violation(point) <= 1e-7
    assert model.data.objective(point) == pytest.approx(float(score.values[0]), abs=1e-9)


@pytest.mark.parametrize("hidden", [(3,), (3, 2)], ids=str)
def test_sizes_of_the_switches(hidden: tuple[int, ...], formulation: Callable[..., Any]) -> None:
    N, n, q = 6, 4, 2
    X = np.random.default_rng(0).integers(1, 9, (N, n))
    dataset = Dataset("sizes", X, np.arange(N) % 2, (N, 0, 0), 4)
    problem = Problem(dataset, Architecture(n, hidden, q), Integer(P=3), NeuronPenalty())
    info = Neurons().build(problem).info
    plain = formulation("saturated-margin").build(replace(problem, objective=SaturatedMargin()))
    widths = (n, *hidden, q)
    own = sum((a + 1) * b for a, b in itertools.pairwise(widths[:-1]))
    above = sum(a * b for a, b in itertools.pairwise(widths[1:]))
    assert info["cols"] == plain.info["cols"] + sum(hidden)
    assert info["rows"] == plain.info["rows"] + 2 * (own + above) + 1


def test_stripping_leaves_the_forward_pass_and_the_loss_at_its_own_scale() -> None:
    # inn.md I10: the stripped network at its own B' has the loss part of the objective.
    problem = Problem(
        data(7, 2, 3), Architecture(2, (4,), 1), Integer(P=3), NeuronPenalty(alpha="0.6")
    )
    _, network = solved(problem, Neurons())
    used = in_use(network)[0]
    assert 1 <= used.sum() < 4
    first, last = network.layers
    small = Network(
        Architecture(2, (int(used.sum()),), 1),
        (
            Layer(first.weights[:, used], first.bias[used]),
            Layer(last.weights[used], last.bias),
        ),
    )
    X = problem.dataset.X
    pre = [net.forward(X, problem.dataset.scale).output for net in (network, small)]
    np.testing.assert_array_equal(*pre)
    stripped = replace(problem, architecture=small.architecture, objective=SaturatedMargin())
    value = problem.evaluate(network).value
    assert value == stripped.evaluate(small).values[0] + Fraction("0.6") * int(used.sum())


@pytest.mark.parametrize("loss", ["saturated-margin", "sign-errors"])
def test_a_small_price_is_lexicographic(loss: Loss) -> None:
    # inn.md I9: alpha sum n_l < 1 with whole losses: least loss first, then fewest neurons.
    problem = Problem(
        data(5, 1, 4), Architecture(1, (2,), 1), Integer(P=1), NeuronPenalty(loss, "0.25")
    )
    solution, network = solved(problem, Neurons())
    zero = replace(problem, objective=NeuronPenalty(loss, "0"))
    least = optimum(zero)[0].value
    assert least is not None
    fewest = min(
        sum(counted(net)) for net in enumerate_networks(zero) if zero.evaluate(net).value == least
    )
    assert sum(counted(network)) == fewest
    assert solution.objective == pytest.approx(float(least) + 0.25 * fewest)


@pytest.mark.parametrize("tau", [None, 0.0, 0.3])
@pytest.mark.parametrize("loss", ["saturated-margin", "sign-errors"])
def test_hierarchical_finds_the_fewest_neurons_at_nearly_the_least_loss(
    loss: Loss, tau: float | None
) -> None:
    problem = Problem(
        data(6, 1, 1), Architecture(1, (2,), 1), Integer(P=1), NeuronPenalty(loss, "0.1")
    )
    alone = replace(problem, objective=NeuronPenalty(loss, "0"))
    least = optimum(alone)[0].values[0]
    allowed = {None: 0.1 if loss == "sign-errors" else 0.0}.get(tau, tau)
    most = float(least) + 6 * (allowed or 0.0)
    fewest = min(
        (sum(counted(net)), value)
        for net in enumerate_networks(problem)
        if (value := alone.evaluate(net).values[0]) <= most
    )
    model = direct_model(problem)
    solver = Hierarchical(tau=tau)
    assert solver.accepts(model) is None
    solution = solver.solve(model, Limits(time=30), 0, ignore_report)
    assert isinstance(solution.answer, Network)
    found = sum(counted(solution.answer)), alone.evaluate(solution.answer).values[0]
    assert found == fewest
    assert solution.bound is not None
    assert solution.bound <= float(optimum(problem)[0].values[0]) + 1e-6


def test_hierarchical_has_no_hinge_form() -> None:
    problem = Problem(
        data(6, 1, 1), Architecture(1, (2,), 1), Integer(P=1), NeuronPenalty("min-hinge")
    )
    assert "no lexicographic form" in str(Hierarchical().accepts(direct_model(problem)))
    hamming = replace(problem, objective=Hamming())
    assert "neuron-penalty" in str(Hierarchical().accepts(direct_model(hamming)))
    with pytest.raises(Exception, match="share"):
        Hierarchical(share=1.0)


def test_switches_need_a_zero_and_enough_neurons() -> None:
    problem = Problem(data(5, 1, 0), Architecture(1, (1,), 2), Integer(P=1), NeuronPenalty())
    assert "as many neurons" in str(Neurons().accepts(problem))
    binary = replace(problem, architecture=Architecture(1, (2,), 2), domain=Binary())
    assert "weights 0" in str(Neurons().accepts(binary))
    assert not optimum(problem)[0].feasible
    with pytest.raises(Exception, match="alpha"):
        NeuronPenalty(alpha="-1")
    assert set(LOSSES) == set(ALL)


@pytest.mark.parametrize("rule", ["equalised-odds", "demographic-parity"])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("merge", [False, True])
def test_fair_optimum_is_that_of_the_fair_networks(rule: str, outputs: int, merge: bool) -> None:
    rng = np.random.default_rng(6)
    first = np.array([1, 1, 1, 0, 0, 0, 1, 0])
    X = np.stack([first, 1 - first, rng.integers(0, 2, 8)], axis=1)
    y = np.array([1, 0, 1, 0, 1, 0, 1, 0])
    dataset = Dataset("groups", X, y, (8, 0, 0), features=("f", "m", "x"))
    architecture, domain = Architecture(3, (), outputs), Integer(P=1)
    objectives: list[Objective] = [Hamming(), Errors(), SignErrors()]
    for objective in objectives:
        problem = Problem(dataset, architecture, domain, objective)
        program = Fair(rule=rule, groups=("f", 1), merge=merge)
        solution, network = solved(problem, program)
        assert not program.build(problem).exact
        fair = [
            problem.evaluate(net) for net in enumerate_networks(problem) if is_fair(net, X, y, rule)
        ]
        assert is_fair(network, X, y, rule)
        best = min(score.values[0] for score in fair)
        assert problem.evaluate(network).value == best
        assert solution.objective == pytest.approx(float(best), abs=1e-6)


def is_fair(network: Network, X: Any, y: Any, rule: str) -> bool:
    """The rule by counting, with exact rates (inn.md 8.1)."""
    z = network.forward(X).output
    p = z[:, 0] >= 0 if z.shape[1] == 1 else z[:, 1] > z[:, 0]
    groups = [X[:, 0] == 1, X[:, 1] == 1]

    def rate(members: Any) -> Fraction:
        return Fraction(int(p[members].sum()), int(members.sum()))

    if rule == "demographic-parity":
        a, b = (rate(g) for g in groups)
        return a >= Fraction(4, 5) * b and b >= Fraction(4, 5) * a
    gaps = [rate(groups[0] & (y == c)) - rate(groups[1] & (y == c)) for c in (0, 1)]
    return max(map(abs, gaps)) <= Fraction(1, 50)


def test_fairness_refuses_what_it_cannot_say() -> None:
    dataset = Dataset("two", np.eye(2, dtype=int), np.array([0, 1]), (2, 0, 0))
    problem = Problem(dataset, Architecture(2, (), 2), Integer(P=1), Hamming())
    assert "no features" in str(Fair().accepts(problem))
    assert "no features" in str(Fair(groups=("f", 1)).accepts(problem))
    assert "no training row" in str(Fair(groups=(0, 1)).accepts(problem))
    assert "one-sided" in str(Fair(groups=(0, 1), one_sided=True).accepts(problem))
    assert "rule" in str(Fair(rule="none").accepts(problem))
