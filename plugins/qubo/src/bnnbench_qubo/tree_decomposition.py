"""Exact minimum by tree decomposition: O(n 2^treewidth), of D-Wave's samplers.

The counters of a training QUBO are cliques over their fan-in and weights join all samples, so the
treewidth is about the number of weights: exact for small networks whatever the number of
auxiliaries, where enumeration counts them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Solution
from bnnbench_qubo.exact_answer import exact_answer
from bnnbench_qubo.harvest import Harvest
from bnnbench_qubo.sampling import from_sampleset, to_bqm


@dataclass(frozen=True)
class TreeDecomposition(Solver):
    """Exact minimum of a QUBO of small treewidth, by dwave-samplers.

    Its energy is a bound on the problem, and the answer optimal, if the model is exact. The time
    limit is not looked at: the treewidth decides beforehand, and the memory, 2^treewidth numbers.

    Attributes:
        max_treewidth: models of larger (estimated) treewidth are refused.
        max_variables: larger models are refused before the treewidth is estimated.
    """

    name: ClassVar[str] = "tree-decomposition"
    kind: ClassVar[str] = "qubo"
    requires: ClassVar[tuple[str, ...]] = ("dimod", "dwave-samplers")
    preload: ClassVar[tuple[str, ...]] = ("dimod", "dwave.samplers")

    max_treewidth: int = 22
    max_variables: int = 2000

    def accepts(self, model: Model) -> str | None:
        if not isinstance(model.data, Qubo):
            return "the model's data are no Qubo"
        if model.data.n > self.max_variables:
            return f"{model.data.n} variables, over {self.max_variables}"
        width = treewidth_bound(model.data)
        if width > self.max_treewidth:
            return f"treewidth up to {width}, over {self.max_treewidth}"
        return None

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        from dwave.samplers import TreeDecompositionSolver

        clock = Clock(limits)
        make: Any = TreeDecompositionSolver
        solver = make()
        order, width = elimination(model.data)
        found = solver.sample(to_bqm(model.data), num_reads=1, elimination_order=order)
        states, energies = from_sampleset(found)
        sampling = clock.elapsed
        harvest = Harvest(model, report)
        stop = harvest.add(states, energies)
        least = float(energies.min())
        return exact_answer(model, harvest, stop, least, treewidth=width, sample_seconds=sampling)


def treewidth_bound(qubo: Qubo) -> int:
    """Width of :func:`elimination`, an upper bound on the treewidth."""
    return elimination(qubo)[1]


def elimination(qubo: Qubo) -> tuple[list[int], int]:
    """Variables by least degree among those left, and the largest degree on the way."""
    neighbours: list[set[int]] = [set() for _ in range(qubo.n)]
    for i, j in np.stack([qubo.rows, qubo.cols], axis=1).tolist():
        neighbours[i].add(j)
        neighbours[j].add(i)
    left, order, width = set(range(qubo.n)), [], 0
    while left:
        v = min(left, key=lambda u: (len(neighbours[u]), u))
        around = neighbours[v]
        width = max(width, len(around))
        for u in around:
            neighbours[u] |= around
            neighbours[u] -= {u, v}
        left.remove(v)
        order.append(v)
    return order, width
