"""A program whose loss is that of another objective of the integer-network MIP, by name."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

from bnnbench.objectives import Objective
from bnnbench_mip.errors import ErrorsMILP
from bnnbench_mip.formulation import NetworkMILP
from bnnbench_mip.hamming import HammingMILP
from bnnbench_mip.max_correct import MaxCorrect
from bnnbench_mip.min_hinge import MinHingeMILP
from bnnbench_mip.network_rows import NetworkRows
from bnnbench_mip.sat_margin import SatMargin

PROGRAMS: Mapping[str, type[NetworkMILP]] = {
    name: cls
    for cls in (MaxCorrect, SatMargin, MinHingeMILP, HammingMILP, ErrorsMILP)
    for name in cls.objectives
}
"""Name of an objective -> the program that models it."""


def with_objective(net: NetworkRows, objective: Objective) -> NetworkRows:
    """The same variables and rows, for a program that reads another objective."""
    other = copy.copy(net)
    other.problem = replace(net.problem, objective=objective)
    return other
