"""max-correct: rows whose label's output is not the only one >= 0 (inn.md 3.1, 3.9).

Strict, as published: binaries o with sum_j o_kj = 1 per row, o = 1 => z >= 0, o = 0 => z <= -1,
so that exactly one output is >= 0 on every row; objective N - sum_k o_{k, y_k}. N q binaries and
2 N q + N rows beyond the network.

Otherwise relaxed: one binary e_k per row, e_k = 0 => every output has its wanted sign; objective
sum e. N binaries and N q rows. An incumbent may leave e_k = 1 on a right row: it then claims more
errors than its network has, never fewer. With a single output both are the same and this is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.objectives import SignErrors
from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64
from bnnbench_mip.margins import relaxed_margins, sign_thresholds
from bnnbench_mip.network_rows import NetworkRows


@dataclass(frozen=True)
class MaxCorrect(NetworkMILP):
    """Fewest rows with a wrong output sign: max-correct of the integer-network MIP.

    Attributes:
        one_sided: keep only the product rows of the output layer that its wanted signs need
            (half of them). Not for a strict objective with several outputs.
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
    """

    name: ClassVar[str] = "max-correct"
    objectives: ClassVar[tuple[str, ...]] = ("sign-errors",)

    def refuses(self, problem: Problem) -> str | None:
        if self.one_sided and _strict(problem):
            return "one-sided products do not hold for strict sign errors (inn.md 3.10)"
        return None

    def output(self, net: NetworkRows) -> Block:
        return _exactly_one(net) if _strict(net.problem) else _any_wrong(net)


def _strict(problem: Problem) -> bool:
    objective = problem.objective
    assert isinstance(objective, SignErrors)
    return objective.strict and problem.architecture.outputs > 1


def _exactly_one(net: NetworkRows) -> Block:
    z, targets = net.output, net.samples.targets
    weights = net.samples.weights
    cost = np.where(targets > 0, -weights[:, None], 0)
    o = net.rows.variables("o", z.shape, 0, 1, integer=True, cost=cost)
    net.rows.rows((len(o),), [(o, 1)], 1, 1)
    net.rows.rows(z.shape, [*z.all_terms, (o, z.lower)], z.lower - z.constant, np.inf)
    strict = net.strict(net.plans[-1])
    sides = -strict - z.constant
    net.rows.rows(z.shape, [*z.all_terms, (o, -(z.upper + strict))], -np.inf, sides)

    def fill(milp: Any, point: npt.NDArray[np.float64], values: list[Int64]) -> None:
        milp.view("o", point)[:] = values[-1] >= 0

    return Block(fill, Fraction(int(weights.sum())))


def _any_wrong(net: NetworkRows) -> Block:
    targets, wanted = net.samples.targets, sign_thresholds(net)
    relaxed_margins(net, net.output.times(targets), wanted)

    def fill(milp: Any, point: npt.NDArray[np.float64], values: list[Int64]) -> None:
        milp.view("e", point)[:] = (values[-1] * targets < wanted).any(axis=1)

    return Block(fill)
