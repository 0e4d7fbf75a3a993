"""sat-margin: outputs whose signed scaled value is below the margin 1/2 (inn.md 3.2, 3.9).

u = 2 z / B >= 1/2 is z >= R with R = ceil(B / 4) in units of z; o_kj = 1 exactly where s z >= R.
N q binaries and 2 N q rows beyond the network; N q rows and half the output products one-sided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.margins import counted_margins
from bnnbench_mip.network_rows import NetworkRows


@dataclass(frozen=True)
class SatMargin(NetworkMILP):
    """Fewest outputs below half of the scaled margin: sat-margin of the integer-network MIP.

    Attributes:
        one_sided: keep only the rows that the wanted signs of the outputs need. Same optimum; an
            incumbent may claim more missed margins than its network has (inn.md 3.10).
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
    """

    name: ClassVar[str] = "sat-margin"
    objectives: ClassVar[tuple[str, ...]] = ("saturated-margin",)

    def slack(self, problem: Problem, spread: int, value: Fraction) -> int:
        return _margin(problem, value)

    def output(self, net: NetworkRows) -> Block:
        wanted = _margin(net.problem, net.plans[-1].value)
        published = None
        if net.literal:
            real = net.problem.output_scale / 4 / net.plans[-1].value
            published = np.full(net.output.shape, float(real))
        return counted_margins(net, np.full(net.output.shape, wanted, dtype=np.int64), published)


def _margin(problem: Problem, value: Fraction) -> int:
    return math.ceil(problem.output_scale / 4 / value)
