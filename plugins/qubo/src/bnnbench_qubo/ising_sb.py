"""Simulated bifurcation as a solver: the maths is in :mod:`bnnbench_qubo.bifurcation`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Solution
from bnnbench_qubo.harvest import Floats
from bnnbench_qubo.ising_size import Size


@dataclass(frozen=True)
class IsingSB(Solver):
    """Simulated bifurcation on a QUBO, many replicas at once, compiled.

    Every distinct network that a read decodes to is evaluated exactly; the best by training
    objective is the answer. Reads start from random momenta, children of the seed. The slower the
    pump, the more reads end in the same state (see ``distinct`` of the record): more reads of
    fewer sweeps may serve better. Sums are rounded, so reads may depend on threads and replicas.

    Attributes:
        num_sweeps: time steps per read; fewer if not even 16 reads fit in the time limit.
        num_reads: reads in all; none for as many as the time allows.
        replicas: reads that a thread moves side by side.
        restarts: batches in all, which share the time limit: their steps follow from the time that
            is left, or are ``num_sweeps`` without a limit. None for batches of ``num_sweeps``.
        variant: forces from the positions (``ballistic``) or their signs (``discrete``).
        step: time step.
        strength: factor of the forces, whose root mean square over random states is 1.
        method: ``sparse`` (compressed rows), ``dense`` (matrix products) or ``auto`` by density.
    """

    name: ClassVar[str] = "ising-sb"
    kind: ClassVar[str] = "qubo"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_qubo.warm",)

    num_sweeps: int = 1000
    num_reads: int | None = None
    replicas: int = 64
    restarts: int | None = None
    variant: Literal["ballistic", "discrete"] = "ballistic"
    step: float = 1.0
    strength: float = 0.5
    method: Literal["auto", "sparse", "dense"] = "auto"

    def __post_init__(self) -> None:
        self._size.check(self.name)
        if min(self.step, self.strength) <= 0:
            raise ProblemError("ising-sb: step and strength must be positive.")
        if self.variant not in ("ballistic", "discrete"):
            raise ProblemError(f"ising-sb: unknown variant {self.variant!r}.")
        if self.method not in ("auto", "sparse", "dense"):
            raise ProblemError(f"ising-sb: unknown method {self.method!r}.")

    def accepts(self, model: Model) -> str | None:
        return None if isinstance(model.data, Qubo) else "the model's data are no Qubo"

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock = Clock(limits)
        from bnnbench_qubo.bifurcation import BifurcationGroup
        from bnnbench_qubo.ising_run import sample
        from bnnbench_qubo.machine import Machine, is_dense
        from bnnbench_qubo.spin_model import SpinModel

        spins = SpinModel.of(model.data)
        dense = is_dense(spins, self.method)
        _ = spins.matrix if dense else spins.real_rows
        make = partial(
            BifurcationGroup,
            dense=dense,
            discrete=self.variant == "discrete",
            step=self.step,
            strength=self.strength,
        )
        machine = Machine(spins, make, seed, max(1, limits.threads))

        def pumps(sweeps: int) -> Floats:
            return np.linspace(0.0, 1.0, sweeps)

        method = "dense" if dense else "sparse"
        return sample(model, machine, pumps, self._size, limits, clock, report, method=method)

    @property
    def _size(self) -> Size:
        return Size(self.num_sweeps, self.num_reads, self.replicas, self.restarts)
