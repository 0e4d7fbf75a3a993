"""The rules of bnnbench for what uses ortools; ``test_mip_conformance.py`` runs this by itself."""

from dataclasses import replace

from bnnbench.domain import Binary, Integer
from bnnbench.testing import SolverCase, large_problem, tiny_problems


class TestCpSat(SolverCase):
    spec = "cp-sat"
    formulation = "errors"


class ByThresholds(SolverCase):
    """Of those that need one hidden layer and free biases."""

    objectives = ("errors",)

    def problems(self):
        free = {"binary": Binary(bias="free"), "integer": Integer(P=1, bias="free")}
        return [replace(p, domain=free.get(p.domain.spec.name, p.domain)) for p in tiny_problems()]

    def hard_problem(self):
        return replace(large_problem(), domain=Binary(bias="free"))


class TestErrorsRoute(ByThresholds):
    spec = "errors-route[search_seconds=0.05,first_seconds=0.1]"


class TestHittingSet(ByThresholds):
    spec = "hitting-set[search_seconds=0.05,effort=0.1]"
