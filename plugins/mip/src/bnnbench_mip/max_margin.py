"""max-margin: fit every output sign with the largest sum of unit margins (inn.md 3.5, 3.9).

One margin m_j >= 0 per unit of every layer. Hidden: a = 1 => z >= m, a = 0 => z <= -eps - m.
Output, hard: z >= m where +1 is wanted, z <= -eps - m elsewhere. Objective -sum m. Where eps is
smaller than one unit of z, a further row per activation or output keeps z <= -1 (z = 0 is +1).
In a unit, m <= m_max, the least over the rows of what z can reach on either side; it enlarges the
big-M. sum n_l variables beyond the network, N q output rows, twice as many where eps is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.objectives import MaxMargin
from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64
from bnnbench_mip.linear import Linear
from bnnbench_mip.margins import hard_margins, sign_thresholds
from bnnbench_mip.network_rows import NetworkRows
from bnnbench_mip.plan import Plan


@dataclass(frozen=True)
class MaxMarginMILP(NetworkMILP):
    """Largest sum of the margins of all units of a network that fits every row.

    Attributes:
        one_sided: keep only the product rows that the wanted signs of the outputs need.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
    """

    name: ClassVar[str] = "max-margin"
    objectives: ClassVar[tuple[str, ...]] = ("max-margin",)
    outputs_only: ClassVar[bool] = False

    def refuses(self, problem: Problem) -> str | None:
        if problem.domain.bias == "free":
            return "margins are unbounded with free biases"
        if self.literal and not Fraction(_objective(problem).eps):
            return "literal rows of max-margin need an eps: with 0 they let z = 0 be -1"
        return None

    def strict(self, net: NetworkRows, plan: Plan) -> float:
        return min(1.0, _eps(net.problem, plan)) if self.literal else 1.0

    def activate(self, net: NetworkRows, plan: Plan, z: Linear, a: Int64) -> None:
        eps = _eps(net.problem, plan)
        m, most = _margins(net, plan, z, eps)
        terms = [*z.all_terms, (m[None], -1), (a, z.lower - most)]
        net.rows.rows(z.shape, terms, z.lower - most - z.constant, np.inf)
        terms = [*z.all_terms, (m[None], 1), (a, -(z.upper + most + eps))]
        net.rows.rows(z.shape, terms, -np.inf, -eps - z.constant)
        if eps < 1 and not net.literal:
            terms = [*z.all_terms, (a, -(z.upper + 1))]
            net.rows.rows(z.shape, terms, -np.inf, -1 - z.constant)

    def output(self, net: NetworkRows) -> Block:
        plan, targets = net.plans[-1], net.samples.targets
        eps = _eps(net.problem, plan)
        m, _ = _margins(net, plan, net.output, eps)
        signed = net.output.times(targets)
        wanted = np.where(targets > 0, 0.0, eps)
        terms = [*signed.all_terms, (m[None], -1)]
        net.rows.rows(signed.shape, terms, wanted - signed.constant, np.inf)
        if eps < 1 and not net.literal:
            hard_margins(net, signed, sign_thresholds(net))

        def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
            for p, values in zip(net.plans, z, strict=True):
                beyond = np.where(values >= 0, values, -values - _eps(net.problem, p))
                milp.view(f"m{p.layer}", point)[:] = beyond.min(axis=0)

        return Block(fill)


def _eps(problem: Problem, plan: Plan) -> float:
    """Eps in units of z."""
    return float(Fraction(_objective(problem).eps) / plan.value)


def _objective(problem: Problem) -> MaxMargin:
    assert isinstance(problem.objective, MaxMargin)
    return problem.objective


def _margins(
    net: NetworkRows, plan: Plan, z: Linear, eps: float
) -> tuple[Int64, npt.NDArray[np.float64]]:
    """Variables ``m{k}`` (width,) in units of z, and their upper bounds."""
    most = np.maximum(0.0, np.maximum(z.upper, -z.lower - eps).min(axis=0))
    cost = -float(plan.value)
    return net.rows.variables(f"m{plan.layer}", most.shape, 0, most, cost=cost), most
