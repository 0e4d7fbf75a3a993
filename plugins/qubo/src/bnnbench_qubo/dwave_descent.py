"""Steepest descent of D-Wave's samplers from random states: the strongest flip until none helps.

A read costs O(steps n), or O(steps degree log n) on sparse models. It is the sampler below which no
annealer should fall (qubo.md section 4.5: on small instances none of the stock ones is better).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bnnbench.interfaces import Model
from bnnbench.solution import Limits
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.sampled import Group, SampledSolver
from bnnbench_qubo.sampling import from_sampleset, to_bqm


@dataclass(frozen=True)
class DwaveDescent(SampledSolver):
    """Steepest descent on a QUBO from random states, by dwave-samplers.

    Attributes:
        num_reads: reads in all; none for as many as the time allows.
        sparse: the library's variant for sparse models, which finds the strongest flip faster.
    """

    name: ClassVar[str] = "dwave-descent"
    requires: ClassVar[tuple[str, ...]] = ("dimod", "dwave-samplers")
    preload: ClassVar[tuple[str, ...]] = ("dimod", "dwave.samplers")
    group: ClassVar[int] = 16

    sparse: bool = True

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        from dwave.samplers import SteepestDescentSampler

        make: Any = SteepestDescentSampler
        sampler = make()
        bqm = to_bqm(model.data)

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            found = sampler.sample(bqm, num_reads=reads, seed=seed, large_sparse_opt=self.sparse)
            return from_sampleset(found)

        return draw, {}
