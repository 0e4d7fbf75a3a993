"""Simulated annealing of D-Wave's samplers: Metropolis single-flip sweeps, 1/T rising per sweep.

A read costs O(sweeps (n + accepted flips x degree)). Defaults of the library take the last beta
from the smallest coefficient, which a fractional lambda makes tiny and the end far too cold
(qubo.md section 5, pitfall 2); so beta runs from hot / lambda to cold / lambda where the model
names its lambda.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_qubo.harvest import Floats, Harvest, States
from bnnbench_qubo.sampling import (
    Pace,
    Schedule,
    batch_seed,
    beta_range,
    collect,
    finish,
    from_sampleset,
    overrun,
    to_bqm,
)

PILOT_SWEEPS = 20
"""Sweeps of the pilot read that estimates a read's time."""
PILOT_BATCH = 2**32 - 1


@dataclass(frozen=True)
class DwaveSA(Solver):
    """Simulated annealing on a QUBO, by dwave-samplers (single-threaded).

    Every distinct network that a read decodes to is evaluated exactly; the best by training
    objective is the answer. For a seed, the reads are the same however long the run: a time limit
    only cuts their sequence. Without ``num_reads`` it samples until the time limit; if not even one
    read seems to fit, a pilot read of 20 sweeps is the answer.

    Attributes:
        num_sweeps: Metropolis sweeps per read.
        num_reads: reads in all; none for as many as the time allows.
        reads_per_batch: reads between two decodings, reached by doubling from 1.
        hot, cold: first and last beta, in units of 1 / lambda; the library's own range where the
            model has no lambda.
        schedule: ``geometric`` or ``linear`` in beta.
        criterion: acceptance, ``Metropolis`` or ``Gibbs``.
    """

    name: ClassVar[str] = "dwave-sa"
    kind: ClassVar[str] = "qubo"
    requires: ClassVar[tuple[str, ...]] = ("dimod", "dwave-samplers")
    preload: ClassVar[tuple[str, ...]] = ("dimod", "dwave.samplers")

    num_sweeps: int = 1000
    num_reads: int | None = None
    reads_per_batch: int = 64
    hot: float = 0.02
    cold: float = 6.0
    schedule: Literal["geometric", "linear"] = "geometric"
    criterion: Literal["Metropolis", "Gibbs"] = "Metropolis"

    def __post_init__(self) -> None:
        if min(self.num_sweeps, self.reads_per_batch) < 1 or (self.num_reads or 1) < 1:
            raise ProblemError("dwave-sa: sweeps, reads and reads_per_batch must be at least 1.")
        if not 0 < self.hot <= self.cold:
            raise ProblemError("dwave-sa: needs 0 < hot <= cold.")

    def accepts(self, model: Model) -> str | None:
        return None if isinstance(model.data, Qubo) else "the model's data are no Qubo"

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        from dwave.samplers import SimulatedAnnealingSampler

        sampler: Any = SimulatedAnnealingSampler
        start = time.monotonic()
        bqm = to_bqm(model.data)
        convert = time.monotonic() - start
        betas = beta_range(model, self.hot, self.cold)

        def sample(reads: int, seed: int, **options: Any) -> Any:
            return sampler().sample(
                bqm,
                beta_range=betas,
                num_reads=reads,
                beta_schedule_type=self.schedule,
                proposal_acceptance_criteria=self.criterion,
                seed=seed,
                **options,
            )

        def draw(reads: int, seed: int, interrupt: Callable[[], bool]) -> tuple[States, Floats]:
            samples = sample(reads, seed, num_sweeps=self.num_sweeps, interrupt_function=interrupt)
            return from_sampleset(samples)

        sweeps = min(self.num_sweeps, PILOT_SWEEPS)
        pilot = sample(1, batch_seed(seed, PILOT_BATCH), num_sweeps=sweeps)
        read_seconds = 1e-9 * pilot.info["timing"]["sampling_ns"] * self.num_sweeps / sweeps
        harvest = Harvest(model, report)
        schedule = Schedule(self.reads_per_batch, self.num_reads)
        termination, sampling = collect(harvest, clock, schedule, draw, seed, Pace(read_seconds))
        pilot_only = harvest.reads == 0
        if pilot_only and harvest.add(*from_sampleset(pilot)):
            termination = Termination.TARGET
        info: dict[str, Any] = {"overrun_seconds": overrun(clock, limits)}
        info |= {"beta_hot": betas[0], "beta_cold": betas[1]} if betas else {}
        return finish(harvest, termination, sampling, convert, pilot_only=pilot_only, **info)
