"""The rules of bnnbench for every solver of this plugin."""

from bnnbench_gradient import plugin

from bnnbench.testing import SolverCase


class TestSte(SolverCase):
    spec = "ste[epochs=3,models=4,rounds=1]"


class TestGdNn(SolverCase):
    spec = "gd-nn[max_epochs=20]"


class TestGdB(SolverCase):
    spec = "gd-b[steps=50]"


class TestGdT(SolverCase):
    spec = "gd-t[steps=50]"


def test_every_solver_has_its_class():
    checked = {
        c.spec.partition("[")[0] for c in SolverCase.__subclasses__() if c.__module__ == __name__
    }
    assert checked == {s.name for s in plugin.bnnbench_solvers()}
