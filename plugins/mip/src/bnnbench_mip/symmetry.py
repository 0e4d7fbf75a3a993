"""Symmetries of hidden units, broken by one representative per class (mip.md sections 2 and 4.2).

Sign: with sign activations, negating a unit's weights and what leaves it, and replacing its bias b
by -b - 1 in units of z, turns z into -z - 1 and changes nothing else. The asymmetric bias range
-P-1..P is closed under b -> -b - 1 where features are integers, and so is the free one. The first
outgoing weight v_j1 >= 0 then keeps one of each pair.

Order: the units of a fully connected layer may be permuted. ``key`` keeps the networks whose units
have falling (2P + 3) v_j1 + b_j, ``bias`` those with falling b_j.

Both go from the last hidden layer to the first: what a layer's choice fixes, the first unit of the
next layer above all, is not touched by the choices below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnbench.models import RowBuilder
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench_mip.lattice import Int64, Lattice
from bnnbench_mip.plan import Plan

ORDERS = ("none", "key", "bias")


@dataclass(frozen=True)
class Symmetry:
    """Which representatives a program keeps.

    Attributes:
        signs: whether v_j1 >= 0.
        order: one of :data:`ORDERS`.
    """

    signs: bool = False
    order: str = "none"

    @property
    def active(self) -> bool:
        """Whether anything is asked for."""
        return self.signs or self.order != "none"

    def refuses(self, problem: Problem, plans: list[Plan]) -> str | None:
        """Why the representatives would not cover the class, None when they do."""
        if self.order not in ORDERS:
            return f"order must be one of {', '.join(ORDERS)}, not {self.order!r}"
        if not self.active:
            return None
        arch = problem.architecture
        pairs = {(c.source, c.target) for c in arch.connections if c.mask is None}
        chain = {(k, k + 1) for k in range(arch.depth)}
        if len(pairs) < len(arch.connections) or not chain <= pairs:
            return "symmetry and order need fully connected layers"
        if self.order == "bias" and any(p.bias is None for p in plans[:-1]):
            return "order=bias needs biases"
        return _refuses_signs(problem, plans) if self.signs else None

    def canonical(self, network: Network, plans: list[Plan]) -> Network:
        """The representative of a network: same outputs on all training rows.

        Raises:
            ValueError: when a bias is finer than the plan's grid.
        """
        if not self.active:
            return network
        arch = network.architecture
        layers = [_Editable.of(*pair) for pair in zip(network.layers, plans, strict=True)]
        for k in range(arch.depth - 1, 0, -1):
            width = arch.widths[k]
            blocks = []
            for c in arch.connections:
                if c.source == k:
                    before = [s.source for s in arch.sources(c.target) if s.source < k]
                    first = sum(arch.widths[s] for s in before)
                    blocks.append((c.target, layers[c.target - 1].weights[first : first + width]))
            outgoing = [block for _, block in sorted(blocks, key=lambda pair: pair[0])]
            self._settle(layers[k - 1], outgoing)
        return Network(arch, tuple(layer.layer() for layer in layers))

    def _settle(self, own: _Editable, outgoing: list[Int64]) -> None:
        """Bring one hidden layer into its representative, in place.

        Args:
            own: the layer.
            outgoing: views of the weights that leave it, shape (width, units), nearest layer first.
        """
        if self.signs:
            flip = outgoing[0][:, 0] < 0
            own.weights[:, flip] *= -1
            own.bias[flip] = -own.bias[flip] - own.step
            for block in outgoing:
                block[flip] *= -1
        if self.order != "none":
            v = outgoing[0][:, 0]
            units = np.lexsort((-own.bias,) if self.order == "bias" else (-own.bias, -v))
            own.weights[:] = own.weights[:, units]
            own.bias[:] = own.bias[units]
            for block in outgoing:
                block[:] = block[units]

    def least_weights(self, plan: Plan, width: int) -> Int64:
        """Lower bounds of a layer's weight variables, shape (arcs,) or scalar.

        Args:
            plan: of the layer.
            width: units of the layer before it, whose weights come last.
        """
        if not self.signs or plan.layer == 1:
            return plan.weights.low
        low = np.full(plan.mask.shape, int(plan.weights.low), dtype=np.int64)
        low[-width:, 0] = -(int(plan.weights.starts[0]) // plan.weights.step)
        return low[plan.live]

    def add_rows(self, rows: RowBuilder, hidden: Plan, bias: Int64, weights: Int64) -> None:
        """Add the rows that order the units of a hidden layer.

        Args:
            rows: collects them.
            hidden: plan of the layer.
            bias: columns of its biases, empty without biases.
            weights: columns of its weights to the first unit of the next layer, shape (width,).
        """
        if self.order == "none" or len(weights) < 2:
            return
        terms = []
        if len(bias):
            terms += [(bias[:-1], 1), (bias[1:], -1)]
        if self.order == "key":
            factor = 1 if hidden.bias is None else int((hidden.bias.high - hidden.bias.low).max())
            factor = factor + 2 if len(bias) else 1
            terms += [(weights[:-1], factor), (weights[1:], -factor)]
        rows.rows((len(weights) - 1,), terms, 0, np.inf)


@dataclass(eq=False)
class _Editable:
    """A layer's numbers, to be changed in place."""

    weights: Int64
    bias: Int64
    step: int
    scale: int
    bias_scale: int

    @classmethod
    def of(cls, layer: Layer, plan: Plan) -> _Editable:
        if plan.bias is None:
            return cls(layer.weights.copy(), layer.bias.copy(), 0, layer.scale, layer.bias_scale)
        bias = layer.bias * plan.bias_scale
        if (bias % layer.bias_scale).any():
            raise ValueError(f"Layer {plan.layer} has biases finer than 1/{plan.bias_scale}.")
        step = plan.bias.unit * plan.bias.step
        bias //= layer.bias_scale
        return cls(layer.weights.copy(), bias, step, layer.scale, plan.bias_scale)

    def layer(self) -> Layer:
        return Layer(self.weights, self.bias, self.scale, self.bias_scale)


def _refuses_signs(problem: Problem, plans: list[Plan]) -> str | None:
    if problem.architecture.activation != "sign":
        return "symmetry needs sign activations"
    if problem.domain.budget(problem.architecture.n_weights) is not None:
        return "symmetry does not hold under a budget of upper values"
    weights = plans[0].weights
    if len(weights.starts) > 1 or int(weights.smallest) != -int(weights.largest):
        return f"symmetry needs weights closed under negation, not {problem.domain.spec}"
    for plan in plans[:-1]:
        bias = plan.bias
        closed = bias is not None and len(bias.starts) == 1 and _mirrored(plan, bias)
        if not closed:
            return "symmetry needs biases closed under b -> -b - 1: bias=asymmetric, whole features"
    return None


def _mirrored(plan: Plan, bias: Lattice) -> bool:
    """Whether -b - 1, in units of z, is a bias for every bias b."""
    unit = plan.bias_factor * bias.step == 1
    return unit and bool((bias.smallest + bias.largest == -1).all())
