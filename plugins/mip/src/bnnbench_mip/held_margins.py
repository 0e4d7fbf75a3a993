"""min-weight-held-margins: fewest weights under margins that are given (bdnn.md C.2, step MW).

Every unit j keeps its margin m_j on every row: z >= m_j or z <= -m_j - eps in hidden units, the
side of the label in outputs. In integer units of z both are whole numbers, on = ceil(m_j) and
off = max(1, ceil(m_j + eps)), so no equality of floats is asked for:

    a = 1 => z >= on        a = 0 => z <= -off

A step of the lexicographic pipeline of :mod:`bnnbench_mip.bemi`, which knows the margins. Sizes are
those of min-weight. It restricts the class, so its bounds are not the problem's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.problem import Problem
from bnnbench_mip.lattice import Int64
from bnnbench_mip.linear import Linear
from bnnbench_mip.min_weight import MinWeightMILP
from bnnbench_mip.network_rows import NetworkRows
from bnnbench_mip.plan import Plan


@dataclass(frozen=True)
class HeldMargins(MinWeightMILP):
    """Least weight of a network that fits every row with given margins.

    Attributes:
        one_sided: keep only the product rows that the wanted signs of the outputs need.
        order: only none: units are told apart by their margins.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
        margins: one per unit, layer after layer, in units of the pre-activation.
        eps: how much further a unit that is off stays away from 0.
    """

    name: ClassVar[str] = "min-weight-held-margins"
    restricts: ClassVar[bool] = True
    margins: tuple[float, ...] = ()
    eps: float = 0.1

    def refuses(self, problem: Problem) -> str | None:
        units = sum(problem.architecture.widths[1:])
        if len(self.margins) != units:
            return f"needs {units} margins, one per unit, got {len(self.margins)}"
        return "units with margins of their own cannot be ordered" if self.order != "none" else None

    def activate(self, net: NetworkRows, plan: Plan, z: Linear, a: Int64) -> None:
        on, off = self._sides(net, plan)
        terms = [*z.all_terms, (a, z.lower - on)]
        net.rows.rows(z.shape, terms, z.lower - z.constant, np.inf)
        terms = [*z.all_terms, (a, -(z.upper + off))]
        net.rows.rows(z.shape, terms, -np.inf, -off - z.constant)

    def wanted(self, net: NetworkRows) -> npt.NDArray[Any]:
        on, off = self._sides(net, net.plans[-1])
        return np.where(net.samples.targets > 0, on, off).astype(np.int64)

    def _sides(self, net: NetworkRows, plan: Plan) -> tuple[Int64, Int64]:
        """Whole distances from 0 on either side, shape (width,)."""
        widths = net.problem.architecture.widths
        start = sum(widths[1 : plan.layer])
        own = self.margins[start : start + widths[plan.layer]]
        step, eps = float(plan.value), float(Fraction(self.eps))
        on = [max(0, math.ceil(m / step - 1e-6)) for m in own]
        off = [max(1, math.ceil((m + eps) / step - 1e-6)) for m in own]
        return np.array(on, dtype=np.int64), np.array(off, dtype=np.int64)
