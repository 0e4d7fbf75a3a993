"""Batches of reads on threads: groups of replicas, their pace and their figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from bnnbench.models import Qubo
from bnnbench_qubo.annealing_kernel import LANES
from bnnbench_qubo.replicas import (
    CHUNK_SECONDS,
    QUENCH,
    DenseGroup,
    Group,
    SparseGroup,
    padded,
)
from bnnbench_qubo.sampling import Floats, Pace, States
from bnnbench_qubo.spin_model import SpinModel

PILOT_SWEEPS = 4
PILOT_READ = 2**31
"""Number of the first read of a pilot, far from those of the run."""
DENSE_FROM = 0.3
"""Share of coupled pairs from which a full matrix is faster."""
DENSE_SITES = (256, 20_000)
"""Fewest sites that are worth a matrix product, and most whose matrix is kept (1.6 GB)."""
SCALED_BETAS = (0.2, 10.0)
"""First and last beta over the root mean square energy change of a flip."""


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
    """Timings of a group of 16 reads and of a full one, and the reads of the latter."""

    small: Timing
    full: Timing
    lanes: int
    states: States
    energies: Floats

    def pace(self, sweeps: int, threads: int) -> Pace:
        """Seconds of a batch that is spread over the threads."""
        small, full = self.small.seconds(sweeps), self.full.seconds(sweeps)
        each = max(full - small, 0.0) / max(1, self.lanes - LANES) or small / LANES
        fixed = max(0.0, small - LANES * each)
        tail = QUENCH * self.full.sweep + 2 * max(CHUNK_SECONDS, self.full.sweep)
        return Pace(each / threads, fixed, LANES * threads, tail + self.full.setup)


@dataclass(eq=False)
class Machine:
    """Draws reads of one model, numbered from 0.

    Attributes:
        model: what is sampled.
        kind: sparse or dense groups.
        seed: parent of the reads' seeds.
        threads: groups that run side by side.
    """

    model: SpinModel
    kind: type[SparseGroup] | type[DenseGroup]
    seed: int
    threads: int
    _reads: int = 0
    _visits: int = 0
    _accepted: int = 0
    _updates: int = 0
    _quenched: int = 0
    _drift: float = 0.0
    _stack: ExitStack = field(default_factory=ExitStack)
    _pool: ThreadPoolExecutor | None = None

    @classmethod
    def of(cls, qubo: Qubo, method: str, seed: int, threads: int) -> Self:
        """Convert a QUBO for a method: ``sparse``, ``dense`` or ``auto``."""
        model = SpinModel.of(qubo)
        if method == "auto":
            fits = DENSE_SITES[0] <= qubo.n <= DENSE_SITES[1]
            method = "dense" if fits and model.density >= DENSE_FROM else "sparse"
        dense = method == "dense"
        _ = model.matrix if dense else model.rows
        return cls(model, DenseGroup if dense else SparseGroup, seed, threads)

    def __enter__(self) -> Self:
        if self.threads > 1:
            from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

            # Groups are the unit of parallel work; threads inside a product would compete.
            self._stack.enter_context(threadpool_limits(1, user_api="blas"))
            self._pool = self._stack.enter_context(ThreadPoolExecutor(self.threads))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def beta_range(self) -> tuple[float, float]:
        """First and last beta by the size of the energy changes."""
        hot, cold = SCALED_BETAS
        return hot / self.model.scale, cold / self.model.scale

    def draw(
        self, reads: int, betas: Floats, interrupt: Callable[[], bool]
    ) -> tuple[States, Floats]:
        """The next reads: states (reads, n) and energies (reads,)."""
        share = padded(-(-reads // self.threads))
        starts = range(0, reads, share)

        def anneal(at: int) -> tuple[Group, States, Floats]:
            size = min(share, reads - at)
            group = self.kind(self.model, self.seed, self._reads + at, size)
            group.anneal(betas, interrupt)
            return group, group.states(), group.energies()

        done = list((self._pool.map if self._pool else map)(anneal, starts))
        for group, _, energies in done:
            self._count(group, energies)
        self._reads += reads
        return np.concatenate([d[1] for d in done]), np.concatenate([d[2] for d in done])

    def _count(self, group: Group, energies: Floats) -> None:
        visits = group.sweeps * self.model.qubo.n
        self._visits += visits * group.spins.shape[1]
        self._updates += visits * group.reads
        self._accepted += group.accepted
        self._quenched += group.reads * group.quenched
        if isinstance(group, SparseGroup):
            drift = np.abs(group.tracked_energies() - energies).max(initial=0.0)
            self._drift = max(self._drift, float(drift))

    def pilot(self, betas: Floats, replicas: int) -> Pilot:
        """Time a few sweeps of a small and of a full group, at betas of the whole range."""
        small, _, _ = self._time(betas, min(LANES, replicas))
        full, states, energies = self._time(betas, replicas)
        return Pilot(small, full, padded(replicas), states, energies)

    def _time(self, betas: Floats, reads: int) -> tuple[Timing, States, Floats]:
        begun = time.monotonic()
        group = self.kind(self.model, self.seed, PILOT_READ, reads)
        group.run(betas[:1])
        swept = time.monotonic()
        group.run(betas)
        ended = time.monotonic()
        states, energies = group.states(), group.energies()
        sweep = (ended - swept) / len(betas)
        setup = time.monotonic() - begun - (ended - swept) - sweep
        return Timing(max(0.0, setup), sweep), states, energies

    def info(self, seconds: float) -> dict[str, Any]:
        """Figures of the reads so far, which took so many seconds."""
        sparse = self.kind is SparseGroup
        return {
            "method": "sparse" if sparse else "dense",
            "numbers": str(self.model.rows[2].dtype) if sparse else "float32",
            "updates": self._updates,
            "updates_per_second": self._updates / seconds if seconds else None,
            "acceptance_rate": self._accepted / self._visits if self._visits else None,
            "quenched_reads": self._quenched,
            "energy_drift": self._drift if sparse else None,
        }
