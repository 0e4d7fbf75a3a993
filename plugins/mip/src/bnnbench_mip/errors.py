"""errors: rows that argmax gets wrong, a tie counting as wrong.

One output decides by its sign: o_k = 1 exactly where it is right (N binaries, 2 N rows). Several
outputs: one binary e_k per row, e_k = 0 => z_y - z_j >= 1 for every other j; objective sum e
(N binaries, N (q - 1) rows). As for relaxed max-correct an incumbent may claim too many errors,
never too few. Ties at their expected value are fractions of errors and are not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench_mip.formulation import Block, NetworkMILP
from bnnbench_mip.lattice import Int64
from bnnbench_mip.margins import counted_margins, relaxed_margins, sign_thresholds
from bnnbench_mip.network_rows import NetworkRows


@dataclass(frozen=True)
class ErrorsMILP(NetworkMILP):
    """Fewest misclassified rows by argmax, ties wrong; either tie rule with a single output.

    Attributes:
        one_sided: keep only the rows that the wanted signs of the outputs need. Same optimum; an
            incumbent may claim more errors than its network has.
        symmetry: keep one sign of every hidden unit, with first outgoing weight not negative.
        order: order hidden units: none, key (by first outgoing weight, then bias) or bias.
        merge: equal rows as one with a weight; rows with equal features share activations.
    """

    name: ClassVar[str] = "errors"
    objectives: ClassVar[tuple[str, ...]] = ("errors",)

    def refuses(self, problem: Problem) -> str | None:
        assert isinstance(problem.objective, Errors)
        if problem.architecture.outputs > 1 and problem.objective.ties != "wrong":
            return "models errors[ties=wrong] for several outputs, not expected ties"
        return None

    def slack(self, problem: Problem, spread: int, value: Fraction) -> int:
        """Only differences count: q biases at most a spread apart each span (q - 1) spreads.

        At least 1, so that all outputs share one interval and can be shifted together.
        """
        outputs = problem.architecture.outputs
        return 0 if outputs == 1 else 1 + (outputs - 2) * spread // 2

    def output(self, net: NetworkRows) -> Block:
        outputs = net.problem.architecture.outputs
        if outputs == 1:
            return counted_margins(net, sign_thresholds(net))
        labels = net.samples.labels[:, None]
        others = np.arange(outputs - 1) + (np.arange(outputs - 1) >= labels)
        own = net.output.pick(np.broadcast_to(labels, others.shape))
        wanted = np.ones(others.shape, dtype=np.int64)
        relaxed_margins(net, own.minus(net.output.pick(others)), wanted)

        def fill(milp: Any, point: npt.NDArray[np.float64], z: list[Int64]) -> None:
            margins = np.take_along_axis(z[-1], labels, 1) - np.take_along_axis(z[-1], others, 1)
            milp.view("e", point)[:] = (margins < 1).any(axis=1)

        return Block(fill)
