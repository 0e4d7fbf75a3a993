"""Annealing of a training QUBO by its structure: the maths is in :mod:`bnnbench_qubo.matrix_free`.

A solver of kind ``direct``, as it needs the problem and no couplings; its energies are those of
``bnn-qubo`` with the same penalty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.models import Qubo
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.forward import decode
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.matrix_free import ResidualMachine, refusal
from bnnbench_qubo.sampled import Group
from bnnbench_qubo.torch_pace import TAIL_SWEEPS, SweepClock
from bnnbench_qubo.torch_solver import TorchSolver


@dataclass(frozen=True)
class IsingStructured(TorchSolver):
    """Annealing of a binary network's QUBO without its couplings, in torch, on a CPU or a GPU.

    For one hidden layer of ``sign`` units with odd fan-ins, one output and no biases. Reads
    reproduce on one device with the same ``replicas``.

    Attributes:
        num_reads: reads in all; none for as many as the time allows.
        penalty: lambda, in units of one error.
        num_sweeps: per read; fewer if one call does not fit in the time limit.
        replicas: reads per call.
        hot, cold: first and last beta, in units of 1 / lambda.
        device: ``cpu`` or ``cuda``.
    """

    name: ClassVar[str] = "ising-structured"
    kind: ClassVar[str] = "direct"

    penalty: float = 0.15
    num_sweeps: int = 1000
    replicas: int = 64
    hot: float = 0.02
    cold: float = 6.0
    device: Literal["cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.num_sweeps, self.replicas) < 1 or not 0 < self.hot <= self.cold:
            raise ProblemError("ising-structured: needs sweeps, replicas >= 1, 0 < hot <= cold.")
        if self.penalty <= 0 or self.device not in ("cpu", "cuda"):
            raise ProblemError("ising-structured: needs penalty > 0 and device cpu or cuda.")

    def accepts(self, model: Model) -> str | None:
        problem: Problem = model.problem
        return BnnQubo(penalty=self.penalty).accepts(problem) or refusal(problem)

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        import torch

        clock = Clock(limits)
        machine = ResidualMachine(model.problem, self.penalty, self.device)
        info: dict[str, Any] = {
            "n": machine.layout.n,
            "lambda": self.penalty,
            "quenched_reads": 0,
        }
        cold = self.cold / self.penalty
        counts = {"offered": 0, "accepted": 0}

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            torch.set_num_threads(1)  # of this thread
            offered = accepted = 0
            x = machine.start(self.replicas, seed)
            watch = SweepClock.of(clock, limits)
            path = np.geomspace(self.hot / self.penalty, cold, sweeps)
            for beta in path.tolist():
                accepted += machine.sweep(x, beta)
                offered += machine.variables() * self.replicas
                if watch.over():
                    info["quenched_reads"] += reads
                    for _ in range(TAIL_SWEEPS):
                        machine.sweep(x, cold)
                    break
            counts["accepted"] += accepted
            counts["offered"] += offered
            info["acceptance_rate"] = counts["accepted"] / counts["offered"]
            return machine.states(x)[:reads], machine.energies(x)[:reads]

        return draw, info

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        return super().solve(_readable(model, self.penalty), limits, seed, report)


def _readable(model: Model, penalty: float) -> Model:
    """The model that decodes states; its QUBO has variables and roles, but no couplings."""
    machine = ResidualMachine(model.problem, penalty, "cpu")
    layout = machine.layout
    none = np.zeros(0, dtype=np.int64)
    shell = Qubo(np.zeros(layout.n), none, none, np.zeros(0), roles=layout.roles)
    return Model(model.problem, "qubo", shell, lambda point: decode(layout, point))
