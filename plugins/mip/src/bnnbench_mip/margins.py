"""Rows that say whether a signed output reaches its wanted margin, hard or counted.

For an integer s z and a wanted integer R (inn.md 3.1, 3.2, 3.9):

    hard      s z >= R
    counted   o = 1 => s z >= R    and, unless one-sided,    o = 0 => s z <= R - 1
    relaxed   e = 0 => s z >= R    for all outputs of a row
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench_mip.formulation import Block
from bnnbench_mip.lattice import Int64
from bnnbench_mip.linear import Linear
from bnnbench_mip.network_rows import NetworkRows

Floats = npt.NDArray[np.float64]


def sign_thresholds(net: NetworkRows) -> Int64:
    """The R of a right sign, with sgn(0) = +1: 0 where +1 is wanted, else 1; shape (n, outputs)."""
    return np.where(net.samples.targets > 0, 0, 1).astype(np.int64)


def published_signs(net: NetworkRows) -> Floats | None:
    """The same with the published strict side, for literal rows; None for others."""
    if not net.literal:
        return None
    return np.asarray(sign_thresholds(net) * net.strict(net.plans[-1]), dtype=np.float64)


def counted_margins(net: NetworkRows, wanted: Int64, published: Floats | None = None) -> Block:
    """Variables ``o`` (n, outputs), 1 where s z >= wanted; the objective counts the zeros.

    Each counts as often as its sample. Integers N q, rows 2 N q (N q one-sided). Literal rows have
    the ``published`` margins, which for whole z say the same.
    """
    asked = wanted if published is None else published
    targets = net.samples.targets
    signed = net.output.times(targets)
    weights = net.samples.weights[:, None]
    o = net.rows.variables("o", signed.shape, 0, 1, integer=True, cost=-weights)
    terms, constant = signed.all_terms, signed.constant
    net.rows.rows(
        signed.shape, [*terms, (o, signed.lower - asked)], signed.lower - constant, np.inf
    )
    if not net.one_sided:
        less = asked - net.strict(net.plans[-1])
        far = less - signed.upper
        net.rows.rows(signed.shape, [*terms, (o, far)], -np.inf, less - constant)

    def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
        milp.view("o", point)[:] = z[-1] * targets >= wanted

    return Block(fill, Fraction(int(weights.sum()) * targets.shape[1]))


def relaxed_margins(net: NetworkRows, margins: Linear, wanted: Int64) -> None:
    """Variables ``e`` (n,), 0 only where all margins of a sample reach ``wanted``.

    Its weight is the cost. Integers N, rows as many as margins.
    """
    e = net.rows.variables("e", (len(wanted),), 0, 1, integer=True, cost=net.samples.weights)
    terms = [*margins.all_terms, (e[:, None], wanted - margins.lower)]
    net.rows.rows(margins.shape, terms, wanted - margins.constant, np.inf)


def hard_margins(net: NetworkRows, margins: Linear, wanted: Int64 | Floats) -> None:
    """Every margin reaches ``wanted``: as many rows as margins."""
    net.rows.rows(margins.shape, margins.all_terms, wanted - margins.constant, np.inf)
