from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors, Lexicographic, MinWeight
from bnnbench.problem import Problem
from bnnbench.solution import Status
from bnnbench.verify import contradictions, evaluate, objective_of

DATA = Dataset("d", np.array([[1], [-1], [2]]), np.array([1, 0, 0]), (2, 0, 1))
ARCH = Architecture(1, (), 1)


def net(w, b=0):
    return Network(ARCH, (Layer(np.array([[w]]), np.array([b])),))


def problem(objective=None):
    return Problem(DATA, ARCH, Integer(P=2), objective or Errors())


def test_an_evaluation_holds_the_facts():
    found = evaluate(problem(Lexicographic((Errors(), MinWeight()))), net(2, 1))
    assert (found.feasible, found.objective, found.exact, found.outside) == (True, 0, "0; 3", None)
    assert (found.parts["train"].argmax, found.parts["test"].argmax) == (1, 0)
    assert found.sizes["nonzeros"] == 2
    assert found.network == net(2, 1).digest


def test_outside_the_class_only_class_decisions_count():
    found = evaluate(problem(), net(3))
    assert (found.feasible, found.objective, found.exact) == (False, None, "")
    assert "weights outside integer[P=2]" in found.outside
    assert found.parts["train"].argmax == 1
    assert objective_of(problem(), net(3)) is None


def test_a_reality_check_may_be_outside():
    found = evaluate(problem(), net(3), reference=True)
    assert (found.feasible, found.objective, found.outside, found.sizes) == (True, None, None, {})


def test_a_broken_requirement():
    found = evaluate(problem(MinWeight()), net(-1))
    assert (found.feasible, found.objective, found.exact) == (False, None, "infeasible")
    assert objective_of(problem(MinWeight()), net(-1)) is None
    assert objective_of(problem(MinWeight()), net(1)) == 1


def test_a_streamed_network_that_cannot_be_evaluated_has_no_objective():
    wide = Network(Architecture(2, (), 1), (Layer(np.ones((2, 1), int), np.array([0])),))
    assert objective_of(problem(), wide) is None
    data = Dataset("big", np.array([[2**62], [-(2**62)]]), np.array([1, 0]), (2, 0, 0))
    assert objective_of(Problem(data, ARCH, Integer(P=2), Errors()), net(2)) is None


def claims(value=5.0, *, status="feasible", objective=None, bound=None, feasible=True):
    facts = evaluate(problem(MinWeight()), net(1) if feasible else net(-1))
    if feasible:
        import msgspec

        facts = msgspec.structs.replace(facts, objective=value)
    return contradictions(facts, status=Status(status), objective=objective, bound=bound)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, None),
        ({"objective": 5.0, "bound": 5.0, "status": "optimal"}, None),
        ({"objective": 7.0, "bound": 2.0}, None),
        ({"objective": 4.9999999}, None),
        ({"objective": -math.inf}, "claims objective -inf"),
        ({"objective": 4.9}, "claims objective 4.9, verified 5"),
        ({"objective": math.nan}, "claims objective nan"),
        ({"bound": 5.0000001}, None),
        ({"bound": -math.inf}, None),
        ({"bound": 5.1}, "claims bound 5.1 above the verified objective 5"),
        ({"bound": math.inf}, "claims bound inf above"),
        ({"bound": math.nan}, "claims bound nan above"),
        ({"status": "optimal", "bound": 4.0}, "optimal with a gap of 1"),
        ({"status": "optimal", "objective": 6.0}, "claims 6 optimal, verified 5 is better"),
        ({"status": "optimal", "objective": 6.0, "bound": 5.0}, "claims 6 optimal"),
        ({"status": "optimal"}, None),
        ({"feasible": False}, "breaks a hard requirement"),
        ({"feasible": False, "status": "none"}, None),
        ({"value": 1e9, "objective": 1e9 - 100}, None),
        ({"value": 1e9, "objective": 1e9 - 5000}, "claims objective"),
    ],
)
def test_claims_against_facts(arguments, words):
    found = claims(**arguments)
    if words is None:
        assert found == []
    else:
        assert len(found) == 1
        assert words in found[0]


def test_a_claim_without_network():
    for status, expected in (("feasible", 1), ("optimal", 1), ("none", 0)):
        found = contradictions(None, status=Status(status), objective=1.0, bound=None)
        assert len(found) == expected


def test_a_network_outside_the_class_is_a_false_claim():
    facts = evaluate(problem(), net(3))
    (found,) = contradictions(facts, status=Status.NONE, objective=None, bound=None)
    assert "outside the problem's class: layer 1" in found


def test_a_reality_check_claims_nothing_about_the_objective():
    facts = evaluate(problem(), net(3), reference=True)
    assert contradictions(facts, status=Status.OPTIMAL, objective=-9.0, bound=None) == []


@given(st.fractions(-100, 100), st.fractions(0, 100), st.fractions(0, 100))
def test_modest_claims_hold(value, above, below):
    found = claims(float(value), objective=float(value + above), bound=float(value - below))
    assert found == []
