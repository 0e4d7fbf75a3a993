"""Other small weight sets on the budget of {alpha, beta} (sbnn.md A.4.5).

=====================  ==========================  ===========================  ==================
domain                 mask for k                  scale                        explained
=====================  ==========================  ===========================  ==================
``symmetric``          k largest +, others -       (sum_top - sum_rest) / n     n scale^2
``zero-one``           k largest or k smallest,    mean under the mask          k scale^2
                       the larger absolute sum
``ternary``            k largest absolute values   mean absolute value of them  k scale^2
``sign``               w > 0, no budget            mean absolute value          n scale^2
=====================  ==========================  ===========================  ==================

"Explained" is taken from the sum of w^2; on the same measure {alpha, beta} explains E + n mu^2
(see :mod:`closed_form`). Complexity: O(n) each, by selection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bnnbench_gradient.closed_form import (
    QuantisationError,
    check_choice,
    checked,
    largest,
    smallest,
)
from bnnbench_gradient.cut_search import Float64, Floats

Rival = Literal["symmetric", "zero-one", "ternary", "sign"]
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Scaled:
    """Small integer codes times one real number.

    Attributes:
        codes: -1, 0 or +1, shape (n,).
        scale: the factor; negative for ``symmetric`` when the k largest sum to less than the rest,
            and for ``zero-one`` when their mean is negative.
        sse: sum of squared differences to the weights.
    """

    codes: Codes
    scale: float
    sse: float

    @property
    def values(self) -> Float64:
        """The quantised weights, shape (n,)."""
        return self.codes.astype(np.float64) * self.scale


def approximate(w: npt.ArrayLike, domain: Rival, k: int | None = None) -> Scaled:
    """The best approximation in a rival domain.

    Args:
        w: real weights, shape (n,).
        domain: see the module.
        k: number of ones, or of values that are not 0; none for ``sign``, which has no budget.

    Raises:
        QuantisationError: for weights that are none or not finite, an unknown domain, or k that is
            missing, superfluous or outside 0..n.
    """
    w = checked(w)
    check_choice("domain", domain, get_args(Rival))
    if (k is None) != (domain == "sign"):
        raise QuantisationError(f"{domain} {'takes no k' if k is not None else 'needs k'}.")
    if k is not None and not 0 <= k <= len(w):
        raise QuantisationError(f"k must lie in 0..{len(w)}, got {k}.")
    return _scaled(w, _CODES[domain](w, k or 0))


def _scaled(w: Floats, codes: Codes) -> Scaled:
    """The least-squares factor of given codes: w.c / c.c."""
    exact = w.astype(np.float64)
    size = int(np.count_nonzero(codes))
    scale = float(np.dot(exact, codes)) / size if size else 0.0
    return Scaled(codes, scale, float(np.square(exact - scale * codes).sum()))


def _signs(mask: npt.NDArray[np.bool_]) -> Codes:
    return np.where(mask, np.int8(1), np.int8(-1))


def _zero_one(w: Floats, k: int) -> Codes:
    top, bottom = largest(w, k), smallest(w, k)
    sums = [abs(float(w[mask].sum(dtype=np.float64))) for mask in (top, bottom)]
    return (top if sums[0] >= sums[1] else bottom).astype(np.int8)


def _ternary(w: Floats, k: int) -> Codes:
    return np.where(largest(np.abs(w), k), _signs(w >= 0), np.int8(0))


_CODES: dict[str, Callable[[Floats, int], Codes]] = {
    "symmetric": lambda w, k: _signs(largest(w, k)),
    "zero-one": _zero_one,
    "ternary": _ternary,
    "sign": lambda w, k: _signs(w > 0),
}
