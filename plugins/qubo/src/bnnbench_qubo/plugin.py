"""The hooks of this plugin."""

from __future__ import annotations

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Formulation, Solver


@hookimpl
def bnnbench_formulations() -> list[type[Formulation]]:
    """``bnn-qubo``."""
    from bnnbench_qubo.bnn_qubo import BnnQubo

    return [BnnQubo]


@hookimpl
def bnnbench_solvers() -> list[type[Solver]]:
    """``ising-sa``, ``ising-sb``, ``dropout-bias``, ``dwave-sa``, ``dimod``, ``dimod-exact``."""
    from bnnbench_qubo.dimod_exact import DimodExact
    from bnnbench_qubo.dimod_sampler import DimodSampler
    from bnnbench_qubo.dropout_bias import DropoutBias
    from bnnbench_qubo.dwave_sa import DwaveSA
    from bnnbench_qubo.ising_sa import IsingSA
    from bnnbench_qubo.ising_sb import IsingSB

    return [IsingSA, IsingSB, DropoutBias, DwaveSA, DimodSampler, DimodExact]
