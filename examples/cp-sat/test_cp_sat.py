from pathlib import Path

import pytest

from bnnbench.interfaces import ignore_report
from bnnbench.solution import Limits
from bnnbench.testing import FormulationCase, SolverCase, optimum

pytest.importorskip("ortools")
PLUGIN = Path(__file__).with_name("cp_sat.py")


class TestCpSat(SolverCase):
    spec = "cp-sat"
    formulation = "cp-network"
    plugins = (PLUGIN,)


class TestCpNetwork(FormulationCase):
    spec = "cp-network"
    solver = "cp-sat"
    plugins = (PLUGIN,)


def test_it_proves_what_enumeration_finds(bnnbench_problems):
    case = TestCpSat()
    formulation = case.registry.formulation(case.parsed.of("cp-network"))
    for problem in [p for p in bnnbench_problems if not formulation.accepts(p)]:
        if problem.dataset.name == "conformance-planted":
            continue
        solution = case.subject.solve(formulation.build(problem), Limits(), 0, ignore_report)
        assert solution.status == "optimal"
        assert solution.objective == optimum(problem)[0].value
