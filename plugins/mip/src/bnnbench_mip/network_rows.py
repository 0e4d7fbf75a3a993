"""Variables and rows of the hidden part of a network, for any depth, topology and domain.

Blocks of variables, per layer k: ``w{k}`` weights (live arcs), ``b{k}`` biases, ``g{k}`` grid
selectors (only where a layer chooses among several grids), ``a{k}`` activations (n, width) of
hidden layers, ``c{k}`` products (n, arcs from hidden layers).

Sizes for N rows and widths n_l (inn.md 2.3): N n_l activations, N times the arcs from hidden units
products, 2 N n_l activation rows, 4 rows per product (2 in a one-sided output layer).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.models import MatrixMILP, RowBuilder
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench_mip.lattice import Int64
from bnnbench_mip.linear import Linear, Term
from bnnbench_mip.plan import Plan, product_range
from bnnbench_mip.products import product_rows
from bnnbench_mip.samples import Samples
from bnnbench_mip.symmetry import Symmetry

Activate = Callable[["NetworkRows", Plan, Linear, Int64], None]
EMPTY = np.zeros(0, dtype=np.int64)
EPS = Fraction(1, 10000)
"""The published strictness (inn.md section 1)."""


@dataclass(eq=False)
class NetworkRows:
    """Builds the network part into ``rows`` and translates between points and networks.

    Attributes:
        rows: collects variables and rows.
        problem: what is modelled.
        samples: the training rows, merged or not.
        plans: one per layer, about the samples' feature rows.
        one_sided: whether the output layer keeps only the product rows that its wanted signs need.
        symmetry: which representatives of networks are kept.
        literal: rows with the published big-M and strict sides, see :meth:`strict`.
        output: the output pre-activations, once built, one row per sample.
        hidden: columns of the activations of the hidden layers.
    """

    rows: RowBuilder
    problem: Problem
    samples: Samples
    plans: list[Plan]
    one_sided: bool
    symmetry: Symmetry
    literal: bool = False
    output: Linear = field(init=False)
    hidden: list[Int64] = field(init=False, default_factory=list)
    weights: list[Int64] = field(init=False, default_factory=list)
    biases: list[Int64] = field(init=False, default_factory=list)
    choices: list[Int64] = field(init=False, default_factory=list)

    def build(self, activate: Activate) -> None:
        """Add all layers; ``activate`` adds the rows that tie a hidden activation to its sum."""
        n = self.samples.rows.dataset.sizes[0]
        for plan in self.plans:
            self._parameters(plan)
            self._order_below(plan)
            products = self._products(plan, n)
            z = self._pre_activation(plan, products)
            if plan.layer == len(self.plans):
                self.output = z if self.samples.row is None else z.take_rows(self.samples.row)
                continue
            a = self.rows.variables(f"a{plan.layer}", z.shape, 0, 1, integer=True)
            self.hidden.append(a)
            activate(self, plan, z, a)
        self._budget()

    def strict(self, plan: Plan) -> float:
        """How far below a threshold "less" is, in units of z: 1, or the published eps.

        Published are z <= -1e-4 in hidden layers and u = 2 z / B <= -1e-4 at the outputs; z being
        whole, all three say the same.
        """
        if not self.literal:
            return 1.0
        output = plan.layer == len(self.plans)
        eps = EPS * (self.problem.output_scale / 2 if output else 1) / plan.value
        return float(min(Fraction(1), eps))

    def _parameters(self, plan: Plan) -> None:
        k, lattice = plan.layer, plan.weights
        arcs = int(plan.live.sum())
        low = self.symmetry.least_weights(plan, self.problem.architecture.widths[k - 1])
        self.weights.append(self.rows.variables(f"w{k}", (arcs,), low, lattice.high, integer=True))
        bias = EMPTY
        if plan.bias is not None:
            shape = (plan.mask.shape[1],)
            low, high = plan.bias.low, plan.bias.high
            bias = self.rows.variables(f"b{k}", shape, low, high, integer=True)
        self.biases.append(bias)
        choice = EMPTY
        if len(lattice.starts) > 1:
            choice = self.rows.variables(f"g{k}", lattice.starts.shape, 0, 1, integer=True)
            self.rows.rows((1,), [(choice[None], 1)], 1, 1)
        self.choices.append(choice)

    def _order_below(self, plan: Plan) -> None:
        """Order the units of the hidden layer that this layer's last weights come from."""
        if plan.layer > 1 and self.symmetry.order != "none":
            hidden = self.plans[plan.layer - 2]
            weights = self._column_matrix(plan)[-hidden.mask.shape[1] :, 0]
            self.symmetry.add_rows(self.rows, hidden, self.biases[plan.layer - 2], weights)

    def _from_hidden(self, plan: Plan) -> npt.NDArray[np.bool_]:
        """The part of the mask whose arcs leave hidden units."""
        return plan.mask[0 if plan.X is None else plan.X.shape[1] :]

    def _column_matrix(self, plan: Plan) -> Int64:
        """Columns of the weights' variables in the shape of the weights, 0 where there is none."""
        matrix = np.zeros(plan.mask.shape, dtype=np.int64)
        matrix[plan.live] = self.weights[plan.layer - 1]
        return matrix

    def _products(self, plan: Plan, n: int) -> Int64:
        mask = self._from_hidden(plan)
        if not len(mask):
            return EMPTY
        unit, target = np.nonzero(mask)
        least, most = product_range(self.problem, plan.weights)
        # Fixed by whole weights and activations, or pushed to such a value where one-sided.
        c = self.rows.variables(f"c{plan.layer}", (n, len(unit)), least, most, implied=True)
        sources = [s.source for s in self.problem.architecture.sources(plan.layer) if s.source]
        a = np.concatenate([self.hidden[s - 1] for s in sources], axis=1)[:, unit]
        t = self._column_matrix(plan)[-len(mask) :][mask]
        wanted = None
        if self.one_sided and plan.layer == len(self.plans):
            wanted = self.samples.wanted[:, target]
        sign = self.problem.architecture.activation == "sign"
        choice = self.choices[plan.layer - 1]
        product_rows(self.rows, plan.weights, sign, (c, t, a, choice), wanted)
        return c

    def _pre_activation(self, plan: Plan, products: Int64) -> Linear:
        k, lattice = plan.layer, plan.weights
        n, width = plan.lower.shape
        grids = len(lattice.starts)
        per_grid = np.zeros((n, width, grids), dtype=np.int64)
        terms: list[Term] = []
        if plan.X is not None:
            inputs = plan.X.shape[1]
            live = plan.live[:inputs]
            columns = self._column_matrix(plan)[:inputs]
            used = live.any(axis=1)
            coefficients = plan.X[:, None, used] * (lattice.step * live[used].T)
            terms.append((columns[used].T[None], coefficients))
            sums = plan.X @ plan.mask[:inputs].astype(np.int64)
            per_grid += sums[:, :, None] * lattice.starts
        if products.size:
            terms.append(self._product_terms(plan, products))
        if plan.bias is not None:
            step = plan.bias_factor * plan.bias.step
            terms.append((self.biases[k - 1][None, :, None], np.full((n, width, 1), step)))
            per_grid += plan.bias_factor * plan.bias.starts
        choice = self.choices[k - 1]
        constant = np.zeros((n, width), dtype=np.int64) if len(choice) else per_grid[:, :, 0]
        selected = per_grid if len(choice) else per_grid[:, :, :0]
        return Linear(tuple(terms), choice, selected, constant, plan.lower, plan.upper)

    def _product_terms(self, plan: Plan, products: Int64) -> Term:
        mask = self._from_hidden(plan)
        place = np.zeros(mask.shape, dtype=np.int64)
        place[mask] = np.arange(products.shape[1])
        return products[:, place.T], np.broadcast_to(
            plan.product * mask.T, (len(products), *mask.T.shape)
        )

    def _budget(self) -> None:
        """At most so many upper values over all layers."""
        budget = self.problem.domain.budget(self.problem.architecture.n_weights)
        if budget is None:
            return
        columns = np.concatenate(self.weights)
        lows = sum(int(p.live.sum()) * int(p.weights.low) for p in self.plans)
        self.rows.rows((1,), [(columns[None], 1)], -np.inf, budget + lows)

    def decode(self, milp: MatrixMILP, point: npt.NDArray[Any]) -> Network:
        """The network that a point means: variables rounded to their grids."""
        layers = []
        for plan in self.plans:
            k, scale = plan.layer, self.problem.domain.scale
            choice = int(np.argmax(milp.view(f"g{k}", point))) if f"g{k}" in milp.blocks else 0
            weights = np.where(plan.mask, plan.dead, 0).astype(np.int64)
            t = np.rint(milp.view(f"w{k}", point)).astype(np.int64)
            weights[plan.live] = plan.weights.numerators(t, choice)
            bias = np.zeros(weights.shape[1], dtype=np.int64)
            if plan.bias is not None:
                t = np.rint(milp.view(f"b{k}", point)).astype(np.int64)
                bias = plan.bias.numerators(t, choice)
            layers.append(Layer(weights, bias, scale, plan.bias_scale))
        return Network(self.problem.architecture, tuple(layers))

    def encode(
        self, milp: MatrixMILP, network: Network
    ) -> tuple[npt.NDArray[np.float64], list[Int64]]:
        """A point with parameters, activations and products of a network, and all z.

        The network is first replaced by its representative under the symmetries that are broken.
        Weights of arcs without a variable and free biases beyond their range are replaced first,
        which changes no activation and makes no objective worse, but for argmax errors: they
        compare outputs, and clipping an output bias may change that.

        Raises:
            ValueError: when the network is not of the problem's class.
        """
        point = np.zeros(milp.n_cols)
        network = self.symmetry.canonical(network, self.plans)
        chosen = [self._choose(plan, network) for plan in self.plans]
        for plan, layer, g in zip(self.plans, network.layers, chosen, strict=True):
            self._put(milp, point, plan, layer, g)
        inner = self.decode(milp, point)
        if inner.outside(self.problem.domain):
            raise ValueError(f"The network is {network.outside(self.problem.domain)}.")
        X = self.samples.rows.dataset.part("train")[0]
        forward = inner.forward(X, self.problem.dataset.scale)
        z = [pre // plan.divisor for pre, plan in zip(forward.pre, self.plans, strict=True)]
        for k, a in enumerate(z[:-1], start=1):
            milp.view(f"a{k}", point)[:] = a >= 0
        for plan, layer in zip(self.plans, inner.layers, strict=True):
            if f"c{plan.layer}" in milp.blocks:
                products = self._product_values(plan, layer, z)
                milp.view(f"c{plan.layer}", point)[:] = products
        return point, [*z[:-1], self.samples.spread(z[-1])]

    def _product_values(self, plan: Plan, layer: Layer, z: list[Int64]) -> Int64:
        arch, mask = self.problem.architecture, self._from_hidden(plan)
        low = -1 if arch.activation == "sign" else 0
        sources = [s.source for s in arch.sources(plan.layer) if s.source]
        values = np.concatenate([np.where(z[s - 1] >= 0, 1, low) for s in sources], axis=1)
        weights = layer.weights[-len(mask) :][mask] // plan.weights.unit
        products: Int64 = values[:, np.nonzero(mask)[0]] * weights
        return products

    def _choose(self, plan: Plan, network: Network) -> int:
        """The grid of a layer: of those that hold its numbers the one with fewest upper values."""
        domain, layer = self.problem.domain, network.layers[plan.layer - 1]
        arcs = layer.weights[plan.mask]
        fitting = []
        for g, grid in enumerate(domain.grids()):
            biases = domain.bias_grid(grid)
            if grid.contains(arcs) and (biases is None or biases.contains(layer.bias)):
                fitting.append((int((arcs == grid.hi).sum()), g))
        if not fitting or layer.scale != domain.scale:
            raise ValueError(f"Layer {plan.layer} is not in {domain.spec}.")
        return min(fitting)[1]

    def _put(
        self, milp: MatrixMILP, point: npt.NDArray[np.float64], plan: Plan, layer: Layer, g: int
    ) -> None:
        k = plan.layer
        if f"g{k}" in milp.blocks:
            milp.view(f"g{k}", point)[g] = 1
        milp.view(f"w{k}", point)[:] = plan.weights.variables(layer.weights[plan.live], g)
        if plan.bias is None:
            if layer.bias.any():
                raise ValueError(f"Layer {k} has biases, {self.problem.domain.spec} has none.")
            return
        numerators = layer.bias * plan.bias_scale
        if (numerators % layer.bias_scale).any():
            raise ValueError(f"Layer {k} has biases finer than 1/{plan.bias_scale}.")
        t = plan.bias.variables(numerators // layer.bias_scale, g)
        milp.view(f"b{k}", point)[:] = np.clip(t, plan.bias.low, plan.bias.high)


def threshold_rows(net: NetworkRows, plan: Plan, z: Linear, a: Int64) -> None:
    """A = 1 => z >= 0, a = 0 => z <= -1, with the big-M of each row (inn.md 3.9).

    Literal rows have one M for both sides, and the published strict side.
    """
    low, high, strict = z.lower, z.upper, net.strict(plan)
    if net.literal:
        high = np.maximum(-low, high)
        low = -high
    net.rows.rows(z.shape, [*z.all_terms, (a, low)], low - z.constant, np.inf)
    net.rows.rows(z.shape, [*z.all_terms, (a, -(high + strict))], -np.inf, -strict - z.constant)
