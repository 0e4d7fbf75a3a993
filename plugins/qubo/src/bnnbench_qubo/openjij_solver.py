"""Simulated and simulated quantum annealing of OpenJij.

With a seed all reads of one call are the same read (qubo.md section 3), so every read is a call of
its own. Its model is made once, through Python dicts: about 0.25 s at 30 000 couplings; given
dimod's or a dense one, every call would convert it again.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Model
from bnnbench.models import Qubo
from bnnbench.solution import Limits
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.sampled import Group, SampledSolver
from bnnbench_qubo.sampling import beta_range, from_sampleset


@dataclass(frozen=True)
class OpenJij(SampledSolver):
    """Simulated (quantum) annealing on a QUBO, by OpenJij.

    Attributes:
        num_reads: reads in all; none for as many as the time allows.
        method: ``sa``, or ``sqa`` for Trotter slices under a falling transverse field.
        num_sweeps: per read.
        hot, cold: first and last beta of ``sa``, in units of 1 / lambda; ``sqa`` runs at ``cold``.
            The library's own where the model has no lambda.
        trotter: slices of ``sqa``.
        gamma: transverse field of ``sqa`` at the start.
    """

    name: ClassVar[str] = "openjij"
    requires: ClassVar[tuple[str, ...]] = ("openjij",)
    preload: ClassVar[tuple[str, ...]] = ("openjij",)
    # A call turns the model's bits into spins in place.
    parallel: ClassVar[bool] = False

    method: Literal["sa", "sqa"] = "sa"
    num_sweeps: int = 1000
    hot: float = 0.02
    cold: float = 6.0
    trotter: int = 8
    gamma: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in ("sa", "sqa"):
            raise ProblemError(f"openjij: method is sa or sqa, got {self.method!r}.")
        if min(self.num_sweeps, self.trotter) < 1 or not 0 < self.hot <= self.cold:
            raise ProblemError("openjij: needs sweeps and slices >= 1 and 0 < hot <= cold.")

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        openjij: Any = importlib.import_module("openjij")
        bqm = _model(model.data)
        betas = beta_range(model, self.hot, self.cold)
        options: dict[str, Any] = {"sparse": True}
        if self.method == "sa":
            sampler: Any = openjij.SASampler()
            options |= {"beta_min": betas[0], "beta_max": betas[1]} if betas else {}
        else:
            sampler = openjij.SQASampler()
            options |= {"trotter": self.trotter, "gamma": self.gamma}
            options |= {"beta": betas[1]} if betas else {}

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            found = sampler.sample(bqm, num_reads=1, num_sweeps=sweeps, seed=seed, **options)
            states, _ = from_sampleset(found)
            return states, np.asarray(model.data.energy(states))

        return draw, {"beta_cold": betas[1]} if betas else {}


def _model(qubo: Qubo) -> Any:
    """OpenJij's own sparse model, which a call does not convert again."""
    openjij: Any = importlib.import_module("openjij")
    pairs = zip(qubo.rows.tolist(), qubo.cols.tolist(), strict=True)
    couplings = dict(zip(pairs, qubo.values.tolist(), strict=True))
    linear = dict(enumerate(qubo.linear.tolist()))
    return openjij.BinaryQuadraticModel(linear, couplings, qubo.offset, "BINARY", sparse=True)
