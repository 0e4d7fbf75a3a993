"""The hooks of this plugin."""

from __future__ import annotations

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Formulation, Solver


@hookimpl
def bnnbench_formulations() -> list[type[Formulation]]:
    """``bnn-qubo``, ``sasdelli-chin``, and the baseline ``qubo-milp``."""
    from bnnbench_qubo.bnn_qubo import BnnQubo
    from bnnbench_qubo.qubo_milp import QuboMilp
    from bnnbench_qubo.sasdelli_chin import SasdelliChin

    return [BnnQubo, SasdelliChin, QuboMilp]


@hookimpl
def bnnbench_solvers() -> list[type[Solver]]:
    """Our own Ising machines, those of libraries and services, exact ones, and schemes on top."""
    from bnnbench_qubo.batch_bias import BatchBias
    from bnnbench_qubo.dimod_exact import DimodExact
    from bnnbench_qubo.dimod_sampler import DimodSampler
    from bnnbench_qubo.dropout_bias import DropoutBias
    from bnnbench_qubo.dwave_cloud import DwaveCloud
    from bnnbench_qubo.dwave_descent import DwaveDescent
    from bnnbench_qubo.dwave_sa import DwaveSA
    from bnnbench_qubo.dwave_sqa import DwaveSQA
    from bnnbench_qubo.dwave_tabu import DwaveTabu
    from bnnbench_qubo.fixstars import Fixstars
    from bnnbench_qubo.ising_sa import IsingSA
    from bnnbench_qubo.ising_sb import IsingSB
    from bnnbench_qubo.ising_structured import IsingStructured
    from bnnbench_qubo.ising_torch import IsingTorch
    from bnnbench_qubo.openjij_solver import OpenJij
    from bnnbench_qubo.penalty_sweep import PenaltySweep
    from bnnbench_qubo.simulated_bifurcation_solver import SimulatedBifurcation
    from bnnbench_qubo.tree_decomposition import TreeDecomposition

    own: list[type[Solver]] = [IsingSA, IsingSB, IsingTorch, IsingStructured]
    libraries: list[type[Solver]] = [
        *(DwaveSA, DwaveTabu, DwaveDescent, DwaveSQA, OpenJij, SimulatedBifurcation, DimodSampler),
        *(DwaveCloud, Fixstars),
    ]
    exact: list[type[Solver]] = [DimodExact, TreeDecomposition]
    return [*own, *libraries, *exact, DropoutBias, BatchBias, PenaltySweep]
