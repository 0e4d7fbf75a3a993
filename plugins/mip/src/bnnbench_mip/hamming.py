"""Hamming: outputs with the wrong sign, one-hot Hamming loss (bdnn.md A.4 b).

o_kj = 1 exactly where output j of row k has its wanted sign, with sgn(0) = +1. N q binaries and
2 N q rows beyond the network (N q one-sided).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.margins import counted_margins, published_signs, sign_thresholds
from bnnbench_mip.network_rows import NetworkRows


@dataclass(frozen=True)
class HammingMILP(NetworkMILP):
    """Fewest wrong output signs: the one-hot Hamming loss of binarised networks.

    Attributes:
        one_sided: keep only the rows that the wanted signs of the outputs need. Same optimum; an
            incumbent may claim more wrong signs than its network has.
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
        literal: rows with the published big-M and eps instead of whole units; same optimum.
    """

    name: ClassVar[str] = "hamming"
    objectives: ClassVar[tuple[str, ...]] = ("hamming",)

    def output(self, net: NetworkRows) -> Block:
        return counted_margins(net, sign_thresholds(net), published_signs(net))
