"""Batches of reads on threads: groups of replicas, their pace and their figures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np

from bnnbench.models import Qubo
from bnnbench_qubo.annealing_kernel import LANES
from bnnbench_qubo.budget import Pilot, Timing
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.replicas import (
    DenseGroup,
    Group,
    MetropolisGroup,
    SparseGroup,
    padded,
)
from bnnbench_qubo.spin_model import SpinModel

T = TypeVar("T")

PILOT_SWEEPS = 4
PILOT_SECONDS = 0.003
"""A pilot's sweeps are repeated for so long, and the fastest count."""
PILOT_READ = 2**31
"""Number of the first read of a pilot, far from those of the run."""
DENSE_FROM = {"int16": 0.4, "float32": 0.3}
"""Share of coupled pairs from which a full matrix is faster than rows of a type."""
DENSE_SITES = (256, 20_000)
"""Fewest sites that are worth a matrix product, and most whose matrix is kept (1.6 GB)."""

Make = Callable[[SpinModel, int, int, int], Group]
"""From (model, seed, number of the first read, reads) to a group."""


def is_dense(model: SpinModel, method: str) -> bool:
    """Whether ``dense``, ``sparse`` or ``auto`` means a full matrix for a model."""
    if method != "auto":
        return method == "dense"
    fits = DENSE_SITES[0] <= model.qubo.n <= DENSE_SITES[1]
    return fits and model.density >= DENSE_FROM[model.dtype.__name__]


@dataclass(eq=False)
class Machine:
    """Draws reads of one model, numbered from 0.

    Attributes:
        model: what is sampled.
        make: makes the groups.
        seed: parent of the reads' seeds.
        threads: groups that run side by side.
    """

    model: SpinModel
    make: Make
    seed: int
    threads: int
    _reads: int = 0
    _visits: int = 0
    _accepted: int = 0
    _updates: int = 0
    _quenched: int = 0
    _drift: float | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _pool: ThreadPoolExecutor | None = None

    @classmethod
    def metropolis(cls, qubo: Qubo, method: str, seed: int, threads: int) -> Self:
        """A machine of Metropolis sweeps: ``sparse``, ``dense`` or ``auto``."""
        model = SpinModel.of(qubo)
        dense = is_dense(model, method)
        _ = model.matrix if dense else model.rows
        return cls(model, DenseGroup if dense else SparseGroup, seed, threads)

    def __enter__(self) -> Self:
        if self.threads > 1:
            from threadpoolctl import threadpool_limits

            # Groups are the unit of parallel work; threads inside a product would compete.
            self._stack.enter_context(threadpool_limits(1, user_api="blas"))
            self._pool = self._stack.enter_context(ThreadPoolExecutor(self.threads))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def draw(
        self, reads: int, path: Floats, interrupt: Callable[[], bool]
    ) -> tuple[States, Floats]:
        """The next reads: states (reads, n) and energies (reads,)."""
        share = padded(-(-reads // self.threads))

        def anneal(at: int) -> tuple[Group, States, Floats]:
            group = self.make(self.model, self.seed, self._reads + at, min(share, reads - at))
            group.anneal(path, interrupt)
            return group, group.states(), group.energies()

        done = self._map(anneal, range(0, reads, share))
        for group, _, energies in done:
            self._count(group, energies)
        self._reads += reads
        return np.concatenate([d[1] for d in done]), np.concatenate([d[2] for d in done])

    def _map(self, work: Callable[[int], T], items: Iterable[int]) -> list[T]:
        return list(self._pool.map(work, items) if self._pool else map(work, items))

    def _count(self, group: Group, energies: Floats) -> None:
        visits = group.sweeps * self.model.qubo.n
        self._updates += visits * group.reads
        self._quenched += group.reads * group.quenched
        if isinstance(group, MetropolisGroup):
            self._visits += visits * group.spins.shape[1]
            self._accepted += group.accepted
        if isinstance(group, SparseGroup):
            drift = np.abs(group.tracked_energies() - energies).max(initial=0.0)
            self._drift = max(self._drift or 0.0, float(drift))

    def pilot(self, path: Floats, replicas: int) -> Pilot:
        """Time a few sweeps of small and of full groups, along the whole path."""
        small, _, _ = self._time(path, min(LANES, replicas))
        full, states, energies = self._time(path, replicas)
        return Pilot(small, full, padded(replicas), self.threads, states, energies)

    def _time(self, path: Floats, reads: int) -> tuple[Timing, States, Floats]:
        """Timing of a group of so many reads on every thread, and what they drew."""

        def group(k: int) -> tuple[Timing, States, Floats]:
            begun = time.monotonic()
            group = self.make(self.model, self.seed, PILOT_READ + k * reads, reads)
            group.run(path[:1])
            sweep, sweeping = math.inf, 0.0
            while sweeping < PILOT_SECONDS:
                swept = time.monotonic()
                group.run(path)
                spent = time.monotonic() - swept
                sweep, sweeping = min(sweep, spent / len(path)), sweeping + spent
            states, energies = group.states(), group.energies()
            setup = time.monotonic() - begun - sweeping - sweep
            return Timing(max(0.0, setup), sweep), states, energies

        done = self._map(group, range(self.threads))
        slowest = Timing(max(d[0].setup for d in done), max(d[0].sweep for d in done))
        return slowest, np.concatenate([d[1] for d in done]), np.concatenate([d[2] for d in done])

    def info(self, seconds: float) -> dict[str, Any]:
        """Figures of the reads so far, which took so many seconds."""
        return {
            "updates": self._updates,
            "updates_per_second": self._updates / seconds if seconds else None,
            "acceptance_rate": self._accepted / self._visits if self._visits else None,
            "quenched_reads": self._quenched,
            "energy_drift": self._drift,
        }
