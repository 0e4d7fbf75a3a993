"""The rules of bnnbench for every solver of this plugin."""

import dataclasses
from collections.abc import Sequence

from bnnbench_gradient import plugin

from bnnbench.domain import TwoValued
from bnnbench.problem import Problem
from bnnbench.testing import SolverCase


class TestSte(SolverCase):
    spec = "ste[epochs=3,models=4,rounds=1]"


class TestSbnn(SolverCase):
    """The problems of the kit, with two values on a budget."""

    spec = "sbnn[epochs=3,models=4,rounds=1]"

    def problems(self) -> Sequence[Problem]:
        return [_two_valued(problem) for problem in super().problems()]

    def hard_problem(self) -> Problem:
        return _two_valued(super().hard_problem())


def _two_valued(problem: Problem) -> Problem:
    return dataclasses.replace(problem, domain=TwoValued(rhos=(-4, 0), ones=0.5))


class TestBop(SolverCase):
    spec = "bop[epochs=3,models=4,rounds=1]"


class TestParq(SolverCase):
    spec = "parq[epochs=3,models=4,rounds=1]"


class TestGdNn(SolverCase):
    spec = "gd-nn[max_epochs=20]"


class TestGdB(SolverCase):
    spec = "gd-b[steps=50]"


class TestGdT(SolverCase):
    spec = "gd-t[steps=50]"


class TestFloatRelu(SolverCase):
    spec = "float-relu[epochs=3]"


def test_every_solver_has_its_class():
    checked = {
        c.spec.partition("[")[0] for c in SolverCase.__subclasses__() if c.__module__ == __name__
    }
    assert checked == {s.name for s in plugin.bnnbench_solvers()}
