"""The minimum over the auxiliaries, for all weights of tiny networks and every encoding."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo

from bnnbench.architecture import skip_connections
from bnnbench.domain import Integer, TwoValued
from bnnbench.objectives import SignErrors

ENCODINGS = ("binary", "unary", "reflected")
MARGINS = (0.0, 0.75)

CASES = {
    "odd": {"hidden": (1,)},
    "even output": {"N": 1, "hidden": (2,)},
    "odd with bias": {"N": 1, "d": 2, "hidden": (2,), "bias": "same"},
    "even everywhere": {"N": 1, "d": 2, "hidden": (2,)},
    "two outputs": {"N": 1, "d": 1, "hidden": (2,), "outputs": 2},
    "two outputs with bias": {"N": 1, "hidden": (1,), "outputs": 2, "bias": "same"},
    "0/1 inputs": {"d": 4, "hidden": (1,), "values": (0, 1)},
    "0/1 inputs with bias": {"N": 1, "d": 2, "hidden": (2,), "values": (0, 1), "bias": "same"},
    "inputs half the bias": {"hidden": (1,), "values": (-1, 1), "scale": 2, "bias": "same"},
    "many-valued inputs": {"hidden": (1,), "values": (-2, 0, 3)},
    "step": {"N": 1, "d": 2, "hidden": (2,), "activation": "step"},
    "two hidden layers": {"N": 2, "d": 1, "hidden": (2, 1)},
    "two odd hidden layers": {"N": 2, "d": 1, "hidden": (3, 1), "outputs": 2},
    "two hidden layers and a skip": {
        "N": 2, "d": 1, "hidden": (2, 1), "connections": skip_connections(3, [(0, 3), (1, 3)]),
    },
    "skip": {"N": 1, "d": 2, "hidden": (2,), "connections": skip_connections(2, [(0, 2)])},
    "odd with a skip": {"N": 2, "hidden": (2,), "connections": skip_connections(2, [(0, 2)])},
    "no hidden layer": {"N": 3, "hidden": ()},
    "row errors": {"hidden": (1,), "outputs": 2, "objective": SignErrors()},
    "several rows": {"N": 4, "hidden": (2,), "seed": 4},
}  # fmt: skip

TERNARY = {"domain": Integer(P=1, bias="none")}
GRIDS = {
    "ternary": {"N": 1, "d": 2, "hidden": (1,), **TERNARY},
    "ternary, two rows, two units": {"N": 2, "d": 1, "hidden": (2,), **TERNARY},
    "ternary, no hidden layer": {"N": 2, "d": 2, "hidden": (), **TERNARY},
    "ternary, step": {"N": 1, "d": 2, "hidden": (1,), "activation": "step", **TERNARY},
    "ternary, two hidden layers": {"N": 1, "d": 1, "hidden": (1, 1), **TERNARY},
    "ternary, skip": {
        "N": 1, "d": 1, "hidden": (1,), "connections": skip_connections(2, [(0, 2)]), **TERNARY,
    },
    "ternary, two outputs": {"N": 1, "d": 1, "hidden": (1,), "outputs": 2, **TERNARY},
    "five values and a bias": {"N": 1, "d": 2, "hidden": (), "domain": Integer(P=2)},
    "five values, one hidden unit": {
        "N": 2, "d": 1, "hidden": (1,), "domain": Integer(P=2, bias="none"),
    },
    "{-3/8, 5/8}": {
        "N": 1, "d": 2, "hidden": (1,), "domain": TwoValued(rhos=(-3,), bias="none"),
    },
    "{0, 1}": {"N": 1, "d": 2, "hidden": (1,), "domain": TwoValued(rhos=(0,), bias="none")},
    "{-1/8, 7/8}, step": {
        "N": 1, "d": 2, "hidden": (1,), "activation": "step",
        "domain": TwoValued(rhos=(-1,), bias="none"),
    },
}  # fmt: skip

SHARED = {
    "two units": {"hidden": (2,)},
    "three units, even output with bias": {"N": 1, "d": 3, "hidden": (3,), "bias": "same"},
    "even": {"d": 2, "hidden": (2,)},
    "0/1 inputs": {"d": 4, "hidden": (2,), "values": (0, 1)},
    "two hidden layers": {"N": 1, "d": 2, "hidden": (2, 1)},
    "ternary": {"d": 2, "hidden": (2,), "weights": "domain", **TERNARY},
}


def all_weights(model):
    bits = itertools.product((0, 1), repeat=model.info["weight_bits"])
    return np.array(list(bits), dtype=np.int8)


def losses(model, bits):
    free = np.zeros((len(bits), model.data.n - bits.shape[1]), dtype=np.int8)
    networks = [model.decode(state) for state in np.concatenate([bits, free], axis=1)]
    return [score.value for score in model.problem.evaluate_many(networks)]


def check_every_weight_vector(model, least_energies):
    """Least energies over auxiliaries are those of the completed states: loss less margin term."""
    bits, margin = all_weights(model), model.info["rewarded"]
    least = least_energies(model.data, bits)
    assert np.allclose(least, model.data.energy(model.data.complete(bits)))
    rewards = np.array(losses(model, bits), dtype=float) - least
    assert rewards.min() > -1e-9
    assert rewards.max() < MARGINS[1] + 1e-9 if margin else np.allclose(rewards, 0)
    return least


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("slack", ENCODINGS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_binary_weights(random_problem, least_energies, case, slack, normalise, margin):
    params = {"penalty": "exact", "normalise": normalise, "margin": margin}
    model = BnnQubo(slack=slack, **params).build(random_problem(**case))
    assert model.exact == (not margin)
    check_every_weight_vector(model, least_energies)


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("slack", ENCODINGS)
@pytest.mark.parametrize("case", GRIDS.values(), ids=GRIDS)
def test_weights_on_a_grid(random_problem, least_energies, case, slack, margin):
    problem = random_problem(**case)
    model = BnnQubo(penalty="exact", weights="domain", slack=slack, margin=margin).build(problem)
    assert model.exact == (not margin)
    check_every_weight_vector(model, least_energies)
    rng = np.random.default_rng(0)
    for _ in range(5):
        network = problem.random_network(rng)
        assert problem.outside(model.decode(model.encode(network))) is None
        assert model.decode(model.encode(network)).digest == network.digest


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("slack", ENCODINGS)
@pytest.mark.parametrize("case", SHARED.values(), ids=SHARED)
def test_shared_weights(random_problem, least_energies, case, slack, margin):
    case = dict(case)
    params = {"weights": case.pop("weights", "binary"), "share": "circulant", "margin": margin}
    model = BnnQubo(penalty="exact", slack=slack, **params).build(random_problem(**case))
    assert not model.exact
    check_every_weight_vector(model, least_energies)


@pytest.mark.parametrize("margin", MARGINS)
def test_least_energies_do_not_depend_on_the_encoding(random_problem, least_energies, margin):
    problem = random_problem(2, 3, (2,), bias="same")
    models = [BnnQubo("exact", slack=s, margin=margin).build(problem) for s in ENCODINGS]
    least = [least_energies(m.data, all_weights(m)) for m in models]
    assert np.allclose(least[0], least[1])
    assert np.allclose(least[0], least[2])


@pytest.mark.parametrize("penalty", [0.3, "exact"])
@pytest.mark.parametrize("slack", ENCODINGS)
def test_elimination_is_enumeration(random_problem, least_energies, slack, penalty):
    """The tests' own tool against all states of the auxiliaries, on and below the exact lambda."""
    model = BnnQubo(penalty, slack=slack, margin=0.5).build(random_problem(1, 3, (2,), seed=1))
    bits = all_weights(model)[::7]
    free = model.data.n - bits.shape[1]
    aux = ((np.arange(2**free)[:, None] >> np.arange(free)) & 1).astype(np.int8)
    for row, least in zip(bits, least_energies(model.data, bits), strict=True):
        states = np.concatenate([np.broadcast_to(row, (len(aux), len(row))), aux], axis=1)
        assert model.data.energy(states).min() == pytest.approx(least)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_normalising_loses_no_reachable_loss(random_problem, case):
    problem = random_problem(**case)

    def reachable(normalise):
        model = BnnQubo(normalise=normalise).build(problem)
        return set(losses(model, all_weights(model)))

    assert reachable(True) == reachable(False)
