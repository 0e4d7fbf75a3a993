"""Simulated annealing of many replicas at once, compiled (qubo.md sections 0.9, 4 and 6).

A batch anneals ``replicas`` reads per thread side by side; each is an exact sequential Metropolis
chain with a generator of its own, a child of the seed (:mod:`bnnbench_qubo.annealing_kernel`). Its
cost is O(sweeps n) visits per read plus O(degree) per accepted flip on compressed rows, or O(n) per
visit at the speed of a matrix product on a full matrix (:mod:`bnnbench_qubo.replicas`).

A pilot of a few sweeps at 16 and at ``replicas`` reads gives the time of an anneal as an affine
function of the reads, from which the last batch before the limit gets its size
(:mod:`bnnbench_qubo.budget`). A batch that would overrun all the same is quenched: a few sweeps at
the last beta, and its reads count as quenched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Solution
from bnnbench_qubo.harvest import Floats
from bnnbench_qubo.ising_size import Size
from bnnbench_qubo.sampling import beta_range

SCALED_BETAS = (0.2, 10.0)
"""First and last beta over the root mean square energy change of a flip, without lambda."""


@dataclass(frozen=True)
class IsingSA(Solver):
    """Simulated annealing on a QUBO, by our own multi-replica Ising machine.

    Every distinct network that a read decodes to is evaluated exactly; the best by training
    objective is the answer. Read number k of a seed is the same whatever the threads, replicas or
    batches, and a time limit only cuts the sequence (its last batch may be quenched). Only on a
    full matrix of couplings without a common unit may rounding make reads differ between them.

    Attributes:
        num_sweeps: Metropolis sweeps per read; fewer if not even 16 reads fit in the time limit.
        num_reads: reads in all; none for as many as the time allows.
        replicas: reads that a thread anneals side by side.
        restarts: batches in all, which share the time limit: their sweeps follow from the time that
            is left, or are ``num_sweeps`` without a limit. None for batches of ``num_sweeps``.
        hot, cold: first and last beta, in units of 1 / lambda; where the model has no lambda,
            0.2 and 10 over the root mean square energy change of a flip.
        schedule: ``geometric`` or ``linear`` in beta.
        method: ``sparse`` (compressed rows), ``dense`` (matrix products) or ``auto`` by density.
    """

    name: ClassVar[str] = "ising-sa"
    kind: ClassVar[str] = "qubo"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_qubo.warm",)

    num_sweeps: int = 1000
    num_reads: int | None = None
    replicas: int = 64
    restarts: int | None = None
    hot: float = 0.02
    cold: float = 6.0
    schedule: Literal["geometric", "linear"] = "geometric"
    method: Literal["auto", "sparse", "dense"] = "auto"

    def __post_init__(self) -> None:
        self._size.check(self.name)
        if not 0 < self.hot <= self.cold:
            raise ProblemError("ising-sa: needs 0 < hot <= cold.")
        if self.schedule not in ("geometric", "linear"):
            raise ProblemError(f"ising-sa: unknown schedule {self.schedule!r}.")
        if self.method not in ("auto", "sparse", "dense"):
            raise ProblemError(f"ising-sa: unknown method {self.method!r}.")

    def accepts(self, model: Model) -> str | None:
        return None if isinstance(model.data, Qubo) else "the model's data are no Qubo"

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        from bnnbench_qubo.ising_run import sample
        from bnnbench_qubo.machine import Machine
        from bnnbench_qubo.replicas import SparseGroup

        machine = Machine.metropolis(model.data, self.method, seed, max(1, limits.threads))
        scaled = [beta / machine.model.scale for beta in SCALED_BETAS]
        hot, cold = beta_range(model, self.hot, self.cold) or scaled
        sparse = machine.make is SparseGroup
        space = np.geomspace if self.schedule == "geometric" else np.linspace

        def betas(sweeps: int) -> Floats:
            path: Floats = space(hot, cold, sweeps)
            return path

        return sample(
            model,
            machine,
            betas,
            self._size,
            limits,
            clock,
            report,
            method="sparse" if sparse else "dense",
            numbers=machine.model.dtype.__name__ if sparse else "float32",
            beta_hot=hot,
            beta_cold=cold,
        )

    @property
    def _size(self) -> Size:
        return Size(self.num_sweeps, self.num_reads, self.replicas, self.restarts)
