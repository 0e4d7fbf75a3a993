"""Tabu search of D-Wave's samplers: best admissible single flip, restarts from random states.

A read costs what its time or its restarts allow; a step looks at all n flips and updates the
neighbours of one. The library's limit of 20 ms a read is a wall time, so only ``num_restarts``
without it reproduces (qubo.md section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Model
from bnnbench.solution import Limits
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.sampled import Group, SampledSolver
from bnnbench_qubo.sampling import from_sampleset, to_bqm

FOREVER_MS = 10**8


@dataclass(frozen=True)
class DwaveTabu(SampledSolver):
    """Tabu search on a QUBO, by dwave-samplers.

    Attributes:
        num_reads: reads in all; none for as many as the time allows.
        num_restarts: restarts per read, which reproduces; none to let ``read_seconds`` end it.
        read_seconds: wall time of a read, cut to the time limit.
        tenure: steps for which a flip is tabu; none for the library's min(20, n / 4).
    """

    name: ClassVar[str] = "dwave-tabu"
    requires: ClassVar[tuple[str, ...]] = ("dimod", "dwave-samplers")
    preload: ClassVar[tuple[str, ...]] = ("dimod", "dwave.samplers")

    num_restarts: int | None = None
    read_seconds: float = 0.02
    tenure: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.num_restarts is not None and self.num_restarts < 1) or self.read_seconds <= 0:
            raise ProblemError("dwave-tabu: needs num_restarts >= 1 and read_seconds > 0.")

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        from dwave.samplers import TabuSampler

        make: Any = TabuSampler
        sampler = make()
        bqm = to_bqm(model.data)
        longest = self.read_seconds if self.num_restarts is None else FOREVER_MS / 1000
        # A read that alone would pass the limit is cut; the rest is for the loop around it.
        milliseconds = int(1000 * min(longest, 0.9 * limits.time))
        options: dict[str, Any] = {"timeout": max(1, milliseconds)}
        if self.num_restarts is not None:
            options["num_restarts"] = self.num_restarts
        if self.tenure is not None:
            options["tenure"] = self.tenure

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            start = np.random.default_rng(seed).integers(0, 2, (reads, model.data.n))
            states = (start.astype(np.int8), list(range(model.data.n)))
            found = sampler.sample(
                bqm, initial_states=states, num_reads=reads, seed=seed, **options
            )
            return from_sampleset(found)

        return draw, {}
