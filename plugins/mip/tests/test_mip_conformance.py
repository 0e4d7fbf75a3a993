"""The rules of bnnbench for every formulation and solver of this plugin.

highspy and ortools must never be in one process, so the classes of members that use ortools are in
``ortools_conformance.py``, which runs in a process of its own.
"""

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bnnbench_mip import plugin

from bnnbench.domain import Integer
from bnnbench.interfaces import missing
from bnnbench.testing import FormulationCase, SolverCase, tiny_problems

ORTOOLS = Path(__file__).with_name("ortools_conformance.py")


def few(problems, *names):
    """The problems of some names: those that programs are quick to be written and solved for."""
    return [p for p in problems if p.dataset.name.removeprefix("conformance-") in names]


class TestHighs(SolverCase):
    spec = "highs"
    formulation = "errors"


class TestScip(SolverCase):
    spec = "scip"
    formulation = "errors"


class Licensed(SolverCase):
    """Of those that take no more than small programs here."""

    formulation = "errors"

    def hard_problem(self):
        return few(tiny_problems(), "planted")[0]


class TestGurobi(Licensed):
    spec = "gurobi"


class TestCopt(Licensed):
    spec = "copt"


class TestCplex(Licensed):
    spec = "cplex"


class TestXpress(Licensed):
    spec = "xpress"


class TestPyomo(SolverCase):
    spec = "pyomo"
    formulation = "errors"

    def problems(self):
        return few(tiny_problems(), "linear", "hidden", "micro")

    def hard_problem(self):
        return few(tiny_problems(), "planted")[0]


class TestColumns(SolverCase):
    spec = "columns"
    objectives = ("linear-hinge",)


class TestBemiStages(SolverCase):
    spec = "bemi-stages"
    objectives = ("saturated-margin", "errors")

    def problems(self):
        return few(super().problems(), "hidden", "ternary", "classes")


class TestIcarteHW(SolverCase):
    spec = "icarte-hw"
    objectives = ("min-weight",)


class TestHierarchical(SolverCase):
    spec = "neurons-hierarchical"
    objectives = ("neuron-penalty",)


class Program(FormulationCase):
    """Solved by HiGHS, for the first installed solver may be one of ortools."""

    solver = "highs"


class TestErrors(Program):
    spec = "errors"


class TestErrorsStrengthened(Program):
    spec = "errors[merge=true,one_sided=true,symmetry=true]"


class TestMaxCorrect(Program):
    spec = "max-correct"


class TestSatMargin(Program):
    spec = "sat-margin"


class TestHamming(Program):
    spec = "hamming"


class TestLinearHinge(Program):
    spec = "linear-hinge"


class TestMinWeight(Program):
    spec = "min-weight"


class TestMaxMargin(Program):
    spec = "max-margin"


class TestMinHinge(Program):
    spec = "min-hinge"


class TestBdnn(Program):
    spec = "bdnn"

    def problems(self):
        """With step units and whole weights, as published."""
        return [
            replace(
                p,
                architecture=replace(p.architecture, activation="step"),
                domain=Integer(P=1),
                dataset=replace(p.dataset, reference=None),
            )
            for p in few(super().problems(), "hidden", "ternary")
        ]


class TestNeurons(Program):
    spec = "neurons"


class TestFair(Program):
    """Groups are rows whose first, or second, feature is not 0."""

    spec = "fair[rule=demographic-parity,groups=(0,1),ratio=0.1]"


class TestHeldMargins(Program):
    spec = "min-weight-held-margins[margins=(0.0,0.0,0.0)]"


def specs_of(path):
    """What the classes of a module check, without importing it."""
    assigned = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Assign)]
    return {ast.literal_eval(n.value) for n in assigned if n.targets[0].id == "spec"}


@pytest.mark.skipif(missing(("ortools",)) is not None, reason="ortools is not installed")
def test_members_that_use_ortools():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ORTOOLS)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]


def test_every_member_has_its_class():
    members = [*plugin.bnnbench_solvers(), *plugin.bnnbench_formulations()]
    checked = {s.partition("[")[0] for s in specs_of(Path(__file__)) | specs_of(ORTOOLS)}
    assert checked == {m.name for m in members}
