"""The hooks of this plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bnnbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from bnnbench.interfaces import Formulation, Solver
    from bnnbench.objectives import Objective


@hookimpl
def bnnbench_formulations() -> Iterable[type[Formulation]]:
    """One program per objective, over one network part."""
    from bnnbench_mip.bdnn import Bdnn
    from bnnbench_mip.errors import ErrorsMILP
    from bnnbench_mip.fair import Fair
    from bnnbench_mip.hamming import HammingMILP
    from bnnbench_mip.held_margins import HeldMargins
    from bnnbench_mip.linear_hinge import LinearHingeMILP
    from bnnbench_mip.max_correct import MaxCorrect
    from bnnbench_mip.max_margin import MaxMarginMILP
    from bnnbench_mip.min_hinge import MinHingeMILP
    from bnnbench_mip.min_weight import MinWeightMILP
    from bnnbench_mip.neurons import Neurons
    from bnnbench_mip.sat_margin import SatMargin

    return [
        MaxCorrect,
        SatMargin,
        MinHingeMILP,
        HammingMILP,
        ErrorsMILP,
        LinearHingeMILP,
        MinWeightMILP,
        MaxMarginMILP,
        Bdnn,
        Neurons,
        Fair,
        HeldMargins,
    ]


@hookimpl
def bnnbench_objectives() -> Iterable[type[Objective]]:
    """Objectives of published programs that the core does not have."""
    from bnnbench_mip.neuron_penalty import NeuronPenalty
    from bnnbench_mip.regularised import RegularisedHamming

    return [RegularisedHamming, NeuronPenalty]


@hookimpl
def bnnbench_solvers() -> Iterable[type[Solver]]:
    """Solvers of kind ``milp``, and some that read problems themselves."""
    from bnnbench_mip.bemi import Bemi
    from bnnbench_mip.columns import Columns
    from bnnbench_mip.copt import Copt
    from bnnbench_mip.cplex import Cplex
    from bnnbench_mip.cpsat import CpSat
    from bnnbench_mip.errors_route import ErrorsRoute
    from bnnbench_mip.gurobi import Gurobi
    from bnnbench_mip.hierarchical import Hierarchical
    from bnnbench_mip.highs import Highs
    from bnnbench_mip.hitting_set import HittingSet
    from bnnbench_mip.hybrid import IcarteHW
    from bnnbench_mip.pyomo_solver import Pyomo
    from bnnbench_mip.scip import Scip
    from bnnbench_mip.xpress import Xpress

    programs: list[type[Solver]] = [Highs, CpSat, Scip, Gurobi, Copt, Cplex, Xpress, Pyomo]
    return [*programs, Columns, ErrorsRoute, HittingSet, Bemi, IcarteHW, Hierarchical]
