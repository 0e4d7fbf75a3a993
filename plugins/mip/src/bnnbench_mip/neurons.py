"""neurons: the integer-network MIP with neurons that can be switched off (inn.md section 4).

One binary H_j per hidden neuron: lo H <= w <= hi H for every weight into and out of it, and for its
bias, two rows per parameter and neuron; sum_j H_j >= q in the last hidden layer. Objective: loss +
alpha sum H. The loss is max-correct or min-hinge as it is; sat-margin has the moving threshold of
inn.md 4.3, T(H) = B / 4 (sum H + 1) / (n + 1) in units of z:

    o = 1 => s z >= T(H)        o = 0 => s z <= T(H) - 1 / d,    d the denominator of T's slope

since s z - T(H) is a multiple of 1 / d. A removed neuron has z = 0 and state +1, harmless because
nothing leaves it. sum n_l binaries and 2 (parameters + weights between hidden layers and above)
rows beyond the loss's program. A bound on the loss, for the second step of the lexicographic form
(inn.md 4.2), restricts the class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Model
from bnnbench.models import MatrixMILP
from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64, Lattice
from bnnbench_mip.losses import PROGRAMS, with_objective
from bnnbench_mip.network_rows import NetworkRows
from bnnbench_mip.neuron_penalty import LOSSES, NeuronPenalty


@dataclass(frozen=True)
class Neurons(NetworkMILP):
    """Least loss plus price of the hidden neurons in use: neurons are optimised with the weights.

    Attributes:
        one_sided: keep only the product rows that the wanted signs need; not for sign-errors.
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
        most_loss: a further row that keeps the loss, without the neurons' price, at most here.
    """

    name: ClassVar[str] = "neurons"
    objectives: ClassVar[tuple[str, ...]] = ("neuron-penalty",)
    most_loss: float | None = None

    def build(self, problem: Problem) -> Model:
        model = super().build(problem)
        if self.most_loss is None:
            return model
        return replace(model, data=_capped(model.data, self.most_loss), exact=False)

    def refuses(self, problem: Problem) -> str | None:
        arch, penalty = problem.architecture, _penalty(problem)
        if not arch.hidden or not arch.dense:
            return "needs fully connected hidden layers"
        if arch.hidden[-1] < arch.outputs:
            return "needs as many neurons in the last hidden layer as outputs"
        grids = problem.domain.grids()
        if len(grids) > 1 or grids[0].lo % grids[0].step or not grids[0].lo <= 0 <= grids[0].hi:
            return f"a neuron is switched off by weights 0, which {problem.domain.spec} lacks"
        if self.one_sided and penalty.loss == "sign-errors":
            return "one-sided products do not hold for strict sign errors (inn.md 3.10)"
        return None

    def slack(self, problem: Problem, spread: int, value: Fraction) -> int:
        loss = _penalty(problem).loss
        inner = Problem(problem.dataset, problem.architecture, problem.domain, LOSSES[loss])
        return PROGRAMS[loss]().slack(inner, spread, value)

    def output(self, net: NetworkRows) -> Block:
        penalty = _penalty(net.problem)
        used = _switches(net, penalty)
        if penalty.loss == "saturated-margin":
            block = _moving_margins(net, used[-1])
        else:
            inner = with_objective(net, LOSSES[penalty.loss])
            block = PROGRAMS[penalty.loss](one_sided=self.one_sided).output(inner)

        def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
            for k, on in enumerate(_in_use(milp, point, net), start=1):
                milp.view(f"H{k}", point)[:] = on
            block.fill(milp, point, z)

        return Block(fill, block.offset)


def _penalty(problem: Problem) -> NeuronPenalty:
    assert isinstance(problem.objective, NeuronPenalty)
    return problem.objective


def _capped(milp: MatrixMILP, most: float) -> MatrixMILP:
    """The program with a row that bounds its objective without the cost of the switches."""
    costs = milp.c.copy()
    for name in milp.blocks:
        if name.startswith("H"):
            milp.view(name, costs)[:] = 0
    columns = np.flatnonzero(costs)
    return replace(
        milp,
        indptr=np.append(milp.indptr, milp.nnz + len(columns)).astype(np.int32),
        indices=np.concatenate([milp.indices, columns]).astype(np.int32),
        data=np.concatenate([milp.data, costs[columns]]),
        row_lower=np.append(milp.row_lower, -np.inf),
        row_upper=np.append(milp.row_upper, most - milp.offset),
    )


def _switches(net: NetworkRows, penalty: NeuronPenalty) -> list[Int64]:
    """Variables ``H{k}`` and the rows by which they switch parameters off."""
    arch, used = net.problem.architecture, []
    price = float(penalty.price(arch.hidden))
    for k, width in enumerate(arch.hidden, start=1):
        used.append(net.rows.variables(f"H{k}", (width,), 0, 1, integer=True, cost=price))
        own, above = net.plans[k - 1], net.plans[k]
        _off(net, own.weights, net.weights[k - 1], used[-1][np.nonzero(own.live)[1]])
        if own.bias is not None:
            _off(net, own.bias, net.biases[k - 1], used[-1])
        _off(net, above.weights, net.weights[k], used[-1][np.nonzero(above.live)[0]])
    net.rows.rows((1,), [(used[-1][None], 1)], arch.outputs, np.inf)
    return used


def _off(net: NetworkRows, lattice: Lattice, columns: Int64, H: Int64) -> None:
    low, high = (np.broadcast_to(v, columns.shape) for v in (lattice.low, lattice.high))
    net.rows.rows(columns.shape, [(columns, 1), (H, -high)], -np.inf, 0)
    net.rows.rows(columns.shape, [(columns, 1), (H, -low)], 0, np.inf)


def _moving_margins(net: NetworkRows, H: Int64) -> Block:
    """Variables ``o``, 1 where s z >= T(H); the objective counts the zeros."""
    targets, weights = net.samples.targets, net.samples.weights[:, None]
    signed, slope = net.output.times(targets), _slope(net)
    most = float(slope * (len(H) + 1))
    least = float(slope * (net.problem.architecture.outputs + 1))
    step = 1 / slope.denominator
    o = net.rows.variables("o", signed.shape, 0, 1, integer=True, cost=-weights)
    terms = [*signed.all_terms, (H[None, None], -float(slope))]
    far = signed.lower - most
    sides = far + float(slope) - signed.constant
    net.rows.rows(signed.shape, [*terms, (o, far)], sides, np.inf)
    if not net.one_sided:
        near = -step - (signed.upper - least)
        sides = float(slope) - step - signed.constant
        net.rows.rows(signed.shape, [*terms, (o, near)], -np.inf, sides)

    def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
        threshold = slope * (int(milp.view(f"H{len(net.plans) - 1}", point).sum()) + 1)
        wanted = -(-threshold.numerator // threshold.denominator)
        milp.view("o", point)[:] = z[-1] * targets >= wanted

    return Block(fill, Fraction(int(weights.sum()) * targets.shape[1]))


def _slope(net: NetworkRows) -> Fraction:
    """Growth of the threshold per neuron, in units of z."""
    width = net.problem.architecture.hidden[-1]
    return net.problem.output_scale / 4 / (width + 1) / net.plans[-1].value


def _in_use(
    milp: Any, point: npt.NDArray[np.float64], net: NetworkRows
) -> list[npt.NDArray[np.bool_]]:
    """Neurons with a parameter that is not 0, filled up to q in the last hidden layer."""
    found = []
    for k, (own, above) in enumerate(zip(net.plans, net.plans[1:], strict=False), start=1):
        on = np.zeros(own.mask.shape[1], dtype=bool)
        np.logical_or.at(on, np.nonzero(own.live)[1], milp.view(f"w{k}", point) != 0)
        if own.bias is not None:
            on |= milp.view(f"b{k}", point) != 0
        np.logical_or.at(on, np.nonzero(above.live)[0], milp.view(f"w{k + 1}", point) != 0)
        found.append(on)
    missing = net.problem.architecture.outputs - int(found[-1].sum())
    found[-1][np.flatnonzero(~found[-1])[: max(0, missing)]] = True
    return found
