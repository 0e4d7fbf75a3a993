"""A mixed-integer program over the whole numbers, exactly: what CP-SAT reads.

Every variable x becomes a whole y with x = y / q:

* integer variables, and continuous ones that the formulation says are whole in some optimum
  (``MatrixMILP.implied``): q = 1;
* a *loss*: a continuous variable that its rows and its bound keep away from its cheaper end only,
  alone among its kind in each of its rows. Its optimal value is the tightest of its rows at whole
  values of all others, so a multiple of 1 / q, where q is the least common multiple of its
  coefficients once the rows are whole.

Rows, costs and (in rows with a loss) sides are multiplied by the least common multiple of their
denominators. A float stands for the fraction with the least denominator up to 10^6 that has it as
nearest float, or for itself where it is a multiple of 2^-30. Sides of rows are then rounded
inwards, which excludes no whole point. Anything else is refused with the variable or row that is to
blame. Cost: O(nnz), with Fractions for distinct numbers only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.models import MatrixMILP
from bnnbench_mip.lattice import Int64

LARGEST = 1 << 40
"""Largest whole coefficient, and largest finite bound."""
OPEN = 1 << 61
"""Stands for an open side."""
FINE, BINARY = 10**6, 1 << 30
"""Largest denominators of a number."""


class NotWholeError(ValueError):
    """The program cannot be written in whole numbers; says why."""


@dataclass(frozen=True, eq=False)
class Whole:
    """minimise (costs y) / cost_scale + offset over whole y, where x = y / scales.

    Attributes:
        milp: the program it was made from; gives the sparsity.
        data: coefficients by rows, shape (nnz,).
        row_lower, row_upper: sides; -/+ :data:`OPEN` where there is none.
        lower, upper: bounds of y, all finite.
        scales: q of every variable.
        row_scales: what every row was multiplied by.
        costs, cost_scale: the objective.
    """

    milp: MatrixMILP
    data: Int64
    row_lower: Int64
    row_upper: Int64
    lower: Int64
    upper: Int64
    scales: Int64
    row_scales: Int64
    costs: Int64
    cost_scale: int

    @classmethod
    def of(cls, milp: MatrixMILP) -> Whole:
        """The whole program.

        Raises:
            NotWholeError: when there is none.
        """
        return _Scaling(milp).result()

    def point(self, y: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The program's point that whole values mean."""
        return np.asarray(y, dtype=np.float64) / self.scales

    def values(self, point: npt.NDArray[Any]) -> Int64:
        """Whole values of a point; undoes :meth:`point`."""
        return np.rint(np.asarray(point) * self.scales).astype(np.int64)


