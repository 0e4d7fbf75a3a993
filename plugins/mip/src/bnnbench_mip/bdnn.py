"""bdnn: networks with 0/1 units by big-M rows, as Kurtz and Bah publish them (bdnn.md part A).

Variables: W^k in [-P, P], real for a fixed-point domain and whole for an integer one; thresholds,
one per unit (A.5) or one per layer (A.3); u binary, the state of every unit of every layer, outputs
included; s = W u for layers k >= 2 by four rows. Objective: wrong outputs,
sum_i sum_c y_ic + (1 - 2 y_ic) u^K_ic with its constant inside. For N points and widths d_k

    binaries   N sum_k d_k              products   N sum_{k>=2} d_k d_{k-1}
    rows       2 N sum_k d_k + 4 N sum_{k>=2} d_k d_{k-1}

Cells (A.7): points of one cell share all states, so N becomes the number of cells everywhere but
in the rows of layer 1. Box of a radius r around every input (A.8): the first layer keeps its states
in the whole box, by xi >= |W^1| (n d_1 variables, 2 n d_1 rows) and sum_j r xi_jl in its rows.

Real weights are rounded to the domain's grid. What a claim needs for that, and how a threshold is
read out, is in :mod:`bnnbench_mip.bdnn_layers`. A bound is a bound for the problem only where the
margin excludes no network of the class, see :func:`_exact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from bnnbench.domain import FixedPoint, Integer
from bnnbench.interfaces import Formulation, Model
from bnnbench.problem import Problem
from bnnbench_mip.bdnn_layers import MARGINS, BdnnLayer, Margins, bias_bound
from bnnbench_mip.bdnn_rows import BdnnRows
from bnnbench_mip.regularised import RegularisedHamming

THRESHOLDS = ("bias", "shared")


@dataclass(frozen=True)
class Bdnn(Formulation):
    """Binary-activation network as published by Kurtz and Bah: fewest wrong outputs.

    Attributes:
        thresholds: bias (one per unit) or shared (one real threshold in [-1, 1] per layer).
        margin: how far pre-activations stay from their threshold: auto, symmetric, one-sided,
            exact-code, two-sided (all with eps) or integer (one unit below, none above).
        eps: of the margin; none for 1e-4, or more where rounding to the domain's grid needs it.
        radius: the first layer keeps its states in a box of this radius around every training
            row, in units of the features.
        cells: cell of each training row, for data splitting; empty for a cell of its own each.
        unsafe: build although rounding or tolerances may break claims.
    """

    name: ClassVar[str] = "bdnn"
    kind: ClassVar[str] = "milp"
    objectives: ClassVar[tuple[str, ...]] = ("hamming", "errors", "regularised-hamming")
    thresholds: str = "bias"
    margin: str = "auto"
    eps: float | None = None
    radius: float = 0.0
    cells: tuple[int, ...] = ()
    unsafe: bool = False

    def accepts(self, problem: Problem) -> str | None:
        return (
            self._refuses_parameters(problem)
            or self._refuses_problem(problem)
            or self._refuses_thresholds(problem)
            or self._refuses_claims(problem)
        )

    def build(self, problem: Problem) -> Model:
        layers = self._margins.layers(problem)
        net = BdnnRows(problem, layers, self.thresholds == "shared", self.radius, self._cells)
        milp = net.build()
        exact = not (self.cells or self.radius or self.thresholds == "shared")
        return Model(
            problem,
            "milp",
            milp,
            net.decode,
            net.encode,
            exact=exact and _exact(problem, layers),
            info={
                "rows": milp.n_rows,
                "cols": milp.n_cols,
                "nnz": milp.nnz,
                "integers": int(milp.integer.sum()),
                "big_m": max(layer.reach for layer in layers),
                "gap": min(2 * layer.half_gap for layer in layers),
            },
        )

    @property
    def _margins(self) -> Margins:
        return Margins(self.margin, self.eps, self.thresholds == "shared", self.radius)

    @property
    def _cells(self) -> tuple[int, ...] | None:
        return self.cells or None

    def _refuses_parameters(self, problem: Problem) -> str | None:
        if self.margin not in MARGINS or self.thresholds not in THRESHOLDS:
            return f"margin is one of {MARGINS}, thresholds one of {THRESHOLDS}"
        if self.radius < 0 or (self.eps is not None and self.eps <= 0):
            return "radius must not be negative and eps must be positive"
        n = problem.dataset.sizes[0]
        if self.cells and len(self.cells) != n:
            return f"{len(self.cells)} cells for {n} training rows"
        if self.cells and set(self.cells) != set(range(max(self.cells) + 1)):
            return "cells are numbered from 0 on without a gap"
        return None

    def _refuses_problem(self, problem: Problem) -> str | None:
        arch, name = problem.architecture, problem.objective.name
        if name not in self.objectives or (name == "errors" and arch.outputs > 1):
            return "models hamming and regularised-hamming, and errors of a single output"
        if arch.activation != "step" or not arch.dense or not arch.hidden:
            return "needs fully connected hidden layers of step units"
        if not isinstance(problem.domain, (FixedPoint, Integer)):
            return f"weights are real or whole numbers in [-P, P], not {problem.domain.spec}"
        penalty = problem.objective
        if isinstance(penalty, RegularisedHamming):
            if isinstance(problem.domain, FixedPoint):
                return "a penalty on weights needs whole weights: rounding changes it"
            bound = bias_bound(problem, False)
            if self.thresholds == "shared" or (bound and max(bound) > penalty.most_chords):
                return "a penalty on biases needs whole biases in a short range"
        return None

    def _refuses_thresholds(self, problem: Problem) -> str | None:
        whole = isinstance(problem.domain, Integer)
        if self.thresholds == "shared" and problem.domain.bias == "none":
            return "shared thresholds need biases"
        if self.thresholds == "shared" and whole and problem.domain.bias != "free":
            return "shared real thresholds need free biases beside whole weights"
        if self.margin == "integer" and (self.thresholds == "shared" or not whole):
            return "margin=integer needs whole weights and biases"
        return None

    def _refuses_claims(self, problem: Problem) -> str | None:
        if self.unsafe:
            return None
        return next((r.unsafe for r in self._margins.layers(problem) if r.unsafe), None)


def _exact(problem: Problem, layers: list[BdnnLayer]) -> bool:
    """Whether the model holds a copy of every network of the class with the same objective.

    A layer's pre-activations are multiples of 1 / unit. A gap (-off, on) not wider than that
    excludes none of them if it lies below 0, or if a real free threshold can be moved by on. The
    range of a free bias holds all that a unit which is not constant can use; whole biases are all
    of them only where the layer's inputs are whole.
    """
    free = problem.domain.bias == "free"
    for layer in layers:
        unit = Fraction(1, problem.unit(layer.layer))
        if Fraction(layer.on) + Fraction(layer.off) > unit * (1 + Fraction(1, 10**9)):
            return False
        if layer.on > 0 and (layer.whole or not free):
            return False
        if layer.whole and free and unit != 1:
            return False
    return True
