"""How many sweeps and reads the time allows, from a timed pilot."""

from __future__ import annotations

from dataclasses import dataclass

from bnnbench_qubo.annealing_kernel import LANES
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.replicas import CHUNK_SECONDS, QUENCH
from bnnbench_qubo.sampling import Pace

BUDGET = 0.97
"""Share of the time that sweeps are fitted to: betas differ in their cost."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one group: ``setup + sweeps * sweep``."""

    setup: float
    sweep: float

    def sweeps_within(self, seconds: float) -> int:
        """Sweeps that fit, at least 1."""
        return max(1, int((seconds - self.setup) / max(self.sweep, 1e-9)))

    def seconds(self, sweeps: int) -> float:
        """Of an anneal of so many sweeps."""
        return self.setup + sweeps * self.sweep


@dataclass(frozen=True, eq=False)
class Pilot:
    """What a few sweeps tell about batches on so many threads.

    Attributes:
        small: timing of groups of 16 reads.
        full: timing of full groups.
        lanes: replicas of a full group.
        threads: groups that ran side by side.
        states: reads of the full groups, shape (reads, n).
        energies: their energies.
    """

    small: Timing
    full: Timing
    lanes: int
    threads: int
    states: States
    energies: Floats

    @property
    def tail(self) -> float:
        """Seconds from the wish to stop to the end of a quenched batch."""
        return QUENCH * self.full.sweep + 2 * max(CHUNK_SECONDS, self.full.sweep) + self.full.setup

    def repeated(self, sweeps: int, seconds: float) -> Anneals:
        """Anneals of so many sweeps, or fewer if not even a small batch fits in the time."""
        sweeps = min(sweeps, self.small.sweeps_within(BUDGET * seconds - self.tail))
        small, full = self.small.seconds(sweeps), self.full.seconds(sweeps)
        each = max(full - small, 0.0) / max(1, self.lanes - LANES) or small / LANES
        # A replica never costs more in a full group than in a small one: a pilot that says so was
        # disturbed, and must not make a small batch seem too long.
        each = min(each, small / LANES)
        fixed = max(0.0, small - LANES * each)
        return Anneals(each / self.threads, fixed, LANES * self.threads, self.tail, sweeps=sweeps)

    def shared(self, restarts: int) -> SharedAnneals:
        """So many anneals that share the time."""
        return SharedAnneals(0.0, tail=self.tail, timing=self.full, left=restarts)


@dataclass(eq=False)
class Anneals(Pace):
    """Batches of reads of the same number of sweeps.

    Attributes:
        sweeps: of the next batch.
    """

    sweeps: int = 1


@dataclass(eq=False)
class SharedAnneals(Anneals):
    """Batches that share the time: each gets the sweeps that its part of what is left allows.

    Attributes:
        timing: of a full group.
        left: batches to come.
    """

    timing: Timing = Timing(0.0, 0.0)
    left: int = 1

    def affordable(self, size: int, seconds: float) -> int:
        free = BUDGET * (seconds - self.stopping()) / self.left - size * self.decoding
        if free <= 0:
            return 0
        self.sweeps = self.timing.sweeps_within(free)
        return size

    def learn(self, reads: int, seconds: float, decoding: float) -> None:
        self.decoding = decoding / max(reads, 1)
        self.left = max(1, self.left - 1)
        sweep = max(0.0, seconds - self.timing.setup) / self.sweeps
        self.timing = Timing(self.timing.setup, sweep)
