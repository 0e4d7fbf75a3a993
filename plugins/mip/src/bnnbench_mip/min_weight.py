"""min-weight: fit every output sign with the least weight (inn.md 3.4, min_w).

Hard rows z >= 0 or z <= -1 on every output. Norm l1: r continuous, r >= w, r >= -w, minimise the
sum of r in units of the weights. Norm l0: r binary, lo r <= w <= hi r, minimise how many r are 1.
Biases likewise. N q + 2 W rows and W variables beyond the network, W weights and biases with a
variable; weights without one enter as a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.objectives import MinWeight
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64, Lattice
from bnnbench_mip.margins import hard_margins, published_signs, sign_thresholds
from bnnbench_mip.network_rows import NetworkRows


@dataclass(frozen=True)
class MinWeightMILP(NetworkMILP):
    """Least weight, by l1 norm or number of non-zeros, of a network that fits every row.

    Attributes:
        one_sided: keep only the product rows that the wanted signs of the outputs need.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
    """

    name: ClassVar[str] = "min-weight"
    objectives: ClassVar[tuple[str, ...]] = ("min-weight",)
    outputs_only: ClassVar[bool] = False

    def wanted(self, net: NetworkRows) -> npt.NDArray[Any]:
        """How far every signed output must reach, shape (n, outputs)."""
        published = published_signs(net)
        return sign_thresholds(net) if published is None else published

    def output(self, net: NetworkRows) -> Block:
        hard_margins(net, net.output.times(net.samples.targets), self.wanted(net))
        objective = net.problem.objective
        assert isinstance(objective, MinWeight)
        l1 = objective.norm == "l1"
        scale = net.problem.domain.scale
        offset = Fraction(0)
        for k, plan in enumerate(net.plans, start=1):
            columns, choice = net.weights[k - 1], net.choices[k - 1]
            unit = Fraction(plan.weights.unit, scale) if l1 else Fraction(1)
            _magnitudes(net, f"w{k}", plan.weights, columns, choice, unit if l1 else None)
            idle = int((plan.mask & ~plan.live).sum())
            offset += idle * (Fraction(abs(plan.dead), scale) if l1 else int(plan.dead != 0))
            if plan.bias is not None:
                unit = Fraction(plan.bias.unit, plan.bias_scale)
                _magnitudes(
                    net, f"b{k}", plan.bias, net.biases[k - 1], choice, unit if l1 else None
                )

        def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
            for k, plan in enumerate(net.plans, start=1):
                g = int(np.argmax(milp.view(f"g{k}", point))) if f"g{k}" in milp.blocks else 0
                for name, lattice in ((f"w{k}", plan.weights), (f"b{k}", plan.bias)):
                    if lattice is not None:
                        t = milp.view(name, point).astype(np.int64)
                        size = np.abs(lattice.in_units(t, g))
                        milp.view(f"r.{name}", point)[:] = size if l1 else size != 0

        return Block(fill, offset)


def _magnitudes(
    net: NetworkRows,
    name: str,
    lattice: Lattice,
    columns: Int64,
    choice: Int64,
    unit: Fraction | None,
) -> None:
    """Variables ``r.NAME``: magnitudes in units of this cost; with None whether they are not 0."""
    shape = columns.shape
    size = np.broadcast_to(lattice.magnitude, shape)
    upper = 1 if unit is None else size
    cost = 1.0 if unit is None else float(unit)
    r = net.rows.variables(f"r.{name}", shape, 0, upper, integer=unit is None, cost=cost)
    terms: list[tuple[Any, Any]] = [(columns, lattice.step)]
    start = int(lattice.starts[0])
    if len(choice):
        terms.append((choice[None], lattice.starts[None]))
        start = 0
    most, least = (lattice.largest, lattice.smallest) if unit is None else (1, -1)
    net.rows.rows(shape, [*terms, (r, -np.asarray(most))], -np.inf, -start)
    net.rows.rows(shape, [*terms, (r, -np.asarray(least))], -start, np.inf)
