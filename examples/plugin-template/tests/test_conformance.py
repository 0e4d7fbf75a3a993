"""The rules of bnnbench, and what a user of this plugin would notice."""

import numpy as np
from bnnbench_example.votes import votes
from bnnbench_example.walk import Walk

from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.solution import Limits
from bnnbench.testing import DatasetCase, FormulationCase, SolverCase


class TestWalk(SolverCase):
    # Parameters that make it end by itself, so that runs with one seed can be compared.
    spec = "example-walk[steps=300]"


class TestUnit(FormulationCase):
    spec = "example-unit"


class TestVotes(DatasetCase):
    spec = "example-votes[n=5,rows=40]"
    drawn = "seed"


def test_more_steps_are_never_worse(bnnbench_problems):
    for problem in bnnbench_problems[:3]:
        found = [
            Walk(steps).solve(direct_model(problem), Limits(), 0, ignore_report).objective
            for steps in (0, 30, 300)
        ]
        assert found == sorted(found, reverse=True)


def test_so_many_votes_are_wrong():
    table = votes(n=5, rows=2000, wrong=0.2, seed=1)
    assert abs(np.mean((table.X.sum(axis=1) > 0) != table.y) - 0.2) < 0.05
