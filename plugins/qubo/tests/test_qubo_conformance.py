"""The rules of bnnbench for every formulation and solver of this plugin."""

from bnnbench_qubo import plugin

from bnnbench.testing import FormulationCase, SolverCase

FEW_READS = "ising-sa[num_reads=32,num_sweeps=100]"


class TestBnnQubo(FormulationCase):
    spec = "bnn-qubo"
    solver = "dwave-sa[num_reads=32,num_sweeps=200]"


class TestBnnQuboWithExactPenalty(FormulationCase):
    spec = "bnn-qubo[penalty=exact]"
    solver = "dwave-sa[num_reads=32,num_sweeps=200]"


class TestSasdelliChin(FormulationCase):
    spec = "sasdelli-chin"
    solver = "dwave-sa[num_reads=32,num_sweeps=200]"


class TestQuboMilp(FormulationCase):
    spec = "qubo-milp"
    solver = "highs"


class TestIsingSA(SolverCase):
    spec = "ising-sa[num_reads=64,num_sweeps=200]"
    formulation = "bnn-qubo"


class TestIsingSB(SolverCase):
    spec = "ising-sb[num_reads=64,num_sweeps=200]"
    formulation = "bnn-qubo"


class TestIsingTorch(SolverCase):
    spec = "ising-torch[num_reads=32,num_sweeps=20,replicas=32]"
    formulation = "bnn-qubo"


class TestIsingStructured(SolverCase):
    spec = "ising-structured[num_reads=32,num_sweeps=20,replicas=32]"


class TestDwaveSA(SolverCase):
    spec = "dwave-sa[num_reads=64,num_sweeps=100]"
    formulation = "bnn-qubo"


class TestDwaveTabu(SolverCase):
    spec = "dwave-tabu[num_reads=8,num_restarts=1]"
    formulation = "bnn-qubo"


class TestDwaveDescent(SolverCase):
    spec = "dwave-descent[num_reads=64]"
    formulation = "bnn-qubo"


class TestDwaveSQA(SolverCase):
    spec = "dwave-sqa[num_reads=16,num_sweeps=50]"
    formulation = "bnn-qubo"


class TestOpenJij(SolverCase):
    spec = "openjij[num_reads=16,num_sweeps=100]"
    formulation = "bnn-qubo"


class TestSimulatedBifurcation(SolverCase):
    spec = "simulated-bifurcation[num_reads=8,num_sweeps=20]"
    # The pilot draws one read, from which a call for several seems long.
    seconds = 10.0
    formulation = "bnn-qubo"


class TestDimod(SolverCase):
    spec = "dimod[num_reads=64]"
    formulation = "bnn-qubo"


class TestDwaveCloud(SolverCase):
    spec = "dwave-cloud"
    formulation = "bnn-qubo"


class TestFixstars(SolverCase):
    spec = "fixstars"
    formulation = "bnn-qubo"


class TestDimodExact(SolverCase):
    spec = "dimod-exact"
    formulation = "bnn-qubo"


class TestTreeDecomposition(SolverCase):
    spec = "tree-decomposition"
    formulation = "bnn-qubo"


class TestDropoutBias(SolverCase):
    spec = f"dropout-bias[rounds=2,sampler={FEW_READS}]"


class TestBatchBias(SolverCase):
    spec = f"batch-bias[batch=4,sampler={FEW_READS}]"


class TestPenaltySweep(SolverCase):
    spec = f"penalty-sweep[penalties=(0.2,1.0),sampler={FEW_READS}]"


def test_every_member_has_its_class():
    cases = [*SolverCase.__subclasses__(), *FormulationCase.__subclasses__()]
    checked = {c.spec.partition("[")[0] for c in cases if c.__module__ == __name__}
    members = [*plugin.bnnbench_solvers(), *plugin.bnnbench_formulations()]
    assert checked == {m.name for m in members}
