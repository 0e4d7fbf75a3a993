"""The rules of bnnbench for every solver of this plugin."""

from bnnbench_heuristics import plugin

from bnnbench.testing import SolverCase


class Restricting(SolverCase):
    """Of those that solve programs again and again: few problems, for programs cost the most."""

    objectives = ("hamming",)

    def problems(self):
        return [p for p in super().problems() if p.dataset.name[12:] in ("hidden", "ternary")]


class TestAnnealing(SolverCase):
    spec = "annealing[moves=3000]"


class TestGreedy(SolverCase):
    spec = "greedy[starts=3]"


class TestTabu(SolverCase):
    spec = "tabu[steps=200]"


class TestRandomSearch(SolverCase):
    spec = "random[draws=200]"


class TestAveraging(SolverCase):
    spec = "averaging[moves=3000,every=100]"


class TestConstant(SolverCase):
    spec = "constant"


class TestLogisticRegression(SolverCase):
    spec = "logistic-regression"


class TestEarlyStopping(SolverCase):
    spec = "early-stopping[inner=annealing[moves=3000],average=2]"


class TestPolish(SolverCase):
    spec = "polish[inner=annealing[moves=1000]]"


class TestLocalSearch(Restricting):
    spec = "local-search"


class TestDataSplitting(Restricting):
    spec = "data-splitting[splits=2]"


class TestBatchTraining(Restricting):
    spec = "batch-training[formulation=hamming,batch=4,epochs=2]"


class TestLargeNeighbourhood(Restricting):
    spec = "lns[start=annealing[moves=500],steps=3]"


class TestBeMi(Restricting):
    spec = "bemi"


def test_every_solver_has_its_class():
    cases = [*SolverCase.__subclasses__(), *Restricting.__subclasses__()]
    checked = {c.spec.partition("[")[0] for c in cases if c.__module__ == __name__ and c.spec}
    assert checked == {s.name for s in plugin.bnnbench_solvers()}
