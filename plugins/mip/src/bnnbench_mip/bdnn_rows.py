"""Variables and rows of the binary-activation model, and the way to a network and back.

Blocks: ``W{k}`` (fan in, width), ``b{k}`` (width,) or (1,) when shared, ``u{k}`` (cells, width),
``s{k}`` (cells, width, fan in) for k >= 2, ``xi`` like W1 for a box, ``r.W{k}`` and ``r.b{k}`` for
a penalty. See :mod:`bnnbench_mip.bdnn` for the model and its sizes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.models import MatrixMILP, RowBuilder
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench_mip.bdnn_layers import BdnnLayer, Floats
from bnnbench_mip.lattice import Int64, Lattice
from bnnbench_mip.products import product_rows
from bnnbench_mip.regularised import RegularisedHamming

NONE = np.zeros(0, dtype=np.int64)


@dataclass(eq=False)
class BdnnRows:
    """One model under construction, then the translator of its points.

    Attributes:
        problem: what is modelled.
        layers: margins and big-M.
        shared: one threshold per layer.
        radius: of the box.
        cells: cell of each row; None for a cell each.
    """

    problem: Problem
    layers: list[BdnnLayer]
    shared: bool
    radius: float
    cells: tuple[int, ...] | None
    milp: MatrixMILP = field(init=False)
    rows: RowBuilder = field(init=False, default_factory=RowBuilder)

    def __post_init__(self) -> None:
        n = self.problem.dataset.sizes[0]
        self.cell = np.arange(n) if self.cells is None else np.array(self.cells)
        self.X = np.asarray(self.problem.dataset.part("train")[0], dtype=np.int64)

    def build(self) -> MatrixMILP:
        """The program."""
        below = NONE
        for layer in self.layers:
            W, b = self._parameters(layer)
            shape = (int(self.cell.max()) + 1, self.problem.architecture.widths[layer.layer])
            cost = self._costs(layer.layer, shape)
            u = self.rows.variables(f"u{layer.layer}", shape, 0, 1, integer=True, cost=cost)
            if layer.layer == 1:
                self._first(layer, W, b, u)
            else:
                s = self._products(layer, W, below)
                threshold = [(b[None, :, None], 1)] if b.size else []
                self._states(layer, [(s, 1), *threshold], [], u)
            below = u
        wanted = int((self.problem.targets() > 0).sum())
        self.milp = self.rows.build(float(wanted))
        return self.milp

    def _costs(self, k: int, shape: tuple[int, int]) -> Floats:
        costs = np.zeros(shape)
        if k == len(self.layers):
            np.add.at(costs, self.cell, -self.problem.targets().astype(np.float64))
        return costs

    def _parameters(self, layer: BdnnLayer) -> tuple[Int64, Int64]:
        k, bound = layer.layer, float(self.problem.domain.largest)
        widths = self.problem.architecture.widths
        whole = self.problem.domain.scale == 1 and self.problem.domain.kind == "integer"
        W = self.rows.variables(f"W{k}", (widths[k - 1], widths[k]), -bound, bound, integer=whole)
        b = NONE
        if layer.bias_bound is not None:
            low, high = layer.bias_bound
            if layer.whole:
                low, high = np.ceil(low), np.floor(high)
            shape = (1,) if self.shared else (widths[k],)
            b = self.rows.variables(f"b{k}", shape, low, high, integer=layer.whole)
        self._penalty(f"W{k}", W, bound)
        self._penalty(f"b{k}", b, max(map(abs, layer.bias_bound or (0.0,))))
        return W, b

    def _penalty(self, name: str, columns: Int64, bound: float) -> None:
        """Variables ``r.NAME`` of |w| or w^2: the latter by chords, exact at whole numbers."""
        objective = self.problem.objective
        if not isinstance(objective, RegularisedHamming) or not columns.size:
            return
        rho = float(Fraction(objective.rho))
        r = self.rows.variables(f"r.{name}", columns.shape, 0, np.inf, cost=rho)
        if objective.norm == "l1":
            for sign in (1, -1):
                self.rows.rows(columns.shape, [(r, 1), (columns, sign)], 0, np.inf)
            return
        t = np.arange(-np.floor(bound), np.floor(bound))
        terms = [(r[..., None], np.ones(len(t))), (columns[..., None], -(2 * t + 1))]
        shape = (*columns.shape, len(t))
        self.rows.rows(
            shape, [(c[..., None], f[..., None]) for c, f in terms], -t * (t + 1), np.inf
        )

    def _first(self, layer: BdnnLayer, W: Int64, b: Int64, u: Int64) -> None:
        X = self.X / self.problem.dataset.scale
        terms: list[tuple[Any, Any]] = [(W.T[None], X[:, None, :])]
        if b.size:
            terms.append((b[None, :, None], 1))
        box: list[tuple[Any, Any]] = []
        if self.radius:
            xi = self.rows.variables("xi", W.shape, 0, float(self.problem.domain.largest))
            for sign in (1, -1):
                self.rows.rows(W.shape, [(xi, 1), (W, sign)], 0, np.inf)
            box = [(xi.T[None], self.radius)]
        self._states(layer, terms, box, u[self.cell])

    def _products(self, layer: BdnnLayer, W: Int64, u: Int64) -> Int64:
        """Variables ``s`` = W u, shape (cells, width, fan in), and their rows (S)."""
        bound = self.problem.domain.largest
        shape = (len(u), W.shape[1], W.shape[0])
        s = self.rows.variables(f"s{layer.layer}", shape, -float(bound), float(bound))
        reach = np.asarray(int(bound), dtype=np.int64)
        lattice = Lattice(np.zeros(1, dtype=np.int64), 1, -reach, reach)
        count = W.size
        states = np.broadcast_to(u[:, None, :], shape).reshape(len(u), count)
        columns = (s.reshape(len(u), count), W.T.ravel(), states, NONE)
        product_rows(self.rows, lattice, False, columns, None)
        return s

    def _states(
        self,
        layer: BdnnLayer,
        terms: list[tuple[Any, Any]],
        box: list[tuple[Any, Any]],
        u: Int64,
    ) -> None:
        """Rows that tie states to pre-activations, with the box's worst case on either side."""
        M, worst = layer.big_m[:, None], [(cols, -coef) for cols, coef in box]
        low = [*terms, *worst, (u[..., None], -(M + layer.on)[..., None])]
        high = [*terms, *box, (u[..., None], -(M + layer.off)[..., None])]
        self.rows.rows(u.shape, high, -np.inf, -layer.off)
        self.rows.rows(u.shape, low, -M, np.inf)

    def decode(self, point: npt.NDArray[Any]) -> Network:
        """The network of a point: weights rounded, thresholds read out in the middle of the gap."""
        domain, layers = self.problem.domain, []
        for layer in self.layers:
            k = layer.layer
            reach = int(domain.largest * domain.scale)
            W = np.rint(self.milp.view(f"W{k}", point) * domain.scale).astype(np.int64)
            W = np.clip(W, -reach, reach)
            free = domain.bias == "free"
            unit = self.problem.unit(k) if free else domain.scale
            bias = np.zeros(W.shape[1], dtype=np.int64)
            if layer.bias_bound is not None:
                b = self.milp.view(f"b{k}", point)
                if layer.whole:
                    bias[:] = np.rint(b).astype(np.int64) * unit
                else:
                    # Sums lie on the free bias's grid: rounding down says the same of all of them.
                    exact = (b - layer.middle) * unit
                    bias[:] = np.floor(exact + 1e-6) if free else np.rint(exact)
            layers.append(Layer(W, bias, domain.scale, unit))
        return Network(self.problem.architecture, tuple(layers))

    def encode(self, network: Network) -> Floats:
        """A point with the network's weights and states, thresholds moved out of their gaps.

        Where a gap cannot be met, the point breaks rows of the program.

        Raises:
            ValueError: when the network is not of the problem's class, thresholds that are shared
                differ, or the points of a cell have different states.
        """
        outside = self.problem.outside(network)
        if outside:
            raise ValueError(f"The network: {outside}.")
        point = np.zeros(self.milp.n_cols)
        forward = network.forward(self.X, self.problem.dataset.scale)
        below: npt.NDArray[Any] = NONE
        for layer, own, pre, unit in zip(
            self.layers, network.layers, forward.pre, forward.units, strict=True
        ):
            k, states = layer.layer, pre >= 0
            u = np.zeros(self.milp.blocks[f"u{k}"][1], dtype=bool)
            u[self.cell] = states
            if (u[self.cell] != states).any():
                raise ValueError(f"Points of one cell have different states in layer {k}.")
            W = own.weights / own.scale
            self.milp.view(f"W{k}", point)[:] = W
            self.milp.view(f"u{k}", point)[:] = u
            if k == 1 and self.radius:
                self.milp.view("xi", point)[:] = np.abs(W)
            if k > 1:
                self.milp.view(f"s{k}", point)[:] = W.T[None] * below[:, None, :]
            if layer.bias_bound is not None:
                b = own.bias / own.bias_scale + self._moved(layer, pre / unit, W)
                if self.shared and np.ptp(b) > 1e-9:
                    raise ValueError(f"The thresholds of layer {k} differ.")
                self.milp.view(f"b{k}", point)[:] = b[:1] if self.shared else b
            below = u
        self._put_penalty(point)
        return point

    def _moved(self, layer: BdnnLayer, z: Floats, W: Floats) -> Floats:
        """How far real thresholds move to have all points outside the gap; shape (width,)."""
        if layer.whole:
            return np.zeros(z.shape[1])
        worst = self.radius * np.abs(W).sum(axis=0) if layer.layer == 1 else 0.0
        least = np.where(z >= 0, z - worst, np.inf).min(axis=0)
        most = np.where(z < 0, z + worst, -np.inf).max(axis=0)
        low, high = layer.on - least, -layer.off - most
        if self.shared:
            low, high = np.full_like(low, low.max()), np.full_like(high, high.min())
        inside = np.minimum(np.maximum(layer.middle, low), high)
        return np.asarray(np.where(low <= high, inside, layer.middle))

    def _put_penalty(self, point: Floats) -> None:
        objective = self.problem.objective
        if isinstance(objective, RegularisedHamming):
            for name in self.milp.blocks:
                if name.startswith("r."):
                    size = np.abs(self.milp.view(name[2:], point))
                    self.milp.view(name, point)[:] = size if objective.norm == "l1" else size**2
