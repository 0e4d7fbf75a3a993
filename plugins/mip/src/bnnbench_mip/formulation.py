"""What all programs share: the network part, and the way from a problem to a model and back."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Formulation, Model
from bnnbench.models import MatrixMILP, RowBuilder
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench_mip.conditioning import conditioned
from bnnbench_mip.lattice import Int64
from bnnbench_mip.linear import Linear
from bnnbench_mip.network_rows import NetworkRows, threshold_rows
from bnnbench_mip.plan import Plan, ReachError, plan_layers
from bnnbench_mip.samples import Samples, samples_of
from bnnbench_mip.symmetry import Symmetry

Fill = Callable[[MatrixMILP, npt.NDArray[np.float64], list[Int64]], None]


@dataclass(frozen=True)
class Block:
    """The objective's part of a program.

    Attributes:
        fill: writes the loss variables into a point, given the pre-activations z of all layers
            and the network part of the point.
        offset: constant of the objective.
    """

    fill: Fill
    offset: Fraction = Fraction(0)


@dataclass(frozen=True)
class NetworkMILP(Formulation):
    """Base of all programs: hidden part by big-M rows in integer units, exact for the problem.

    Attributes:
        one_sided: keep only the product rows of the output layer that its wanted signs need.
        symmetry: keep one of each pair of networks that differ by negating a hidden unit, the one
            whose first outgoing weight is not negative (mip.md section 4.2).
        order: order the units of hidden layers: none, key by (2P + 3) v_j1 + b_j, or bias by b_j.
        merge: one row with a weight for equal rows; activations and products shared by equal
            features.
        literal: rows as published: one M per row for both sides, eps 1e-4 instead of a whole unit
            on strict sides, margins not raised to whole numbers. Same networks and values.
    """

    kind: ClassVar[str] = "milp"
    outputs_only: ClassVar[bool] = True
    """Whether the objective looks at nothing but the outputs."""
    restricts: ClassVar[bool] = False
    """Whether the program leaves out networks of the class, so that its bounds are not the
    problem's."""
    one_sided: bool = False
    symmetry: bool = False
    order: str = "none"
    merge: bool = False
    literal: bool = False

    def accepts(self, problem: Problem) -> str | None:
        if problem.objective.name not in self.objectives:
            return f"models {' and '.join(self.objectives)}, not {problem.objective.name}"
        return (
            self._refuses_domain(problem)
            or self._refuses_size(problem)
            or self._refuses_symmetry(problem)
            or self.refuses(problem)
        )

    def refuses(self, problem: Problem) -> str | None:
        """Further reasons, once objective, domain and size are known to fit."""
        return None

    def slack(self, problem: Problem, spread: int, value: Fraction) -> int:
        """By how much a free output bias may usefully pass the range of its sum, in units of z.

        Args:
            problem: what is modelled.
            spread: number of integers in the range of the sums.
            value: what one unit is worth.
        """
        return 0

    def strict(self, net: NetworkRows, plan: Plan) -> float:
        """The smallest strict side of a layer's rows, in units of z."""
        return net.strict(plan)

    def activate(self, net: NetworkRows, plan: Plan, z: Linear, a: Int64) -> None:
        """Add the rows that tie a hidden activation to its pre-activation."""
        threshold_rows(net, plan, z, a)

    @abstractmethod
    def output(self, net: NetworkRows) -> Block:
        """Add the variables, rows and costs of the objective."""

    def build(self, problem: Problem) -> Model:
        rows = RowBuilder()
        samples = samples_of(problem, self.merge)
        plans = self._plans(problem, samples)
        net = NetworkRows(
            rows, problem, samples, plans, self.one_sided, self._symmetry, self.literal
        )
        net.build(self.activate)
        block = self.output(net)
        milp = conditioned(rows.build(float(block.offset)))

        def encode(network: Network) -> npt.NDArray[np.float64]:
            point, z = net.encode(milp, network)
            block.fill(milp, point, z)
            return point

        def decode(point: npt.NDArray[Any]) -> Network:
            return net.decode(milp, point)

        reaches = [
            max(-int(p.lower.min()), int(p.upper.max())) / self.strict(net, p) for p in plans
        ]
        info = _sizes(milp, math.ceil(max(reaches)))
        return Model(problem, "milp", milp, decode, encode, exact=not self.restricts, info=info)

    @property
    def _symmetry(self) -> Symmetry:
        return Symmetry(self.symmetry, self.order)

    def _plans(self, problem: Problem, samples: Samples | None = None) -> list[Plan]:
        rows = problem if samples is None else samples.rows
        return plan_layers(rows, lambda spread, value: self.slack(problem, spread, value))

    def _refuses_symmetry(self, problem: Problem) -> str | None:
        if not self._symmetry.active:
            return None
        if self.symmetry and not self.outputs_only:
            return f"{problem.objective.name} looks at hidden units: symmetry changes its value"
        return self._symmetry.refuses(problem, self._plans(problem))

    def _refuses_domain(self, problem: Problem) -> str | None:
        grids = problem.domain.grids()
        if len({(g.step, g.size, g.scale) for g in grids}) > 1:
            return f"the grids of {problem.domain.spec} differ in step or size"
        budget = problem.domain.budget(problem.architecture.n_weights)
        if budget is not None and grids[0].size != 2:
            return f"a budget of upper values needs two-valued weights, not {problem.domain.spec}"
        return None

    def _refuses_size(self, problem: Problem) -> str | None:
        try:
            plans = self._plans(problem)
        except ReachError as reason:
            return f"numbers too large for solver tolerances: {reason}; use fewer decimals"
        if not any(p.live.any() or p.bias for p in plans):
            return "nothing to decide: every feature is 0 in every training row, without biases"
        return None


def _sizes(milp: MatrixMILP, big_m: int) -> dict[str, Any]:
    return {
        "rows": milp.n_rows,
        "cols": milp.n_cols,
        "nnz": milp.nnz,
        "integers": int(milp.integer.sum()),
        "big_m": big_m,
    }
