from __future__ import annotations

import math

import numpy as np
import pytest

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import Clock, Model, direct_model, ignore_report, missing
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination

DATA = Dataset("d", np.array([[1], [2]]), np.array([0, 1]), (2, 0, 0))
PROBLEM = Problem(DATA, Architecture(1, (), 2), Integer(), Errors())


def test_a_direct_model_is_the_problem():
    model = direct_model(PROBLEM)
    network = PROBLEM.random_network(np.random.default_rng(0))
    assert (model.kind, model.data, model.exact) == ("direct", PROBLEM, True)
    assert model.network(network) is network
    with pytest.raises(TypeError, match="must answer with a network"):
        model.network(np.zeros(2))


@pytest.mark.parametrize("exact", [True, False])
def test_the_optimum_of_a_restriction_is_no_optimum_of_the_problem(exact):
    model = Model(PROBLEM, "milp", None, lambda point: point, exact=exact)
    assert model.status(Status.OPTIMAL) is (Status.OPTIMAL if exact else Status.FEASIBLE)
    assert model.status(Status.NONE) is Status.NONE


def test_a_point_is_decoded():
    network = PROBLEM.random_network(np.random.default_rng(0))
    model = Model(PROBLEM, "milp", None, lambda point: network)
    assert model.network(np.zeros(2)) is network


@pytest.mark.parametrize(
    ("answer", "termination", "status"),
    [
        (None, Termination.OPTIMAL, Status.NONE),
        (None, Termination.TIME, Status.NONE),
        (np.zeros(1), Termination.TIME, Status.FEASIBLE),
        (np.zeros(1), Termination.OPTIMAL, Status.OPTIMAL),
        (np.zeros(1), Termination.TARGET, Status.FEASIBLE),
    ],
)
def test_the_usual_end(answer, termination, status):
    solution = Solution.found(answer, termination, objective=1.0, sweeps=3)
    assert solution.status is status
    assert solution.info == {"sweeps": 3}


def test_a_clock_without_limit_never_ends(monkeypatch):
    clock = Clock(Limits())
    assert clock.left == math.inf
    assert not clock.over


def test_a_clock_counts_down(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("bnnbench.interfaces.time.monotonic", lambda: now[0])
    clock = Clock(Limits(time=2.0))
    now[0] = 101.5
    assert (clock.elapsed, clock.left, clock.over) == (1.5, 0.5, False)
    now[0] = 103.0
    assert (clock.left, clock.over) == (0.0, True)


def test_what_is_missing():
    assert missing(("numpy",)) is None
    assert missing(("no-such-a", "numpy", "no-such-b")) == (
        "not installed: no-such-a, no-such-b (pip install no-such-a no-such-b)"
    )


def test_a_report_that_goes_nowhere():
    assert ignore_report(np.zeros(1), objective=1.0) is False
