"""Margins, big-M and strictness of the binary-activation model (bdnn.md A.3, A.5, A.8, A.9).

A unit of layer k has pre-activation a, affine in the variables. With a margin (on, off) and an M of
at least |a|

    u = 1 => a >= on        a - (M + on) u >= -M
    u = 0 => a <= -off      a - (M + off) u <= -off

========== ==================================== ============================================
margin     (on, off)                            source
========== ==================================== ============================================
two-sided  (eps, eps)                           A.5, the released data-splitting code
exact-code (eps, eps), output (0, eps)          A.3, the released exact routine
one-sided  (0, eps)                             A.2, the released local search
symmetric  (eps/2, eps/2)                       A.9, for real thresholds
integer    (0, 1 / the layer's denominator)     A.9, for whole weights and biases
auto       integer where it applies, else symmetric
========== ==================================== ============================================

Networks with a pre-activation inside the gap (-off, on) are excluded. A real threshold is read out
at the middle of the gap, so that neither rounding nor a solver's tolerance crosses it as long as
both stay below half the gap. M_1i = P R_i + Bb + 1 + sum_j r_j with R_i = |x^i|_1,
M_k = P d_{k-1} + Bb + 1; with shared thresholds Bb = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bnnbench.domain import FixedPoint
from bnnbench.problem import Problem

Floats = npt.NDArray[np.float64]
MARGINS = ("auto", "symmetric", "one-sided", "exact-code", "two-sided", "integer")
EPS = 1e-4
SAFE = 0.8
"""Share of half the gap that rounding may take; the rest is the solver's."""
FINEST = 1e9
"""Largest M over half a gap at which a tolerance of 1e-10 is safe."""


@dataclass(frozen=True, eq=False)
class BdnnLayer:
    """One layer in real units.

    Attributes:
        layer: 1..K.
        big_m: per row of the layer (points in layer 1, cells above), or one for all.
        on, off: the margin.
        whole: whether weights and biases are integer variables.
        bias_bound: lowest and highest threshold variable; None without.
        rounding: by how much rounding to the domain's grids may shift a pre-activation.
    """

    layer: int
    big_m: Floats
    on: float
    off: float
    whole: bool
    bias_bound: tuple[float, float] | None
    rounding: float

    @property
    def half_gap(self) -> float:
        """Half the width of the excluded interval."""
        return (self.on + self.off) / 2

    @property
    def middle(self) -> float:
        """Where a real threshold is read out: the middle of the gap."""
        return (self.on - self.off) / 2

    @property
    def reach(self) -> float:
        """Largest M in units of half the gap."""
        return float(self.big_m.max()) / self.half_gap

    @property
    def unsafe(self) -> str | None:
        """Why a solver's claim need not hold for the rounded network; None when it must."""
        if self.reach > FINEST:
            return (
                f"layer {self.layer}: M = {self.big_m.max():.3g} with half a gap of"
                f" {self.half_gap:.3g} is beyond solver tolerances: scale the features"
            )
        # Without a threshold the read-out stays at 0, wherever the gap lies.
        room = min(self.on, self.off) if self.bias_bound is None else self.half_gap
        if self.rounding > SAFE * room:
            return (
                f"layer {self.layer}: rounding to the domain's grid moves a pre-activation by up to"
                f" {self.rounding:.3g}, the margin is {room:.3g}: use a larger eps, more decimals"
                " or margin=symmetric"
            )
        return None


@dataclass(frozen=True)
class Margins:
    """What the formulation's parameters say about margins and thresholds.

    Attributes:
        margin: one of :data:`MARGINS`.
        eps: of the margin; none for 1e-4, or more where rounding to the domain's grid needs it.
        shared: one real threshold in [-1, 1] per layer, instead of one bias per unit.
        radius: of the box around every input.
    """

    margin: str
    eps: float | None
    shared: bool
    radius: float

    def layers(self, problem: Problem) -> list[BdnnLayer]:
        """All layers of a problem, with one eps for all."""
        whole = not isinstance(problem.domain, FixedPoint)
        rounding = [self._rounding(problem, k) for k in range(1, problem.architecture.depth + 1)]
        eps = self.eps
        if eps is None:
            share = 1.0 if self.margin == "two-sided" else 0.5
            eps = max(EPS, 1.01 * max(rounding) / (SAFE * share))
        return [
            self._layer(problem, k, eps, whole and not self.shared, r)
            for k, r in enumerate(rounding, start=1)
        ]

    def _layer(
        self, problem: Problem, k: int, eps: float, whole: bool, rounding: float
    ) -> BdnnLayer:
        on, off = self._gap(problem, k, eps, whole)
        bound = bias_bound(problem, self.shared)
        largest = float(problem.domain.largest)
        if k == 1:
            reach = norms(problem) * largest
            reach = reach + problem.architecture.inputs * self.radius * largest
        else:
            reach = np.array([problem.architecture.widths[k - 1] * largest])
        beyond = 1.0 if self.shared else (max(map(abs, bound)) if bound else 0.0) + 1.0
        if bound is not None and not whole:
            # The variable is the bias plus the middle of the gap, which stays inside its bounds.
            middle = (on - off) / 2
            same = problem.domain.bias == "same"
            bound = (bound[0] + max(0.0, middle), bound[1] + min(0.0, middle)) if same else bound
        return BdnnLayer(k, reach + beyond, on, off, whole, bound, rounding)

    def _gap(self, problem: Problem, k: int, eps: float, whole: bool) -> tuple[float, float]:
        last = k == problem.architecture.depth
        if self.margin == "integer" or (self.margin == "auto" and whole):
            return 0.0, 1.0 / problem.unit(k)
        return {
            "one-sided": (0.0, eps),
            "two-sided": (eps, eps),
            "exact-code": (0.0 if last else eps, eps),
        }.get(self.margin, (eps / 2, eps / 2))

    def _rounding(self, problem: Problem, k: int) -> float:
        """Half a grid step per real weight, and of a real bias that has a coarser grid."""
        if not isinstance(problem.domain, FixedPoint):
            return 0.0
        step = 0.5 / problem.domain.scale
        width = problem.architecture.inputs * self.radius + float(norms(problem).max())
        reach = width if k == 1 else float(problem.architecture.widths[k - 1])
        coarse = problem.domain.bias == "same"
        return step * (reach + (1.0 if coarse else 0.0)) + (0.0 if coarse else 1 / problem.unit(k))


def norms(problem: Problem) -> Floats:
    """R_i = |x^i|_1 of the training rows, shape (N,)."""
    X = np.asarray(problem.dataset.part("train")[0], dtype=np.int64)
    return np.asarray(np.abs(X).sum(axis=1) / problem.dataset.scale, dtype=np.float64)


def bias_bound(problem: Problem, shared: bool) -> tuple[float, float] | None:
    """Range of a threshold variable; Bb = max(max_i R_i, max_k d_k) where biases are free."""
    domain = problem.domain
    if domain.bias == "none":
        return None
    if shared:
        return -1.0, 1.0
    grid = domain.bias_grid(domain.grids()[0])
    if grid is not None:
        return grid.lo / grid.scale, grid.hi / grid.scale
    widths = problem.architecture.widths[1:]
    bound = max(float(norms(problem).max()), float(max(widths))) * float(domain.largest)
    return -bound, bound
