"""What all samplers share: batches of reads until a limit, decoded and checked as they come.

A read's auxiliary bits usually contradict its weights (qubo.md sections 0.3 and 5), so only the
weight bits are decoded, and every distinct network is evaluated on the training rows in exact
arithmetic. The best one by *training* objective is the answer, which is not always the read of
least energy; no test row is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Clock, Model, Report
from bnnbench.models import Qubo
from bnnbench.network import Network
from bnnbench.objectives import Score
from bnnbench.solution import Solution, Termination

if TYPE_CHECKING:
    import dimod

States = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Draw = Callable[[int, int, Callable[[], bool]], tuple[States, Floats]]
"""From (reads, seed, interrupt) to states (reads, n) and energies (reads,)."""

FEASIBLE_WITHIN = 1e-6
ENERGY_CHUNK = 1 << 22
REMEMBERED = 200_000
"""Networks whose scores are kept; beyond, memory starts afresh and repeats count as distinct."""


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


@dataclass(eq=False)
class Harvest:
    """Decodes reads, keeps the best network and the figures of a sampling run."""

    model: Model
    report: Report
    reads: int = 0
    best: Score | None = None
    answer: Network | None = None
    seconds: float = 0.0
    _best_reads: int = 0
    _best_energy: float = 0.0
    _lowest: tuple[float, float | None] = (np.inf, None)
    _energy_sum: float = 0.0
    _objective_sum: float = 0.0
    _feasible: int = 0
    _distinct: int = 0
    _scores: dict[bytes, tuple[Score, float | None]] = field(default_factory=dict)
    _completed: dict[bytes, float] = field(default_factory=dict)

    def add(self, states: States, energies: Floats) -> bool:
        """Take reads in; True when the run should stop."""
        start = time.monotonic()
        if len(self._scores) > REMEMBERED:
            self._scores.clear()
        weights = self._weights(states)
        keys = [w.tobytes() for w in weights]
        self._complete(dict(zip(keys, weights, strict=True)))
        stop = self._evaluate(keys, states, energies)
        self._count([self._scores[k] for k in keys], energies)
        self.seconds += time.monotonic() - start
        return stop

    def decoding(self, state: States) -> float:
        """About the seconds that :meth:`add` takes for a read, by decoding one and leaving it."""
        times = []
        for _ in range(3):
            start = time.monotonic()
            self.model.problem.evaluate(self.model.decode(state))
            times.append(time.monotonic() - start)
        return min(times)

    def _weights(self, states: States) -> States:
        role: npt.NDArray[Any] | None = self.model.data.roles.get("weight")
        return np.ascontiguousarray(states if role is None else states[:, role.ravel()])

    def _complete(self, distinct: dict[bytes, States]) -> None:
        """Energies of the completed states, in chunks that bound memory."""
        qubo: Qubo = self.model.data
        self._completed.clear()
        if qubo.complete is None:
            return
        unknown = [w for key, w in distinct.items() if key not in self._scores]
        step = max(1, ENERGY_CHUNK // max(1, len(qubo.values)))
        for at in range(0, len(unknown), step):
            chunk = np.array(unknown[at : at + step])
            for w, energy in zip(chunk, qubo.energy(qubo.complete(chunk)), strict=True):
                self._completed[w.tobytes()] = float(energy)

    def _evaluate(self, keys: list[bytes], states: States, energies: Floats) -> bool:
        """Score the new ones among the reads; True when the run should stop."""
        unknown: dict[bytes, int] = {}
        for k, key in enumerate(keys):
            if key not in self._scores:
                unknown.setdefault(key, k)
        networks = [self.model.decode(states[k]) for k in unknown.values()]
        scores = self.model.problem.evaluate_many(networks)
        self._distinct += len(networks)
        stop = False
        for (key, k), network, score in zip(unknown.items(), networks, scores, strict=True):
            self._scores[key] = score, self._completed.get(key)
            if self.best is None or score < self.best:
                self.best, self.answer, self._best_energy = score, network, float(energies[k])
                self._best_reads = 0
                told = score.value is not None and self.report(
                    network, objective=float(score.value)
                )
                stop = told or stop
        return stop

    def _count(self, found: list[tuple[Score, float | None]], energies: Floats) -> None:
        self.reads += len(energies)
        self._energy_sum += float(energies.sum())
        for (score, completed), energy in zip(found, energies.tolist(), strict=True):
            value = None if score.value is None else float(score.value)
            self._best_reads += score == self.best
            self._objective_sum += np.nan if value is None else value
            self._feasible += completed is not None and abs(energy - completed) < FEASIBLE_WITHIN
            self._lowest = min(self._lowest, (energy, value), key=lambda pair: pair[0])

    @property
    def info(self) -> dict[str, Any]:
        """Figures of the reads so far."""
        if not self.reads:
            return {"reads": 0}
        known = self.model.data.complete is not None
        return {
            "reads": self.reads,
            "distinct": self._distinct,
            "best_reads": self._best_reads,
            "best_energy": self._best_energy,
            "min_energy": self._lowest[0],
            "min_energy_objective": self._lowest[1],
            "mean_energy": self._energy_sum / self.reads,
            "mean_objective": self._objective_sum / self.reads,
            "feasible_rate": self._feasible / self.reads if known else None,
        }


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
    while True:
        size = schedule.size(batch, harvest.reads)
        if size <= 0:
            return Termination.ITERATIONS, sampling
        size = pace.affordable(size, clock.left)
        if size < 1:
            return Termination.TIME, sampling
        reserve = pace.stopping() + size * pace.decoding
        start, decoded = time.monotonic(), harvest.seconds
        states, energies = draw(size, batch_seed(seed, batch), _below(clock, reserve))
        spent = time.monotonic() - start
        sampling += spent
        if harvest.add(states, energies):
            return Termination.TARGET, sampling
        pace.learn(len(energies), spent, harvest.seconds - decoded)
        batch += 1


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
    """The claims of a sampling run."""
    value = None if harvest.best is None else harvest.best.value
    return Solution.found(
        harvest.answer,
        termination,
        objective=None if value is None else float(value),
        **harvest.info,
        convert_seconds=convert,
        sample_seconds=sampling,
        decode_seconds=harvest.seconds,
        **info,
    )
