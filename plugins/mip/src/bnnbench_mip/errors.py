"""errors: rows that argmax gets wrong.

One output decides by its sign: o_k = 1 exactly where it is right (N binaries, 2 N rows). Several
outputs, with the lead D_kj = z_y - z_j over every other output j:

* ties wrong: one binary e_k per row, e_k = 0 => D_kj >= 1; objective sum e (N binaries, N (q - 1)
  rows).
* ties at their expected value: t_kj = 0 => D_kj >= 1 (j neither beats nor equals the label) and
  g_kj = 0 => D_kj >= 0 (j does not beat it). A row costs c_k >= g_kj, and c_k >= m / (m + 1) for
  the number m = sum_j t_kj of rivals, chosen by a binary u_km. 2 N (q - 1) + N q binaries,
  3 N (q - 1) + 3 N rows.

As for relaxed max-correct an incumbent may claim too many errors, never too few.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64
from bnnbench_mip.linear import Linear
from bnnbench_mip.margins import (
    counted_margins,
    published_signs,
    relaxed_margins,
    sign_thresholds,
)
from bnnbench_mip.network_rows import NetworkRows


@dataclass(frozen=True)
class ErrorsMILP(NetworkMILP):
    """Fewest misclassified rows by argmax, by either tie rule.

    Attributes:
        one_sided: keep only the rows that the wanted signs of the outputs need. Same optimum; an
            incumbent may claim more errors than its network has.
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
    """

    name: ClassVar[str] = "errors"
    objectives: ClassVar[tuple[str, ...]] = ("errors",)

    def slack(self, problem: Problem, spread: int, value: Fraction) -> int:
        """Only differences count: q biases at most a spread apart each span (q - 1) spreads.

        At least 1, so that all outputs share one interval and can be shifted together.
        """
        outputs = problem.architecture.outputs
        return 0 if outputs == 1 else 1 + (outputs - 2) * spread // 2

    def output(self, net: NetworkRows) -> Block:
        outputs = net.problem.architecture.outputs
        if outputs == 1:
            return counted_margins(net, sign_thresholds(net), published_signs(net))
        labels = net.samples.labels[:, None]
        others = np.arange(outputs - 1) + (np.arange(outputs - 1) >= labels)
        own = net.output.pick(np.broadcast_to(labels, others.shape))
        leads = own.minus(net.output.pick(others))
        expected = (
            isinstance(net.problem.objective, Errors) and net.problem.objective.ties != "wrong"
        )
        if expected:
            _expected_ties(net, leads)
        else:
            relaxed_margins(net, leads, np.ones(others.shape, dtype=np.int64))

        def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
            lead = np.take_along_axis(z[-1], labels, 1) - np.take_along_axis(z[-1], others, 1)
            if not expected:
                milp.view("e", point)[:] = (lead < 1).any(axis=1)
                return
            rivals = (lead < 1).sum(axis=1)
            milp.view("t", point)[:] = lead < 1
            milp.view("g", point)[:] = lead < 0
            milp.view("u", point)[:] = rivals[:, None] == np.arange(outputs)
            beaten = (lead < 0).any(axis=1)
            milp.view("cost", point)[:] = np.where(beaten, 1.0, rivals / (rivals + 1))

        return Block(fill)


def _expected_ties(net: NetworkRows, leads: Linear) -> None:
    """The variables and rows that charge a row with its expected error."""
    rows, (n, rivals) = net.rows, leads.shape
    t = rows.variables("t", leads.shape, 0, 1, integer=True)
    g = rows.variables("g", leads.shape, 0, 1, integer=True)
    u = rows.variables("u", (n, rivals + 1), 0, 1, integer=True)
    cost = rows.variables("cost", (n,), 0, 1, cost=net.samples.weights)
    for binary, least in ((t, 1), (g, 0)):
        terms = [*leads.all_terms, (binary, least - leads.lower)]
        rows.rows(leads.shape, terms, least - leads.constant, np.inf)
    rows.rows(leads.shape, [(cost[:, None], 1), (g, -1)], 0, np.inf)
    number = np.arange(rivals + 1)
    rows.rows((n,), [(u, 1)], 1, 1)
    rows.rows((n,), [(u, number), (t, -1)], 0, 0)
    rows.rows((n,), [(cost, 1), (u, -number / (number + 1))], 0, np.inf)
