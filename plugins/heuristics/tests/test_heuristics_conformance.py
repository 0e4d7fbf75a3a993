"""The rules of bnnbench for every solver of this plugin."""

from bnnbench_heuristics import plugin

from bnnbench.testing import SolverCase


class TestAnnealing(SolverCase):
    spec = "annealing[moves=3000]"


class TestGreedy(SolverCase):
    spec = "greedy[starts=3]"


class TestRandomSearch(SolverCase):
    spec = "random[draws=200]"


class TestConstant(SolverCase):
    spec = "constant"


class TestLogisticRegression(SolverCase):
    spec = "logistic-regression"


def test_every_solver_has_its_class():
    checked = {
        c.spec.partition("[")[0] for c in SolverCase.__subclasses__() if c.__module__ == __name__
    }
    assert checked == {s.name for s in plugin.bnnbench_solvers()}
