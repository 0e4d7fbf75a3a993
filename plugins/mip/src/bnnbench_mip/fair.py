"""fair: a loss of the integer-network MIP under fairness between two groups (inn.md 8.1).

The predicted label p_k of two classes: p = 0 => z_0 - z_1 >= 0 and p = 1 => z_0 - z_1 <= -1, for a
single output p = 1 => z >= 0 and p = 0 => z <= -1; N binaries, 2 N rows. With f and m the members
of the groups and y the labels, two rows per rule, all linear:

* equalised-odds: |sum f y p / sum f y - sum m y p / sum m y| <= tolerance, and with 1 - y for y;
* demographic-parity: r_f >= ratio r_m and r_m >= ratio r_f, r_f = sum f p / sum f.

The rules restrict the networks and are no part of the problem's objective: a bound on this program
is none on the problem, and the record keeps none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64
from bnnbench_mip.linear import Linear
from bnnbench_mip.losses import PROGRAMS
from bnnbench_mip.network_rows import NetworkRows

RULES = ("equalised-odds", "demographic-parity")
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fair(NetworkMILP):
    """Least loss of a two-class network under a fairness rule on the training rows.

    Attributes:
        rule: equalised-odds or demographic-parity.
        groups: indicator features of the two groups, by name or number; 64 and 65 are Female and
            Male in the published adult data.
        tolerance: largest difference of rates, for equalised-odds.
        ratio: least ratio of rates, for demographic-parity.
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
    """

    name: ClassVar[str] = "fair"
    objectives: ClassVar[tuple[str, ...]] = tuple(PROGRAMS)
    restricts: ClassVar[bool] = True
    rule: str = "equalised-odds"
    groups: tuple[int | str, int | str] = (64, 65)
    tolerance: float = 0.02
    ratio: float = 0.8

    def refuses(self, problem: Problem) -> str | None:
        if self.rule not in RULES:
            return f"rule is one of {', '.join(RULES)}"
        if problem.dataset.n_classes != 2:
            return "fairness rules speak of two classes"
        if self.one_sided:
            return "one-sided products do not hold with fairness rows (inn.md 3.10)"
        X, y = problem.dataset.part("train")
        try:
            members = [X[:, _feature(problem, g)] != 0 for g in self.groups]
        except (IndexError, ValueError):
            return f"the data have no features {self.groups}"
        sides = (y == 0, y == 1) if self.rule == "equalised-odds" else (np.ones(len(y), bool),)
        if not all((member & side).any() for member in members for side in sides):
            return "a group has no training row of a class"
        return PROGRAMS[problem.objective.name]().refuses(problem)

    def slack(self, problem: Problem, spread: int, value: Fraction) -> int:
        # Predictions compare outputs, so both biases may have to lie a spread apart.
        return max(PROGRAMS[problem.objective.name]().slack(problem, spread, value), 1 + spread)

    def output(self, net: NetworkRows) -> Block:
        block = PROGRAMS[net.problem.objective.name]().output(net)
        lead = _lead(net)
        p = net.rows.variables("p", (len(lead.constant),), 0, 1, integer=True)[:, None]
        low, high = lead.lower, lead.upper
        net.rows.rows(lead.shape, [*lead.all_terms, (p, low)], low - lead.constant, np.inf)
        net.rows.rows(lead.shape, [*lead.all_terms, (p, -(high + 1))], -np.inf, -1 - lead.constant)
        self._rule_rows(net, p[:, 0])

        def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
            block.fill(milp, point, z)
            out = z[-1]
            milp.view("p", point)[:] = (
                out[:, 0] >= 0 if out.shape[1] == 1 else out[:, 1] > out[:, 0]
            )

        return Block(fill, block.offset)

    def _rule_rows(self, net: NetworkRows, p: Int64) -> None:
        samples = net.samples
        X = samples.rows.dataset.part("train")[0]
        X = X if samples.row is None else X[samples.row]
        first, second = (X[:, _feature(net.problem, g)] != 0 for g in self.groups)
        if self.rule == "demographic-parity":
            for a, b in ((first, second), (second, first)):
                terms = _rate(samples.weights, a) - self.ratio * _rate(samples.weights, b)
                net.rows.rows((1,), [(p[None], terms[None])], 0, np.inf)
            return
        for label in (1, 0):
            side = samples.labels == label
            difference = _rate(samples.weights, first & side) - _rate(
                samples.weights, second & side
            )
            net.rows.rows((1,), [(p[None], difference[None])], -self.tolerance, self.tolerance)


def _rate(weights: Int64, members: Masks) -> npt.NDArray[np.float64]:
    """Coefficients of the share of some rows that is predicted 1."""
    counted = weights * members
    return np.asarray(counted / counted.sum())


def _feature(problem: Problem, group: int | str) -> int:
    return problem.dataset.features.index(group) if isinstance(group, str) else group


def _lead(net: NetworkRows) -> Linear:
    """The integer that is >= 0 where class 1 is predicted, per sample; shape (n, 1)."""
    column = np.zeros((len(net.samples.labels), 1), dtype=np.int64)
    if net.problem.architecture.outputs == 1:
        return net.output.pick(column)
    lead = net.output.pick(column + 1).minus(net.output.pick(column))
    # A tie is class 0: class 1 needs a lead of 1.
    ends = lead.constant - 1, lead.lower - 1, lead.upper - 1
    return replace(lead, constant=ends[0], lower=ends[1], upper=ends[2])
