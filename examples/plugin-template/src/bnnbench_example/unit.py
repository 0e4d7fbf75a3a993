"""One unit as a mixed-integer program: fewest training errors, by big-M rows.

With features x_k / s, integer weights w and bias b, s z_k = x_k . w + s b is an integer, and row k
is right when s z_k >= 0 (label 1) or s z_k <= -1 (label 0). With e_k = 1 for an error,

    s z_k >= -M_k e_k   (label 1),      s z_k <= -1 + (M_k + 1) e_k   (label 0),

where M_k = P |x_k|_1 + s max |b|, and the sum of the e_k is minimised. N rows, d + 1 + N variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnbench.domain import Grid, Integer
from bnnbench.interfaces import Formulation, Model
from bnnbench.models import RowBuilder
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench.solution import Point


@dataclass(frozen=True)
class Unit(Formulation):
    """Fewest errors of a network without hidden layers, by big-M rows."""

    name: ClassVar[str] = "example-unit"
    kind: ClassVar[str] = "milp"
    objectives: ClassVar[tuple[str, ...]] = ("errors",)

    def accepts(self, problem: Problem) -> str | None:
        arch, domain = problem.architecture, problem.domain
        if problem.objective.name != "errors":
            return f"counts errors, not {problem.objective.name}"
        if arch.depth > 1 or arch.outputs > 1 or not arch.dense:
            return f"needs a single fully connected unit, not {arch.text}"
        if not isinstance(domain, Integer) or domain.bias == "free":
            return f"needs integer weights and no free bias, not {domain.spec}"
        return None

    def build(self, problem: Problem) -> Model:
        X, y = problem.dataset.part("train")
        X, scale = X.astype(np.int64), problem.dataset.scale
        grid = problem.domain.grids()[0]
        biases = problem.domain.bias_grid(grid) or Grid(0, 0)
        reach = np.abs(X).sum(axis=1) * int(grid.largest) + scale * int(biases.largest)
        rows = RowBuilder()
        w = rows.variables("w", (X.shape[1],), grid.lo, grid.hi, integer=True)
        b = rows.variables("b", (1,), biases.lo, biases.hi, integer=True)
        e = rows.variables("e", (len(X),), 0, 1, integer=True, cost=1.0)
        positive = y == 1
        relief = np.where(positive, reach, -(reach + 1))
        rows.rows(
            (len(X),),
            [(w[None, :], X), (b[None, :], scale), (e[:, None], relief[:, None])],
            np.where(positive, 0, -np.inf),
            np.where(positive, np.inf, -1),
        )
        program = rows.build()

        def decode(point: Point) -> Network:
            layer = Layer(_whole(point[w])[:, None], _whole(point[b]))
            return Network(problem.architecture, (layer,))

        def encode(network: Network) -> Point:
            (layer,) = network.layers
            wrong = (network.forward(X, scale).output[:, 0] >= 0) != positive
            return np.concatenate([layer.weights[:, 0], layer.bias, wrong]).astype(np.float64)

        info = {"rows": program.n_rows, "variables": program.n_cols}
        return Model(problem, self.kind, program, decode, encode, exact=True, info=info)


def _whole(values: Point) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Integer variables as integers: a solver leaves them off by its tolerance."""
    return np.rint(np.asarray(values, dtype=np.float64)).astype(np.int64)
