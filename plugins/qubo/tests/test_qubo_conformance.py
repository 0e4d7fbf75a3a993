"""The rules of bnnbench for the formulation and every solver of this plugin."""

from bnnbench_qubo import plugin

from bnnbench.testing import FormulationCase, SolverCase


class TestBnnQubo(FormulationCase):
    spec = "bnn-qubo"
    solver = "dwave-sa[num_reads=32,num_sweeps=200]"


class TestBnnQuboWithExactPenalty(FormulationCase):
    spec = "bnn-qubo[penalty=exact]"
    solver = "dwave-sa[num_reads=32,num_sweeps=200]"


class TestIsingSA(SolverCase):
    spec = "ising-sa[num_reads=64,num_sweeps=200]"


class TestIsingSB(SolverCase):
    spec = "ising-sb[num_reads=64,num_sweeps=200]"


class TestDwaveSA(SolverCase):
    spec = "dwave-sa[num_reads=64,num_sweeps=100]"


class TestDimod(SolverCase):
    spec = "dimod[num_reads=64]"


class TestDimodExact(SolverCase):
    spec = "dimod-exact"


class TestDropoutBias(SolverCase):
    spec = "dropout-bias[rounds=2,sampler=ising-sa[num_reads=32,num_sweeps=100]]"


def test_every_member_has_its_class():
    cases = [*SolverCase.__subclasses__(), *FormulationCase.__subclasses__()]
    checked = {c.spec.partition("[")[0] for c in cases if c.__module__ == __name__}
    members = [*plugin.bnnbench_solvers(), *plugin.bnnbench_formulations()]
    assert checked == {m.name for m in members}
