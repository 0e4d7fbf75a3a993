"""Weight domains: which numbers a weight and a bias may be.

Every domain is a union of few *grids*, arithmetic progressions over a common denominator, one grid
chosen per layer. That is all a MIP, a sampler, a local search or an enumeration needs to know.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.spec import Spec

BiasRule = Literal["same", "asymmetric", "free", "none"]
Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Grid:
    """The numbers ``lo, lo + step, ..., hi``, all divided by ``scale``."""

    lo: int
    hi: int
    step: int = 1
    scale: int = 1

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return (self.hi - self.lo) // self.step + 1

    @property
    def values(self) -> npt.NDArray[np.int64]:
        """The numerators, ascending."""
        return np.arange(self.lo, self.hi + 1, self.step, dtype=np.int64)

    @property
    def largest(self) -> Fraction:
        """Largest absolute value."""
        return Fraction(max(abs(self.lo), abs(self.hi)), self.scale)

    def contains(self, numerators: Ints) -> bool:
        """Whether all numerators (over this scale) are on the grid."""
        a = np.asarray(numerators)
        inside = (a >= self.lo) & (a <= self.hi) & ((a - self.lo) % self.step == 0)
        return bool(inside.all())


@dataclass(frozen=True, kw_only=True)
class WeightDomain(ABC):
    """What a weight and a bias may be.

    Attributes:
        bias: ``same`` (the weights' grid), ``asymmetric`` (integers -P-1..P, which makes negating
            a unit an exact symmetry), ``free`` (any integer on the finest grid of the
            pre-activation: a threshold), or ``none``.
    """

    kind: ClassVar[str]
    bias: BiasRule = "same"

    def __post_init__(self) -> None:
        if self.bias not in ("same", "asymmetric", "free", "none"):
            raise ProblemError(f"bias must be same, asymmetric, free or none, got {self.bias!r}.")

    @abstractmethod
    def grids(self) -> tuple[Grid, ...]:
        """The grids a layer may choose from; one for most domains."""

    @property
    def scale(self) -> int:
        """Common denominator of all weights."""
        return self.grids()[0].scale

    @property
    def largest(self) -> Fraction:
        """Largest absolute value of a weight."""
        return max(g.largest for g in self.grids())

    def bias_grid(self, grid: Grid) -> Grid | None:
        """The biases that go with a layer's grid; None for ``free`` and ``none``."""
        if self.bias == "same":
            return grid
        if self.bias == "asymmetric":
            return Grid(grid.lo - grid.step, grid.hi, grid.step, grid.scale)
        return None

    def layer_grid(self, weights: Ints) -> Grid | None:
        """The first grid that holds all these numerators, or None."""
        return next((g for g in self.grids() if g.contains(weights)), None)

    def budget(self, n_weights: int) -> int | None:
        """Most weights that may take the upper value, over all layers; None for no limit."""
        return None

    @property
    def bits(self) -> float:
        """Bits to store one weight plainly."""
        return float(max(1, math.ceil(math.log2(max(g.size for g in self.grids())))))

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """The spec this domain is written as."""

    def _spec(self, **params: Any) -> Spec:
        if self.bias != "same":
            params["bias"] = self.bias
        return Spec.of(self.kind, **params)


@dataclass(frozen=True, kw_only=True)
class Integer(WeightDomain):
    """Integers -P..P; P = 1 is the ternary network of the literature."""

    kind: ClassVar[str] = "integer"
    P: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.P, int) or self.P < 1:
            raise ProblemError(f"integer: P must be a positive integer, got {self.P!r}.")

    def grids(self) -> tuple[Grid, ...]:
        return (Grid(-self.P, self.P),)

    @property
    def bits(self) -> float:
        """floor(log2 P) + 2 bits (inn.md section 1)."""
        return float(self.P.bit_length() + 1)

    @property
    def spec(self) -> Spec:
        return self._spec(P=self.P)


@dataclass(frozen=True, kw_only=True)
class Binary(WeightDomain):
    """The two values -1 and +1."""

    kind: ClassVar[str] = "binary"

    def grids(self) -> tuple[Grid, ...]:
        return (Grid(-1, 1, 2),)

    @property
    def spec(self) -> Spec:
        return self._spec()


@dataclass(frozen=True, kw_only=True)
class FixedPoint(WeightDomain):
    """Real weights in [-bound, bound] on a grid of ``decimals`` decimal places."""

    kind: ClassVar[str] = "fixed-point"
    bound: int = 1
    decimals: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bound < 1 or not 0 <= self.decimals <= 9:
            raise ProblemError(
                "fixed-point: bound must be a positive integer and decimals lie in 0..9,"
                f" got {self.bound} and {self.decimals}."
            )

    def grids(self) -> tuple[Grid, ...]:
        scale = 10**self.decimals
        return (Grid(-self.bound * scale, self.bound * scale, 1, scale),)

    @property
    def spec(self) -> Spec:
        return self._spec(bound=self.bound, decimals=self.decimals)


@dataclass(frozen=True, kw_only=True)
class TwoValued(WeightDomain):
    """Two values {alpha, beta} per layer, in the scale-free form {rho, rho + 1} (sbnn.md A.1).

    ``rho`` is a multiple of ``2**-bits``; a layer picks one of ``rhos``. rho = -1/2 is {-1, +1}
    up to a factor, rho = 0 is {0, 1}.

    Attributes:
        d: fractional bits of rho = r / 2**d.
        rhos: the numerators r that a layer may choose from.
        ones: largest fraction of weights that may be beta, over all layers; 1 for no limit.
    """

    kind: ClassVar[str] = "two-valued"
    d: int = 3
    rhos: tuple[int, ...] = (-4, -3, -2, -1, 0)
    ones: float = 1.0
    bias: BiasRule = "free"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.rhos, int):
            object.__setattr__(self, "rhos", (self.rhos,))
        if not 0 <= self.d <= 12 or not self.rhos:
            raise ProblemError("two-valued: d must lie in 0..12 and rhos must not be empty.")
        if not 0 < self.ones <= 1:
            raise ProblemError(f"two-valued: ones must lie in (0, 1], got {self.ones}.")

    def grids(self) -> tuple[Grid, ...]:
        step = 2**self.d
        return tuple(Grid(r, r + step, step, step) for r in self.rhos)

    def budget(self, n_weights: int) -> int | None:
        if self.ones >= 1:
            return None
        return int(Fraction(str(self.ones)) * n_weights)

    @property
    def bits(self) -> float:
        return 1.0

    @property
    def spec(self) -> Spec:
        params: dict[str, Any] = {"d": self.d, "rhos": self.rhos}
        if self.ones < 1:
            params["ones"] = self.ones
        if self.bias != "free":
            params["bias"] = self.bias
        return Spec.of(self.kind, **params)


DOMAINS: dict[str, type[WeightDomain]] = {
    cls.kind: cls for cls in (Integer, Binary, FixedPoint, TwoValued)
}
