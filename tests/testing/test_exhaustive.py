"""Enumeration against a second one, written with nothing but Fractions and itertools."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from bnnbench.architecture import Architecture, Connection, skip_connections
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.errors import ProblemError
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.spec import parse
from bnnbench.testing import class_size, enumerate_networks, optimum

MASK = np.array([[True, False], [True, True]])

# domain, weights, biases that go with them (None: as the weights), largest weight, scale;
# several lists of weights are the layers' choices. Values are numerators.
DOMAINS = {
    "ternary": (Integer(P=1), [[-1, 0, 1]], None, 1, 1),
    "asymmetric": (Integer(P=1, bias="asymmetric"), [[-1, 0, 1]], [[-2, -1, 0, 1]], 1, 1),
    "no bias": (Integer(P=2, bias="none"), [[-2, -1, 0, 1, 2]], [[0]], 2, 1),
    "binary": (Binary(), [[-1, 1]], None, 1, 1),
    "binary asymmetric": (Binary(bias="asymmetric"), [[-1, 1]], [[-3, -1, 1]], 1, 1),
    "fixed-point": (FixedPoint(bound=1, decimals=1), [list(range(-10, 11))], None, 1, 10),
    "two-valued": (
        TwoValued(d=1, rhos=(-1, 0), bias="same"), [[-1, 1], [0, 2]], None, 1, 2,
    ),
    "two-valued with budget": (
        TwoValued(d=1, rhos=(-1, 0), bias="none", ones=0.4), [[-1, 1], [0, 2]], [[0]] * 2, 1, 2,
    ),
}  # fmt: skip

TOPOLOGIES = {
    "one hidden unit": Architecture(2, (1,), 2),
    "linear": Architecture(2, (), 2),
    "one output": Architecture(2, (1,), 1, "step"),
    "skip": Architecture(2, (1,), 1, "sign", skip_connections(2, [(0, 2)])),
    "mask": Architecture(2, (), 2, "sign", (Connection(0, 1, MASK),)),
    "point": Architecture(1, (), 1),
}
CASES = [
    ("ternary", "one hidden unit", "realisable"),
    ("ternary", "linear", "clash"),
    ("asymmetric", "linear", "realisable"),
    ("no bias", "linear", "realisable"),
    ("no bias", "mask", "clash"),
    *(("binary", t, d) for t in TOPOLOGIES if t != "point" for d in ("realisable", "clash")),
    ("binary asymmetric", "skip", "realisable"),
    ("fixed-point", "point", "line"),
    ("two-valued", "one output", "realisable"),
    ("two-valued with budget", "one hidden unit", "realisable"),
    ("two-valued with budget", "skip", "clash"),
]
DATA = {
    "realisable": Dataset(
        "realisable", np.array([[0, 2], [1, 0], [2, 1]]), np.array([1, 0, 0]), (3, 0, 0), scale=2
    ),
    "clash": Dataset(
        "clash", np.array([[0, 1], [1, 1], [1, 1], [-2, 1]]), np.array([1, 1, 0, 0]), (4, 0, 0)
    ),
    "line": Dataset("line", np.array([[-2], [1], [3]]), np.array([0, 1, 1]), (3, 0, 0), scale=4),
}


def naive_networks(arch, domain):
    """All networks, layer by layer, weights by weights."""
    value, grids, biases, _, scale = domain
    biases = biases or grids
    layers = []
    for k in range(1, arch.depth + 1):
        mask, width = arch.mask(k), arch.widths[k]
        choices = []
        for ws, bs in zip(grids, biases, strict=True):
            for arcs in itertools.product(ws, repeat=int(mask.sum())):
                W = np.zeros(mask.shape, dtype=int)
                W[mask] = arcs
                ones = sum(a == max(ws) for a in arcs)
                choices += [
                    (Layer(W, np.array(b), scale, scale), ones)
                    for b in itertools.product(bs, repeat=width)
                ]
        layers.append(choices)
    share = Fraction(str(getattr(value, "ones", 1)))
    for chosen in itertools.product(*layers):
        if share == 1 or sum(ones for _, ones in chosen) <= share * arch.n_weights:
            yield Network(arch, tuple(layer for layer, _ in chosen))


@pytest.mark.parametrize(("domain", "topology", "data"), CASES)
def test_optimum_agrees_with_brute_force(domain, topology, data, oracle, objective_texts, bare):
    arch, entry, dataset = TOPOLOGIES[topology], DOMAINS[domain], DATA[data]
    plain = Problem(dataset, arch, entry[0], Errors())
    registry = Registry.load()
    best = dict.fromkeys(objective_texts)
    count = 0
    for network in naive_networks(arch, entry):
        count += 1
        facts = oracle.facts(plain, network, largest=Fraction(entry[3]))
        for name in best:
            value = oracle.value(name, facts)
            if value is not None and (best[name] is None or value < best[name]):
                best[name] = value
    assert count == len({n.digest for n in enumerate_networks(plain)})
    if (domain, data) == ("ternary", "realisable"):
        assert None not in best.values(), "an objective without feasible network tests nothing"
    for name, text in objective_texts.items():
        problem = Problem(dataset, arch, entry[0], registry.objective(parse(text)))
        score, network = optimum(problem)
        assert score.feasible == (best[name] is not None), name
        if network is None:
            assert best[name] is None
            continue
        assert score.values == best[name], name
        assert problem.evaluate(network) == score
        assert problem.outside(network) is None


def test_a_class_without_duplicates_or_gaps():
    """Networks on two grids come once, and take the smaller share of a budget."""
    dataset = Dataset("point", np.array([[1]]), np.array([0]), (1, 0, 0), classes=("a", "b"))
    domain = TwoValued(d=0, rhos=(-1, 0), ones=0.5, bias="none")
    problem = Problem(dataset, Architecture(1, (), 2), domain, Errors())
    weights = {tuple(n.layers[0].weights[0].tolist()) for n in enumerate_networks(problem)}
    assert weights == {(-1, -1), (-1, 0), (0, -1), (0, 0), (0, 1), (1, 0)}
    assert len(list(enumerate_networks(problem))) == len(weights)
    assert class_size(problem) == 8


def test_a_class_too_large_is_refused():
    problem = Problem(DATA["clash"], Architecture(2, (2,), 2), Integer(P=1), Errors())
    assert class_size(problem) == 3**12
    for refused in (enumerate_networks(problem, limit=1000), None):
        with pytest.raises(ProblemError, match="531441 networks, beyond the 1000"):
            next(refused) if refused else optimum(problem, limit=1000)


def test_free_biases_are_all_thresholds_that_matter():
    rng = np.random.default_rng(4)
    for _ in range(10):
        x, y = rng.integers(-5, 6, 7), rng.integers(0, 2, 7)
        dataset = Dataset("line", x[:, None], y, (7, 0, 0), classes=("a", "b"))
        problem = Problem(dataset, Architecture(1, (), 1), Integer(P=1, bias="free"), Errors())
        naive = min(
            int(((w * x + b >= 0) != (y == 1)).sum()) for w in (-1, 0, 1) for b in range(-9, 10)
        )
        assert optimum(problem)[0].value == naive


def test_no_feasible_network():
    problem = Problem(
        DATA["clash"],
        Architecture(2, (), 2),
        Binary(),
        Registry.load().objective(parse("min-weight")),
    )
    score, network = optimum(problem)
    assert not score.feasible
    assert network is None