class _Scaling:
    """The steps of :meth:`Whole.of`."""

    def __init__(self, milp: MatrixMILP) -> None:
        self.milp = milp
        self.row = np.repeat(np.arange(milp.n_rows), np.diff(milp.indptr))
        held = milp.integer if milp.implied is None else milp.integer | milp.implied
        self.loss = ~held
        self.scales = np.ones(milp.n_cols, dtype=np.int64)

    def result(self) -> Whole:
        milp = self.milp
        with_loss = self._rows_with_loss()
        row_scales = np.ones(milp.n_rows, dtype=np.int64)
        if milp.nnz:
            np.lcm.at(row_scales, self.row, denominators(milp.data, "a coefficient"))
        for sides in (milp.row_lower, milp.row_upper):
            used = with_loss & np.isfinite(sides)
            row_scales[used] = np.lcm(row_scales[used], denominators(sides[used], "a side"))
        _limit(row_scales, "the scale of a row")
        self._scale_losses(row_scales)
        # Rows of a loss are scaled once more by its q, then all coefficients by y are whole.
        factors = row_scales.copy()
        own = self.loss[milp.indices]
        factors[self.row[own]] *= self.scales[milp.indices[own]]
        per_y = milp.data * (factors[self.row] / self.scales[milp.indices])
        data = np.rint(per_y)
        _limit(np.abs(data), "a scaled coefficient")
        row_lower = _side(milp.row_lower * factors, np.ceil, -1)
        row_upper = _side(milp.row_upper * factors, np.floor, 1)
        lower, upper = self._bounds(data, row_lower, row_upper)
        cost_scale, costs = self._costs()
        return Whole(
            milp,
            data.astype(np.int64),
            row_lower,
            row_upper,
            lower,
            upper,
            self.scales,
            factors,
            costs,
            cost_scale,
        )

    def _rows_with_loss(self) -> npt.NDArray[np.bool_]:
        """Rows that hold a loss, after checking that each is one."""
        milp = self.milp
        own = np.flatnonzero(self.loss[milp.indices])
        rows, columns = self.row[own], milp.indices[own]
        count = np.bincount(rows, minlength=milp.n_rows)
        if (count > 1).any():
            at = int(count.argmax())
            raise NotWholeError(f"row {at} holds {count[at]} continuous variables")
        # A row keeps x up when a positive multiple of x has an open upper side, and so on.
        positive = milp.data[own] > 0
        low, high = np.isfinite(milp.row_lower[rows]), np.isfinite(milp.row_upper[rows])
        keeps_up = np.where(positive, low & ~high, high & ~low)
        keeps_down = np.where(positive, high & ~low, low & ~high)
        cheap_down = milp.c[columns] >= 0
        bad = ~np.where(cheap_down, keeps_up, keeps_down)
        if bad.any():
            raise NotWholeError(
                f"variable {int(columns[bad][0])} is continuous and not only kept from its"
                " cheaper end by its rows"
            )
        free = self.loss & ~np.isfinite(np.where(milp.c >= 0, milp.lower, milp.upper))
        free[columns] = False
        if free.any():
            raise NotWholeError(f"variable {int(free.argmax())} is continuous and unbounded")
        return count > 0

    def _scale_losses(self, row_scales: Int64) -> None:
        milp = self.milp
        own = np.flatnonzero(self.loss[milp.indices])
        coefficients = np.rint(np.abs(milp.data[own] * row_scales[self.row[own]])).astype(np.int64)
        np.lcm.at(self.scales, milp.indices[own], np.maximum(1, coefficients))
        for bounds in (milp.lower, milp.upper):
            used = self.loss & np.isfinite(bounds)
            self.scales[used] = np.lcm(self.scales[used], denominators(bounds[used], "a bound"))
        _limit(self.scales, "the scale of a variable")

    def _bounds(
        self, data: npt.NDArray[np.float64], row_lower: Int64, row_upper: Int64
    ) -> tuple[Int64, Int64]:
        """Finite bounds of y: where there is none, what the rows can ask for at most."""
        milp = self.milp
        lower = np.ceil(milp.lower * self.scales - 1e-6)
        upper = np.floor(milp.upper * self.scales + 1e-6)
        for sign, bound, other in ((1, upper, lower), (-1, lower, upper)):
            missing = ~np.isfinite(bound)
            if not missing.any():
                continue
            if (missing & ((sign * milp.c < 0) | ~np.isfinite(other))).any():
                raise NotWholeError(f"variable {int(missing.argmax())} has no bound")
            own = np.flatnonzero(missing[milp.indices])
            row, value = self.row[own], data[own]
            if len(row) and np.bincount(row).max() > 1:
                raise NotWholeError("a row holds two variables without bounds")
            below = (value > 0) == (sign > 0)
            rest = np.where(below, *self._activity(data, lower, upper, missing)[:, row])
            side = np.where(below, row_lower[row], row_upper[row])
            away = np.where(below, row_upper[row], row_lower[row])
            if (np.abs(away) < OPEN).any():
                raise NotWholeError(f"variable {int(missing.argmax())} has no bound")
            need = np.where(np.abs(side) < OPEN, (side - rest) / value, -sign * np.inf)
            bound[missing] = other[missing]
            if sign > 0:
                np.maximum.at(bound, milp.indices[own], np.ceil(need))
            else:
                np.minimum.at(bound, milp.indices[own], np.floor(need))
        _limit(np.abs(lower), "a lower bound")
        _limit(np.abs(upper), "an upper bound")
        return lower.astype(np.int64), upper.astype(np.int64)

    def _activity(
        self,
        data: npt.NDArray[np.float64],
        lower: npt.NDArray[np.float64],
        upper: npt.NDArray[np.float64],
        left_out: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.float64]:
        """Least and greatest sum of every row, some variables left out: shape (2, rows)."""
        columns, positive = self.milp.indices, data > 0
        used = ~left_out[columns]
        sums = []
        for near, far in ((lower, upper), (upper, lower)):
            ends = np.where(positive, near[columns], far[columns])
            sums.append(np.bincount(self.row[used], (data * ends)[used], self.milp.n_rows))
        return np.array(sums)

    def _costs(self) -> tuple[int, Int64]:
        milp = self.milp
        used = np.flatnonzero(milp.c)
        costs = np.zeros(milp.n_cols, dtype=np.int64)
        if not len(used):
            return 1, costs
        scale = int(np.lcm.reduce(denominators(milp.c[used], "a cost") * self.scales[used]))
        whole = np.rint(milp.c[used] * (scale / self.scales[used]))
        _limit(np.append(np.abs(whole), scale), "a scaled cost")
        costs[used] = whole
        divisor = int(np.gcd.reduce(np.append(costs[used], scale)))
        return scale // divisor, costs // divisor


def denominators(values: npt.NDArray[np.float64], what: str) -> Int64:
    """Denominators of the fractions that floats stand for.

    Raises:
        NotWholeError: for a number that stands for none.
    """
    distinct, where = np.unique(values, return_inverse=True)
    found = np.ones(len(distinct), dtype=np.int64)
    for k in np.flatnonzero(distinct != np.rint(distinct)):
        value = float(distinct[k])
        exact, near = Fraction(value), Fraction(value).limit_denominator(FINE)
        if float(near) == value:
            found[k] = near.denominator
        elif exact.denominator <= BINARY:
            found[k] = exact.denominator
        else:
            raise NotWholeError(f"{what} of {value!r} is no fraction that fits")
    return found[where.reshape(-1)]


def _side(
    sides: npt.NDArray[np.float64], towards: Callable[..., npt.NDArray[np.float64]], sign: int
) -> Int64:
    """Sides rounded inwards; :data:`OPEN` where there is none."""
    finite = np.isfinite(sides)
    rounded = towards(np.where(finite, sides, 0.0) + sign * 1e-6)
    _limit(np.abs(rounded), "a scaled side")
    return np.where(finite, rounded, sign * OPEN).astype(np.int64)


def _limit(values: npt.NDArray[Any], what: str) -> None:
    """Refuse numbers that are too large for whole arithmetic.

    Raises:
        NotWholeError: for the first of them.
    """
    if values.size and values.max() > LARGEST:
        raise NotWholeError(f"{what} would be {values.max():.3g}, beyond {LARGEST:.3g}")
