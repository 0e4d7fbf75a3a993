"""Simulated bifurcation by the package of that name: torch, a dense matrix, all agents at once.

A step costs n^2 per agent whatever the sparsity. The pump reaches its end at the last step only, so
the number of steps is fixed and the time limit decides how many calls there are (qubo.md section
4.3).
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

MATRIX_LIMIT = 10_000


@dataclass(frozen=True)
class SimulatedBifurcation(SampledSolver):
    """Simulated bifurcation on a QUBO, by the package simulated-bifurcation (torch).

    Agents of a call share torch's generator, which is seeded per call.

    Attributes:
        num_reads: reads in all; none for as many as the time allows.
        num_sweeps: time steps of a read; fewer if a call does not fit in the time limit.
        mode: forces from the positions (``ballistic``) or their signs (``discrete``).
        heated: the variant with heat exchange.
    """

    name: ClassVar[str] = "simulated-bifurcation"
    requires: ClassVar[tuple[str, ...]] = ("simulated-bifurcation", "torch")
    preload: ClassVar[tuple[str, ...]] = ("simulated_bifurcation",)
    group: ClassVar[int] = 32
    parallel: ClassVar[bool] = False

    num_sweeps: int = 1000
    mode: Literal["ballistic", "discrete"] = "ballistic"
    heated: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_sweeps < 1 or self.mode not in ("ballistic", "discrete"):
            raise ProblemError(
                "simulated-bifurcation: needs num_sweeps >= 1 and mode ballistic or discrete."
            )

    def accepts(self, model: Model) -> str | None:
        if isinstance(model.data, Qubo) and model.data.n > MATRIX_LIMIT:
            return f"{model.data.n} variables, over {MATRIX_LIMIT} for a full matrix"
        return super().accepts(model)

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        import torch

        qubo: Qubo = model.data
        # As spins, s = 2 x - 1: the package turns bits into spins at every call, 1.6 s at n = 2600.
        quarter = qubo.values / 4
        field = qubo.linear / 2 + np.bincount(qubo.rows, quarter, qubo.n)
        field += np.bincount(qubo.cols, quarter, qubo.n)
        matrix = torch.zeros((qubo.n, qubo.n), dtype=torch.float32)
        matrix[qubo.rows, qubo.cols] = torch.from_numpy(quarter.astype(np.float32))
        linear = torch.from_numpy(field.astype(np.float32))
        library: Any = importlib.import_module("simulated_bifurcation")
        polynomial = library.build_model(matrix, linear, dtype=torch.float32)
        torch.set_num_threads(1)

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            torch.manual_seed(seed)
            spins, _ = polynomial.minimize(
                domain="spin",
                agents=reads,
                max_steps=sweeps,
                best_only=False,
                mode=self.mode,
                heated=self.heated,
                verbose=False,
                early_stopping=False,
            )
            states: States = (spins.reshape(reads, qubo.n).numpy() > 0).astype(np.int8)
            return states, qubo.energy(states)

        return draw, {}
