"""Losses as tables of integers over the possible outputs of a network with one hidden layer.

The outputs of such a network are integers over the domain's denominator, at most ``reach`` in
absolute value, so any loss is a table. An entry packs the two numbers of ``terms.py``,

    search * 2**shift + value,

so that one lookup yields both; sums stay exact because a sum of values never reaches ``2**shift``
(where the two are equal, the shift is 0). Common factors are divided out. ``code`` has two halves,
for outputs that are wanted positive and negative. It holds the loss of an output where losses add
up; otherwise its share of a row's code, at which ``row_loss`` then holds the loss of the row:

* sign errors: 1 for a wrong output of the label, 2 for any other one;
* errors of two outputs: the label's output minus the other one.

A broken requirement adds more to the value than all rows can have otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bnnbench.problem import Problem
from bnnbench_heuristics.memory import Float64, Int64
from bnnbench_heuristics.tables import total_reaches
from bnnbench_heuristics.terms import (
    EXACT,
    EXPECTED,
    HAMMING,
    LINEAR,
    SATURATED,
    SIGN,
    UNIQUE,
    Terms,
)

_BITS = 62


@dataclass(frozen=True, eq=False)
class Losses:
    """The tables.

    Attributes:
        reach: largest absolute output.
        code: by the half of the wanted sign, then by output, shape (2 * (2 * reach + 1),).
        row_loss: by the code of a row; empty when the losses of outputs add up.
        start: what the code of a row is counted from.
        shift: bits of the value in an entry.
        scale: value per unit of the objective.
        step: search value per typical step.
        worst: the largest value of a feasible network.
    """

    reach: int
    code: Int64
    row_loss: Int64
    start: int
    shift: int
    scale: Fraction
    step: float
    worst: int


def build_losses(problem: Problem, terms: Terms) -> Losses | None:
    """The tables of an objective; None when it has none of this form, or too large ones."""
    kinds = terms.arrays["KINDS"]
    if not terms.known or len(kinds) > 1:
        return None
    reach = total_reaches(problem)[-1]
    kind, outputs = int(kinds[0]), problem.architecture.outputs
    z = np.arange(-reach, reach + 1, dtype=np.int64)
    none = np.zeros(0, dtype=np.int64)
    if SATURATED <= kind <= LINEAR:
        value, search = _margins(terms, reach)
        if value.max(initial=0) > EXACT // 4:
            return None
        halves = np.concatenate([value, value[::-1]]), np.concatenate([search, search[::-1]])
        return _pack(problem, terms, halves, none, 0)
    if kind == HAMMING:
        wrong = np.concatenate([z < 0, z >= 0]).astype(np.int64)
        return _pack(problem, terms, (wrong, wrong), none, 0)
    if kind == SIGN:
        code = np.concatenate([z < 0, 2 * (z >= 0)]).astype(np.int64)
        return _pack(problem, terms, _sign_rows(problem, terms), code, 0)
    if kind in (EXPECTED, UNIQUE) and outputs == 2:
        lead = np.sign(np.arange(-2 * reach, 2 * reach + 1))
        rows = 1 - lead if kind == EXPECTED else (lead <= 0).astype(np.int64)
        return _pack(problem, terms, (rows, rows), np.concatenate([z, -z]), 2 * reach)
    return None


def _margins(terms: Terms, reach: int) -> tuple[Int64, Int64]:
    """Value and search value of one output by its signed numerator."""
    from bnnbench_heuristics.kernel_loss import tabulate

    value: Float64 = np.zeros(2 * reach + 1)
    extra: Float64 = np.zeros(2 * reach + 1)
    a, b, c = (int(v) for v in terms.arrays["CONSTANTS"][0])
    tabulate(int(terms.arrays["KINDS"][0]), a, b, c, reach, value, extra)
    guide = float(terms.arrays["WEIGHTS"][0, 2])
    return value.astype(np.int64), np.rint(value + guide * extra).astype(np.int64)


def _sign_rows(problem: Problem, terms: Terms) -> tuple[Int64, Int64]:
    """Value and search value of a row by the code of its wrong signs."""
    value = np.ones(2 * problem.architecture.outputs + 1, dtype=np.int64)
    value[0] = 0
    if not terms.arrays["CONSTANTS"][0, 0]:
        return value, value
    # Exactly one output is >= 0 when all are right, or when the label's and one other are wrong.
    broken = np.ones_like(value)
    broken[[0, 3]] = 0
    search = value + round(terms.reals["PENALTY"]) * broken
    return value + (problem.dataset.sizes[0] + 1) * broken, search


def _pack(
    problem: Problem, terms: Terms, losses: tuple[Int64, Int64], code: Int64, start: int
) -> Losses | None:
    """The tables of values and search values, of outputs, or of rows by the given codes."""
    value, search = losses
    rows, outputs = problem.dataset.sizes[0], problem.architecture.outputs
    terms_of_sum = rows if len(code) else rows * outputs
    common = int(np.gcd.reduce(np.append(value, terms.scale)))
    unit = common if value is search or (value == search).all() else int(np.gcd.reduce(search))
    shift = 0
    packed = search // unit
    if not np.array_equal(value, search):
        shift = (terms_of_sum * int(value.max()) // common).bit_length()
        packed = (packed << shift) + value // common
    if (terms_of_sum * int(search.max()) // unit << shift).bit_length() > _BITS:
        return None
    strict = bool(terms.arrays["KINDS"][0] == SIGN and terms.arrays["CONSTANTS"][0, 0])
    return Losses(
        reach=total_reaches(problem)[-1],
        code=code if len(code) else packed,
        row_loss=packed if len(code) else code,
        start=start,
        shift=shift,
        scale=Fraction(terms.scale, common),
        step=terms.step / unit,
        worst=rows if strict else terms_of_sum * int(value.max()) // common,
    )
