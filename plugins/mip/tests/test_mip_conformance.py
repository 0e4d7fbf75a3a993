"""The rules of bnnbench for every formulation and solver of this plugin."""

from bnnbench.testing import FormulationCase, SolverCase, tiny_problems


class TestHighs(SolverCase):
    spec = "highs"
    formulation = "errors"


class TestPyomo(SolverCase):
    spec = "pyomo"
    formulation = "errors"

    def problems(self):
        """Few of them: a Pyomo model takes long to write."""
        return [p for p in tiny_problems() if p.dataset.name[12:] in ("linear", "hidden", "micro")]

    def hard_problem(self):
        return next(p for p in tiny_problems() if p.dataset.name.endswith("planted"))


class TestColumns(SolverCase):
    spec = "columns"
    objectives = ("linear-hinge",)


class TestErrors(FormulationCase):
    spec = "errors"


class TestErrorsStrengthened(FormulationCase):
    spec = "errors[merge=true,one_sided=true,symmetry=true]"


class TestMaxCorrect(FormulationCase):
    spec = "max-correct"


class TestSatMargin(FormulationCase):
    spec = "sat-margin"


class TestHamming(FormulationCase):
    spec = "hamming"


class TestLinearHinge(FormulationCase):
    spec = "linear-hinge"


class TestMinWeight(FormulationCase):
    spec = "min-weight"


class TestMaxMargin(FormulationCase):
    spec = "max-margin"


class TestMinHinge(FormulationCase):
    spec = "min-hinge"


def test_every_member_has_its_class():
    from bnnbench_mip import plugin

    members = [*plugin.bnnbench_solvers(), *plugin.bnnbench_formulations()]
    checked = {
        v.spec.partition("[")[0]
        for v in globals().values()
        if isinstance(v, type) and issubclass(v, (SolverCase, FormulationCase)) and v.spec
    }
    assert checked == {m.name for m in members}
