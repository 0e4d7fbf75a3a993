"""Pre-activations as linear expressions in the variables of a program, with exact ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Term = tuple[npt.NDArray[Any], npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Linear:
    """An array of integer-valued expressions, shape (n, width).

    Attributes:
        terms: pairs (columns, coefficients) that broadcast to (n, width, k); no column occurs twice
            in an expression.
        choice: columns of the layer's grid selectors, shape (grids,); they may be common to
            all expressions.
        choice_coefficients: their coefficients, shape (n, width, grids).
        constant: shape (n, width).
        lower, upper: the range that the variables' bounds allow, shape (n, width).
    """

    terms: tuple[Term, ...]
    choice: Int64
    choice_coefficients: Int64
    constant: Int64
    lower: Int64
    upper: Int64

    @property
    def shape(self) -> tuple[int, int]:
        """(n, width)."""
        n, width = self.constant.shape
        return n, width

    @property
    def all_terms(self) -> list[Term]:
        """All pairs, selectors included, for ``RowBuilder.rows`` with this shape."""
        return [*self.terms, (self.choice, self.choice_coefficients)]

    def times(self, sign: npt.NDArray[Any]) -> Linear:
        """The expressions multiplied by -1 or +1 each, shape (n, width)."""
        s = np.asarray(sign, dtype=np.int64)
        ends = self.lower * s, self.upper * s
        return Linear(
            tuple((cols, coef * s[..., None]) for cols, coef in self.terms),
            self.choice,
            self.choice_coefficients * s[..., None],
            self.constant * s,
            np.minimum(*ends),
            np.maximum(*ends),
        )

    def pick(self, units: Int64) -> Linear:
        """Per row the expressions of some units: ``units`` has shape (n, m), so has the result."""
        rows = np.arange(len(units))[:, None]

        def take(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.broadcast_to(a, (*self.shape, a.shape[-1]))[rows, units]

        return Linear(
            tuple((take(cols), take(coef)) for cols, coef in self.terms),
            self.choice,
            take(self.choice_coefficients),
            self.constant[rows, units],
            self.lower[rows, units],
            self.upper[rows, units],
        )

    def take_rows(self, rows: Int64) -> Linear:
        """The expressions of some rows, in any order and number."""

        def take(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.broadcast_to(a, (*self.shape, a.shape[-1]))[rows]

        return Linear(
            tuple((take(cols), take(coef)) for cols, coef in self.terms),
            self.choice,
            take(self.choice_coefficients),
            self.constant[rows],
            self.lower[rows],
            self.upper[rows],
        )

    def minus(self, other: Linear) -> Linear:
        """The difference of expressions that share no column but the selectors."""
        return Linear(
            (*self.terms, *((cols, -coef) for cols, coef in other.terms)),
            self.choice,
            self.choice_coefficients - other.choice_coefficients,
            self.constant - other.constant,
            self.lower - other.upper,
            self.upper - other.lower,
        )
