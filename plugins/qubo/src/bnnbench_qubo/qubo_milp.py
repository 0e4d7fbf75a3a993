r"""A QUBO as a mixed-integer linear program, by Fortet's and McCormick's inequalities.

Every coupling Q_ij x_i x_j becomes Q_ij y_ij with a continuous 0 <= y_ij <= 1 and

    y_ij >= x_i + x_j - 1        where Q_ij > 0,
    y_ij <= x_i,  y_ij <= x_j    where Q_ij < 0,

the only sides that a minimum leans on. n binaries, one variable and one or two rows per coupling.
The relaxation of a squared counter is useless (qubo.md section 4.6: bounds far below 0 where the
direct model proves optimality in a second), which is what this baseline teaches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.inner import Name
from bnnbench.interfaces import Formulation, Model
from bnnbench.models import MatrixMILP, Qubo, RowBuilder
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Point
from bnnbench.spec import Spec, as_spec

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class QuboMilp(Formulation):
    """A QUBO formulation linearised, for any MILP solver: the teaching baseline.

    Attributes:
        inner: a formulation of kind ``qubo`` whose minimum over the auxiliaries is the training
            loss, so that no claim undercuts it: ``bnn-qubo[penalty=exact]``.
    """

    name: ClassVar[str] = "qubo-milp"
    kind: ClassVar[str] = "milp"
    objectives: ClassVar[tuple[str, ...]] = ("errors", "hamming", "sign-errors")

    inner: Name = field(default=Spec.of("bnn-qubo", penalty="exact"))

    @property
    def uses(self) -> tuple[tuple[str, Spec], ...]:
        return (("formulation", as_spec(self.inner)),)

    def accepts(self, problem: Problem) -> str | None:
        inner = self._inner()
        if inner.kind != "qubo":
            return f"{inner.name} builds {inner.kind}, not qubo"
        return inner.accepts(problem) or _undercut(inner.build(problem))

    def _inner(self) -> Formulation:
        return Registry.current().formulation(as_spec(self.inner))

    def build(self, problem: Problem) -> Model:
        model = self._inner().build(problem)
        reason = _undercut(model)
        if reason is not None:
            raise ProblemError(f"qubo-milp: {reason}.")
        qubo: Qubo = model.data
        inner_encode = model.encode

        def decode(point: Point) -> Network:
            return model.decode(point[: qubo.n])

        def encode(network: Network) -> Point:
            assert inner_encode is not None
            x = np.asarray(inner_encode(network), dtype=np.float64)
            return np.concatenate([x, x[qubo.rows] * x[qubo.cols]])

        return Model(
            problem,
            self.kind,
            linearised(qubo),
            decode,
            None if inner_encode is None else encode,
            model.exact,
            model.info,
        )


def _undercut(model: Model) -> str | None:
    """Why a QUBO's energy may be below the training loss, so that claims would be false."""
    bound = model.info.get("exact_lambda")
    if bound is None or model.info["lambda"] < bound or model.info.get("rewarded"):
        return (
            "the inner QUBO's energy may be below the training loss: use penalty=exact, the soft"
            " loss and no margin term"
        )
    return None


def linearised(qubo: Qubo) -> MatrixMILP:
    """The program; its columns are the QUBO's variables, then one product per coupling."""
    builder = RowBuilder()
    x = builder.variables("x", (qubo.n,), 0, 1, integer=True, cost=qubo.linear)
    y = builder.variables("product", (len(qubo.values),), 0, 1, cost=qubo.values)
    up, down = qubo.values > 0, qubo.values < 0
    left, right = x[qubo.rows], x[qubo.cols]
    ones = np.array([1.0, -1.0, -1.0])
    both = np.stack([y[up], left[up], right[up]], axis=-1)
    builder.rows((int(up.sum()),), [(both, ones)], -1.0, np.inf)
    for end in (left, right):
        pair = np.stack([y[down], end[down]], axis=-1)
        builder.rows((int(down.sum()),), [(pair, ones[:2])], -np.inf, 0.0)
    return builder.build(qubo.offset)
