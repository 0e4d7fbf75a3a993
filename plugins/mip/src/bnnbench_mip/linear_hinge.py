"""linear-hinge: sum of max(0, m - s z) on the unscaled output (mip.md section 2).

One loss per output, L_kj >= m - s z_kj, L >= 0, continuous unless asked otherwise: N q variables
and N q rows beyond the network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.objectives import LinearHinge
from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64
from bnnbench_mip.network_rows import NetworkRows


@dataclass(frozen=True)
class LinearHingeMILP(NetworkMILP):
    """Least linear hinge loss with an integer margin on the unscaled output.

    Attributes:
        one_sided: keep only the product rows that the wanted signs of the outputs need. Same
            optimum; an incumbent may claim more loss than its network has.
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
        integer_loss: losses are integer variables, in units of z.
    """

    name: ClassVar[str] = "linear-hinge"
    objectives: ClassVar[tuple[str, ...]] = ("linear-hinge",)
    integer_loss: bool = False

    def refuses(self, problem: Problem) -> str | None:
        if self.integer_loss and (_margin(problem) / self._plans(problem)[-1].value) % 1:
            return "integer_loss needs a margin that is a whole number of output steps"
        return None

    def slack(self, problem: Problem, spread: int, value: Fraction) -> int:
        return math.ceil(_margin(problem) / value)

    def output(self, net: NetworkRows) -> Block:
        targets, value = net.samples.targets, net.plans[-1].value
        signed = net.output.times(targets)
        margin = float(_margin(net.problem) / value)
        cost = float(value) * net.samples.weights[:, None]
        whole = self.integer_loss
        t = net.rows.variables("t", signed.shape, 0, np.inf, integer=whole, cost=cost)
        lower = margin - signed.constant
        net.rows.rows(signed.shape, [*signed.all_terms, (t, 1)], lower, np.inf)

        def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
            milp.view("t", point)[:] = np.maximum(0, margin - z[-1] * targets)

        return Block(fill)


def _margin(problem: Problem) -> Fraction:
    assert isinstance(problem.objective, LinearHinge)
    return Fraction(problem.objective.size(problem.output_scale))
