"""Enumeration of all states of a tiny QUBO: O(2^n couplings) time, O(2^n n) memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Solution
from bnnbench_qubo.exact_answer import exact_answer
from bnnbench_qubo.harvest import Harvest
from bnnbench_qubo.sampling import from_sampleset, to_bqm

GROUND_WITHIN = 1e-9


@dataclass(frozen=True)
class DimodExact(Solver):
    """All states of a QUBO of few variables, for tests and teaching.

    The answer is the best network by training objective among the states of least energy. That
    energy is a bound on the problem, and the answer optimal, if the model is exact: soft loss,
    lambda at its bound, no margin term. The time limit is not looked at.

    Attributes:
        max_variables: larger models are refused.
    """

    name: ClassVar[str] = "dimod-exact"
    kind: ClassVar[str] = "qubo"
    requires: ClassVar[tuple[str, ...]] = ("dimod",)
    preload: ClassVar[tuple[str, ...]] = ("dimod",)

    max_variables: int = 20

    def accepts(self, model: Model) -> str | None:
        if not isinstance(model.data, Qubo):
            return "the model's data are no Qubo"
        if model.data.n > self.max_variables:
            return f"{model.data.n} variables, over {self.max_variables}"
        return None

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        import dimod

        clock = Clock(limits)
        solver: Any = dimod.ExactSolver
        states, energies = from_sampleset(solver().sample(to_bqm(model.data)))
        least = float(energies.min())
        ground = np.flatnonzero(energies <= least + GROUND_WITHIN)
        harvest = Harvest(model, report)
        stop = harvest.add(states[ground], energies[ground])
        return exact_answer(
            model,
            harvest,
            stop,
            least,
            ground_states=len(ground),
            distinct=harvest.info(0.0)["distinct"],
            sample_seconds=clock.elapsed - harvest.seconds,
        )
