"""What all samplers share: batches of reads until a limit, decoded and checked as they come.

The best network by *training* objective is the answer, which is not always the read of least
energy; no test row is looked at.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnbench.interfaces import Clock, Model
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_qubo.harvest import Floats, Harvest, States

if TYPE_CHECKING:
    import dimod

Draw = Callable[[int, int, Callable[[], bool]], tuple[States, Floats]]
"""From (reads, seed, interrupt) to states (reads, n) and energies (reads,)."""

SLICE = 64
"""Reads that are decoded between two looks at the clock."""
RESERVE = 0.02
"""Share of the time that is kept free for what the estimates miss."""


def to_bqm(qubo: Qubo) -> dimod.BinaryQuadraticModel:
    """The QUBO as dimod's model, variables labelled 0..n-1; O(n + couplings)."""
    import dimod

    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        qubo.linear, (qubo.rows, qubo.cols, qubo.values), qubo.offset, dimod.BINARY
    )


def from_sampleset(samples: Any) -> tuple[States, Floats]:
    """States in the order of the QUBO's variables, repeated by occurrence, and their energies."""
    order = np.argsort(np.fromiter(samples.variables, dtype=np.int64))
    times = samples.record.num_occurrences
    states = np.repeat(samples.record.sample[:, order], times, axis=0)
    return states.astype(np.int8), np.repeat(samples.record.energy.astype(np.float64), times)


def batch_seed(seed: int, batch: int) -> int:
    """An independent 31-bit seed per batch."""
    sequence = np.random.SeedSequence(seed, spawn_key=(batch,))
    return int(sequence.generate_state(1)[0]) >> 1


@dataclass(frozen=True)
class Schedule:
    """How many reads to draw: ``first``, twice as many, .. up to ``batch``; ``reads`` in all."""

    batch: int
    reads: int | None
    first: int = 1

    def size(self, number: int, done: int) -> int:
        """Reads of batch ``number`` after ``done`` reads; none for the end."""
        size = min(self.batch, self.first << min(number, 30))
        return size if self.reads is None else min(size, self.reads - done)


@dataclass(eq=False)
class Pace:
    """What a call of a sampler takes: about ``fixed + per_read * reads`` seconds.

    Attributes:
        per_read: seconds.
        fixed: seconds.
        multiple: a call takes as long as with the next multiple of so many reads.
        tail: seconds that the sampler takes to stop when told so, kept free at the end; none for
            one that stops only between reads.
        decoding: seconds of decoding a read.
    """

    per_read: float
    fixed: float = 0.0
    multiple: int = 1
    tail: float | None = None
    decoding: float = 0.0

    def affordable(self, size: int, seconds: float) -> int:
        """How many of ``size`` reads fit in so many seconds, their decoding included."""
        each = max(self.per_read + self.decoding, 1e-9)
        reads = min(max(seconds - self.fixed - (self.tail or 0.0), 0.0) / each, 1e9)
        whole = int(reads / self.multiple) * self.multiple
        return min(size, whole)

    def stopping(self) -> float:
        """Seconds from telling the sampler to stop until it does."""
        return self.per_read if self.tail is None else self.tail

    def learn(self, reads: int, seconds: float, decoding: float) -> None:
        """Rescale to the last call, which took so many seconds and others to be decoded."""
        self.decoding = decoding / max(reads, 1)
        reads = -(-max(reads, 1) // self.multiple) * self.multiple
        expected = self.fixed + self.per_read * reads
        if expected > 0:
            self.fixed *= seconds / expected
        self.per_read = (seconds - self.fixed) / reads


def collect(
    harvest: Harvest, clock: Clock, schedule: Schedule, draw: Draw, seed: int, pace: Pace
) -> tuple[Termination, float]:
    """Draw and decode batches until reads, time or target end it.

    Args:
        harvest: takes the reads.
        clock: of the run.
        schedule: batch sizes.
        draw: the sampler.
        seed: source of the batches' seeds.
        pace: first estimate of the time that a call takes; learns from every call.

    Returns:
        Why it stopped, and the seconds spent in ``draw``.
    """
    sampling, batch = 0.0, 0
    reserve = RESERVE * clock.left if math.isfinite(clock.left) else 0.0
    while True:
        size = schedule.size(batch, harvest.reads)
        if size <= 0:
            return Termination.ITERATIONS, sampling
        size = pace.affordable(size, clock.left - reserve)
        if size < 1:
            return Termination.TIME, sampling
        tail = reserve + pace.stopping() + size * pace.decoding
        start, decoded = time.monotonic(), harvest.seconds
        states, energies = draw(size, batch_seed(seed, batch), _below(clock, tail))
        spent = time.monotonic() - start
        sampling += spent
        if _decode(harvest, clock, states, energies):
            return Termination.TARGET, sampling
        pace.learn(len(energies), spent, harvest.seconds - decoded)
        batch += 1


def _decode(harvest: Harvest, clock: Clock, states: States, energies: Floats) -> bool:
    """Take reads in while there is time, some in any case; True when the run should stop."""
    stop = False
    for at in range(0, len(energies), SLICE):
        if at and clock.over:
            harvest.undecoded += len(energies) - at
            break
        stop = harvest.add(states[at : at + SLICE], energies[at : at + SLICE]) or stop
    return stop


def _below(clock: Clock, seconds: float) -> Callable[[], bool]:
    """Whether less than so many seconds are left, to be asked later."""
    return lambda: clock.left < seconds


def beta_range(model: Model, hot: float, cold: float) -> tuple[float, float] | None:
    """First and last beta for a model that names its lambda: hot / lambda and cold / lambda."""
    weight = model.info.get("lambda")
    return (hot / weight, cold / weight) if weight else None


def finish(
    harvest: Harvest, termination: Termination, sampling: float, convert: float, **info: Any
) -> Solution:
    """The claims of a sampling run, with the seconds of its parts."""
    value = None if harvest.best is None else harvest.best.value
    return Solution.found(
        harvest.answer,
        termination,
        objective=None if value is None else float(value),
        **harvest.info(sampling),
        convert_seconds=convert,
        sample_seconds=sampling,
        decode_seconds=harvest.seconds,
        **info,
    )


def overrun(clock: Clock, limits: Limits) -> float:
    """Seconds that a run took beyond its limit."""
    return max(0.0, clock.elapsed - limits.time)
