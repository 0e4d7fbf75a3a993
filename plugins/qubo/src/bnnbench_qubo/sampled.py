r"""Base of the solvers that wrap a library's sampler: groups of reads with seeds of their own.

A call of the library draws one *group* of a fixed number of reads from the seed of that group, a
child of the run's seed, so that reads number 0, 1, .. of a seed are the same whatever the threads
and the time limit only cuts their sequence. Groups run side by side on the threads (the libraries
release Python's lock) and the clock is looked at between calls, whose time is measured: none begins
that would not end in time by what the last ones took.

Under a time limit a pilot read of few sweeps comes first. Where not even one read of ``num_sweeps``
fits, reads have fewer sweeps; where none fits at all, the pilot is the answer.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_qubo.harvest import Floats, Harvest, States
from bnnbench_qubo.sampling import Pace, Schedule, batch_seed, collect, finish, overrun

Group = Callable[[int, int, int], tuple[States, Floats]]
"""From (reads, seed, sweeps) to states (reads, n) and energies (reads,)."""

PILOT = 2**31
"""Number of the pilot's first group, far from those of the run."""
PILOT_SWEEPS = 10
PILOT_SECONDS = 0.02
BUDGET = 0.9
"""Share of the time that a single read is fitted to."""


@dataclass(frozen=True)
class SampledSolver(Solver):
    """A sampler that is called for groups of reads.

    Attributes:
        num_reads: reads in all; none for as many as the time allows.
    """

    kind: ClassVar[str] = "qubo"
    group: ClassVar[int] = 1
    """Reads per call: more than one where calls cost more than reads."""
    parallel: ClassVar[bool] = True
    """Whether calls may run side by side."""

    num_reads: int | None = None

    def __post_init__(self) -> None:
        if self.num_reads is not None and self.num_reads < 1:
            raise ProblemError(f"{self.name}: num_reads must be at least 1.")

    def accepts(self, model: Model) -> str | None:
        return None if isinstance(model.data, Qubo) else "the model's data are no Qubo"

    @abstractmethod
    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        """Convert the model; how a group is drawn, and figures for the record."""

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        draw, info = self.prepare(model, limits)
        convert = clock.elapsed
        threads = max(1, limits.threads) if self.parallel else 1
        harvest, batch = Harvest(model, report), threads * self.group
        schedule = Schedule(batch, self.num_reads, first=batch)
        pace, sweeps, pilot = Pace(0.0), self.sweeps, None
        with ThreadPoolExecutor(threads) as pool:
            run = pool.map if threads > 1 else map
            if math.isfinite(limits.time):
                sweep, pilot = self._pilot(Groups(draw, seed, 1, 0, run, PILOT), threads)
                if self.sweeps:
                    sweeps = max(1, min(sweeps, int(BUDGET * clock.left / sweep)))
                pace = Pace(max(1, sweeps) * sweep / threads)
            groups = Groups(draw, seed, self.group, sweeps, run)
            termination, sampling = collect(harvest, clock, schedule, groups.draw, seed, pace)
        if harvest.reads == 0 and pilot is not None and harvest.add(*pilot):
            termination = Termination.TARGET
        if sweeps:
            info["sweeps"] = sweeps
        late = overrun(clock, limits)
        return finish(harvest, termination, sampling, convert, overrun_seconds=late, **info)

    @property
    def sweeps(self) -> int:
        """Sweeps per read; 0 for a sampler without."""
        return int(getattr(self, "num_sweeps", 0))

    def _pilot(self, groups: Groups, threads: int) -> tuple[float, tuple[States, Floats]]:
        """Seconds of a sweep of reads on all threads, or of reads without sweeps; and such reads.

        Sweeps are multiplied until they take long enough, so that the set-up hardly counts.
        """
        groups.sweeps = min(PILOT_SWEEPS, self.sweeps)
        while True:
            start = time.monotonic()
            found = groups.draw(threads, 0, lambda: False)
            spent = max(time.monotonic() - start, 1e-6)
            if spent >= PILOT_SECONDS or groups.sweeps >= self.sweeps:
                return spent / max(1, groups.sweeps), found
            groups.sweeps = min(4 * groups.sweeps, self.sweeps)


@dataclass(eq=False)
class Groups:
    """Numbered groups of reads.

    Attributes:
        group: draws one.
        seed: parent of the groups' seeds.
        size: reads of a whole group.
        sweeps: per read.
        run: ``map``, or that of a pool of threads.
        number: of the next group.
    """

    group: Group
    seed: int
    size: int
    sweeps: int
    run: Callable[..., Iterable[tuple[States, Floats]]]
    number: int = 0

    def draw(self, reads: int, _: int, interrupt: Callable[[], bool]) -> tuple[States, Floats]:
        """The next reads; fewer when it is time to stop."""
        sizes = [min(self.size, reads - at) for at in range(0, reads, self.size)]
        numbers = range(self.number, self.number + len(sizes))
        self.number += len(sizes)
        seeds = [batch_seed(self.seed, number) for number in numbers]
        done = list(self.run(self.group, sizes, seeds, [self.sweeps] * len(sizes)))
        return np.concatenate([d[0] for d in done]), np.concatenate([d[1] for d in done])
