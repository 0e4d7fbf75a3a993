"""Annealing and parallel tempering of many replicas in torch, on a CPU or a CUDA device.

The sweeps are those of :mod:`bnnbench_qubo.coloured`. Annealing raises beta for all replicas from
hot to cold; tempering spreads the replicas over a geometric ladder between the two, exchanges
neighbours every few sweeps and takes the states that all replicas end in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model
from bnnbench.solution import Limits
from bnnbench_qubo.coloured import ColouredMachine
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.ising_sa import SCALED_BETAS
from bnnbench_qubo.sampled import Group
from bnnbench_qubo.sampling import beta_range
from bnnbench_qubo.spin_model import SpinModel
from bnnbench_qubo.torch_pace import TAIL_SWEEPS, SweepClock
from bnnbench_qubo.torch_solver import TorchSolver

EXCHANGE_EVERY = 10


@dataclass(frozen=True)
class IsingTorch(TorchSolver):
    """Annealing or parallel tempering on a QUBO, in torch, on a CPU or a GPU.

    Sites of one colour are updated at once in all replicas. On a CPU ``ising-sa`` is faster.
    Reads reproduce on one device with the same ``replicas``.

    Attributes:
        num_reads: reads in all; none for as many as the time allows.
        num_sweeps: per read; fewer if one call does not fit in the time limit.
        mode: ``annealing`` or ``tempering``.
        replicas: reads per call.
        hot, cold: first and last beta, in units of 1 / lambda; where the model has no lambda,
            0.2 and 10 over the root mean square energy change of a flip.
        device: ``cpu`` or ``cuda``.
        method: ``sparse`` (compressed rows), ``dense`` (full matrix) or ``auto`` by density.
    """

    name: ClassVar[str] = "ising-torch"

    num_sweeps: int = 1000
    mode: Literal["annealing", "tempering"] = "annealing"
    replicas: int = 64
    hot: float = 0.02
    cold: float = 6.0
    device: Literal["cpu", "cuda"] = "cpu"
    method: Literal["auto", "sparse", "dense"] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.num_sweeps, self.replicas) < 1 or not 0 < self.hot <= self.cold:
            raise ProblemError("ising-torch: needs sweeps and replicas >= 1, 0 < hot <= cold.")
        if self.mode not in ("annealing", "tempering") or self.device not in ("cpu", "cuda"):
            raise ProblemError("ising-torch: mode is annealing or tempering, device cpu or cuda.")
        if self.mode == "tempering" and self.replicas < 2:
            raise ProblemError("ising-torch: tempering needs at least 2 replicas.")
        if self.method not in ("auto", "sparse", "dense"):
            raise ProblemError(f"ising-torch: unknown method {self.method!r}.")

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        import torch

        clock = Clock(limits)
        machine = ColouredMachine(model.data, self.device, self.method)
        scaled = [beta / SpinModel.of(model.data).scale for beta in SCALED_BETAS]
        hot, cold = beta_range(model, self.hot, self.cold) or scaled
        info: dict[str, Any] = {
            "colours": len(machine.classes),
            "method": machine.method,
            "device": self.device,
            "beta_hot": hot,
            "beta_cold": cold,
            "acceptance_rate": None,
            "quenched_reads": 0,
        }
        counts = {"offered": 0, "accepted": 0}

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            torch.set_num_threads(1)  # of this thread
            offered = accepted = 0
            # Always all replicas, so that fewer reads are a part of the same ones.
            x, generator = machine.start(self.replicas, seed)
            watch = SweepClock.of(clock, limits)
            for betas in self._betas(machine, x, generator, sweeps, hot, cold):
                accepted += int(machine.sweep(x, betas, generator))
                offered += x.numel()
                if watch.over():
                    info["quenched_reads"] += reads
                    if self.mode == "annealing":
                        for _ in range(TAIL_SWEEPS):
                            machine.sweep(x, cold, generator)
                    break
            counts["accepted"] += accepted
            counts["offered"] += offered
            info["acceptance_rate"] = counts["accepted"] / counts["offered"]
            states: States = x.T.to("cpu").numpy().astype(np.int8)[:reads]
            return states, model.data.energy(states)

        return draw, info

    def _betas(
        self, machine: ColouredMachine, x: Any, generator: Any, sweeps: int, hot: float, cold: float
    ) -> Any:
        """The betas of every sweep: a number, or one per replica."""
        import torch

        if self.mode == "annealing":
            yield from np.geomspace(hot, cold, sweeps).tolist()
            return
        ladder = torch.from_numpy(np.geomspace(cold, hot, self.replicas).astype(np.float32))
        betas = ladder.to(self.device)
        for sweep in range(sweeps):
            yield betas
            if sweep % EXCHANGE_EVERY == EXCHANGE_EVERY - 1:
                betas = machine.exchange(x, betas, generator)
