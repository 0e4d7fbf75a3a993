"""The best two values {alpha, beta} for a vector of real weights, in closed form (sbnn.md A.4).

Minimise ``||w - alpha - (beta - alpha) m||^2`` over m in {0,1}^n and real alpha, beta with k ones
("exactly") or at most k ("at-most"). For a given mask alpha and beta are the means of their
entries; for a given k the best mask is the k largest entries or the k smallest. With w in
decreasing order, ties by increasing index, mu its mean, T_k the sum of the first k of w - mu and
V = sum (w - mu)^2, the largest k explain ``E(k) = n T_k^2 / (k (n - k))`` of V and the smallest k
explain E(n - k); E(0) = E(n) = 0. E is not unimodal, so "at-most" looks at every k. At most n is
1-D 2-means. A binding k cuts at an order statistic, not at (alpha + beta) / 2.

Ties, up to rounding: fewer ones first, then the largest entries ("top").
Complexity: O(n log n) by one sort, for long vectors O(n) by :mod:`cut_search`; a single "exactly"
O(n) by selection. Sums in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bnnbench.errors import BnnbenchError
from bnnbench_gradient.cut_search import TIE, Cuts, Float64, Floats, best_cuts

Constraint = Literal["exactly", "at-most"]
Orientation = Literal["either", "top"]
LONG = 10_000
"""Entries from which on sorting is slower than searching."""


class QuantisationError(BnnbenchError):
    """Weights that cannot be quantised, or an impossible number of ones."""


@dataclass(frozen=True, eq=False)
class TwoValues:
    """A mask with the two values it stands for.

    Attributes:
        mask: where the value is beta, shape (n,).
        alpha: value of the others; beta when there are none.
        beta: value under the mask; alpha when it is empty.
        sse: sum of squared differences to the weights.
    """

    mask: npt.NDArray[np.bool_]
    alpha: float
    beta: float
    sse: float

    @property
    def values(self) -> Float64:
        """The quantised weights, shape (n,)."""
        return np.where(self.mask, self.beta, self.alpha)

    @property
    def ones(self) -> int:
        """Entries under the mask."""
        return int(np.count_nonzero(self.mask))


@dataclass(frozen=True, eq=False)
class Explained:
    """What the best mask of each size explains of a vector's variation.

    Attributes:
        top: E(k) of the k largest entries for k = 0..n, shape (n + 1,).
        total: V.
    """

    top: Float64
    total: float

    @property
    def bottom(self) -> Float64:
        """E(n - k), of the k smallest entries."""
        return self.top[::-1]

    def best(self, orientation: Orientation = "either") -> Float64:
        """The larger of both for every k, or that of the largest entries."""
        return self.top if orientation == "top" else np.maximum(self.top, self.bottom)


def quantise(
    w: npt.ArrayLike,
    k: int | None = None,
    constraint: Constraint = "at-most",
    orientation: Orientation = "either",
) -> TwoValues:
    """The best {alpha, beta} approximation of a vector.

    Args:
        w: real weights, shape (n,).
        k: number of ones; none for n.
        constraint: whether ``k`` is the number of ones or the most there may be.
        orientation: ``top`` for beta >= alpha only, which some kernels and programs assume.

    Raises:
        QuantisationError: for no weights, NaN or infinity, k outside 0..n, or unknown options.
    """
    w, low, high = _vector(w)
    n = len(w)
    k = n if k is None else k
    check_choice("constraint", constraint, get_args(Constraint))
    check_choice("orientation", orientation, get_args(Orientation))
    if not 0 <= k <= n:
        raise QuantisationError(f"k must lie in 0..{n}, got {k}.")
    if low == high:
        value = float(w[0])
        return TwoValues(np.arange(n) < (k if constraint == "exactly" else 0), value, value, 0.0)
    if constraint == "exactly" or k == 0:
        return _exactly(w, k, orientation)
    cuts = best_cuts(w, (low, high), k, orientation == "either") if n >= LONG else None
    if cuts is not None:
        return _at_a_cut(w, k, orientation, cuts)
    curve = explained(w)
    gains = curve.best(orientation)[: k + 1]
    least = gains.max() * (1 - TIE)
    size = int(np.argmax(gains >= least))
    top = curve.top[size] >= least
    return fitted(w, largest(w, size) if top else smallest(w, size))


def explained(w: npt.ArrayLike) -> Explained:
    """E(k) for all k at once.

    Raises:
        QuantisationError: for no weights, NaN or infinity.
    """
    w = checked(w)
    # sorted in the type they come in: the order is the same and fewer bytes move
    centred = np.sort(w)[::-1].astype(np.float64)
    if centred[0] == centred[-1]:
        return Explained(np.zeros(len(w) + 1), 0.0)
    centred -= centred.mean()
    total = float(np.dot(centred, centred))
    n, half = len(w), len(w) // 2
    # summed from the nearer end, a short sum keeps its digits
    sums = np.concatenate([np.cumsum(centred[:half]), np.cumsum(centred[:half:-1])[::-1]])
    k = np.arange(1, n, dtype=np.float64)
    top = np.zeros(n + 1)
    np.divide(np.square(sums, out=sums), k * (n - k), out=top[1:-1])
    top *= n
    return Explained(top, total)


def largest(w: Floats, k: int) -> npt.NDArray[np.bool_]:
    """Mask of the k largest entries, the first of equal ones; O(n)."""
    n = len(w)
    if k in (0, n):
        return np.full(n, k == n)
    return _above(w, float(np.partition(w, n - k)[n - k]), k)


def smallest(w: Floats, k: int) -> npt.NDArray[np.bool_]:
    """Mask of the k smallest entries, the last of equal ones: what ``largest`` leaves."""
    return ~largest(w, len(w) - k)


def fitted(w: Floats, mask: npt.NDArray[np.bool_]) -> TwoValues:
    """The best two values for a mask."""
    from bnnbench_gradient.cut_kernel import masked_sums, squared_distance

    n, ones = len(w), int(np.count_nonzero(mask))
    total, others = masked_sums(w, mask)
    beta = total / ones if ones else others / n
    alpha = others / (n - ones) if ones < n else beta
    return TwoValues(mask, alpha, beta, squared_distance(w, mask, alpha, beta))


def checked(w: npt.ArrayLike) -> Floats:
    """The weights as a vector of 32-bit or 64-bit floats.

    Raises:
        QuantisationError: for no weights, more than one axis, NaN or infinity.
    """
    return _vector(w)[0]


def _vector(w: npt.ArrayLike) -> tuple[Floats, float, float]:
    """The weights as :func:`checked` gives them, their least and their largest."""
    array = np.ascontiguousarray(w)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if array.ndim != 1 or not len(array):
        raise QuantisationError(f"Weights must be a vector of at least one, got {array.shape}.")
    low, high = float(array.min()), float(array.max())
    # NaN and infinity both reach the extremes
    if not (math.isfinite(low) and math.isfinite(high)):
        raise QuantisationError("Weights must be finite, got NaN or infinity.")
    return array, low, high


def check_choice(what: str, given: str, allowed: tuple[str, ...]) -> None:
    """Refuse an unknown option.

    Raises:
        QuantisationError: naming the option and what is known.
    """
    if given not in allowed:
        raise QuantisationError(f"{what} must be one of {', '.join(allowed)}, got {given!r}.")


def _exactly(w: Floats, k: int, orientation: Orientation) -> TwoValues:
    n = len(w)
    if orientation == "top" or k in (0, n):
        return fitted(w, largest(w, k))
    ordered = np.partition(w, (n - k, k))
    top = fitted(w, _above(w, float(ordered[n - k]), k))
    bottom = fitted(w, ~_above(w, float(ordered[k]), n - k))
    total = top.sse + k * (n - k) / n * (top.beta - top.alpha) ** 2
    return top if top.sse <= bottom.sse + TIE * total else bottom


def _above(w: Floats, lowest: float, k: int) -> npt.NDArray[np.bool_]:
    """The k largest entries, the least of which is ``lowest``."""
    mask: npt.NDArray[np.bool_] = w >= lowest
    if int(np.count_nonzero(mask)) == k:
        return mask
    np.greater(w, lowest, out=mask)
    missing = k - int(np.count_nonzero(mask))
    mask[np.flatnonzero(w == lowest)[:missing]] = True
    return mask


def _at_a_cut(w: Floats, k: int, orientation: Orientation, cuts: Cuts) -> TwoValues:
    """The cut with the fewest ones, above it or below, that keeps to k."""
    from bnnbench_gradient.cut_kernel import split

    n = len(w)
    above = np.where(cuts.sizes <= k, cuts.sizes, n + 1)
    turned = (orientation == "either") & (n - cuts.sizes <= k)
    below = np.where(turned, n - cuts.sizes, n + 1)
    top = above.min() <= below.min()
    i = int(np.argmin(above if top else below))
    lowest, size = float(cuts.lowest[i]), int(cuts.sizes[i])
    centres = float(cuts.upper[i]), float(cuts.lower[i])
    mask = np.empty(n, dtype=np.bool_)
    count, over, under, squares = split(w, lowest, centres, not top, mask)
    if count > size:  # the cut lies among equal entries
        mask = _above(w, lowest, size)
        return fitted(w, mask if top else ~mask)
    upper, lower = centres[0] + over / size, centres[1] + under / (n - size)
    sse = squares
    for count, excess, move in (
        (size, over, upper - centres[0]),
        (n - size, under, lower - centres[1]),
    ):
        sse -= move * (2 * excess - count * move)
    return TwoValues(mask, *((lower, upper) if top else (upper, lower)), max(0.0, sse))
