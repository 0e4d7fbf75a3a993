"""Averages over the networks of a cool Metropolis walk, rounded: a mean of many solutions (OURS).

Many networks fit a small sample, and most of their weights are noise: weights that the loss does
not see stay where they were drawn. The mean over many solutions keeps what they agree on. A walk is
cooled as in annealing and then held at a low temperature; every so many moves the current
parameters are added up. The mean w is rounded to the grid after hidden layers have been multiplied
by a factor c, which changes no sign of the mean's own units:

    w_mean = nearest grid number to c w,        c in 1, 1.5, ..., 10,

so that with weights in -1..1 a weight stays where |w| > 1 / (2 c). Of these few networks the one
with the least training objective is the answer; no other rows are looked at. The walk must stay in
one place: where it wanders, at high temperatures or for very long, the mean is none.

Cost: that of annealing, plus one copy of the parameters per sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.network import Network
from bnnbench.objectives import Score
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_heuristics.incumbent import proved_infeasible
from bnnbench_heuristics.restricted import one_grid
from bnnbench_heuristics.shallow_state import ShallowState
from bnnbench_heuristics.state import State
from bnnbench_heuristics.subset import nearest_network
from bnnbench_heuristics.tables import refusal

Floats = npt.NDArray[np.float64]
Means = list[tuple[Floats, Floats]]
FACTORS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
_HOT, _FLOOR, _SHARE = 10.0, 0.001, 0.3
_DEFAULT_MOVES = 1_000_000
_RESERVE = 0.05


@dataclass(frozen=True)
class Averaging(Solver):
    """The rounded mean of the networks of a cool Metropolis walk.

    Attributes:
        T: temperature of the walk, in typical steps of the objective; ten times as much at first.
        burn: share of the budget for cooling, before samples are taken.
        every: moves between samples.
        moves: number of moves; none for the time limit, or a million where there is none.
        penalty: what a wrong sign costs in the search, in typical steps, where all must be right.
        guide: how far a missed margin costs the search by its distance: 0 as a count, 1 as a ramp;
            none for 1, or 1/2 with more outputs of rows than parameters.
    """

    name: ClassVar[str] = "averaging"
    requires: ClassVar[tuple[str, ...]] = ("numba",)
    preload: ClassVar[tuple[str, ...]] = ("bnnbench_heuristics.warm",)
    T: float = 0.02
    burn: float = 0.3
    every: int = 2000
    moves: int | None = None
    penalty: float = 16.0
    guide: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.burn < 1 or self.every < 1 or (self.moves is not None and self.moves < 1):
            raise ProblemError("averaging: burn must lie in (0, 1), every and moves be positive.")

    def accepts(self, model: Model) -> str | None:
        return one_grid(model.problem) or refusal(model.problem)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        problem, clock = model.problem, Clock(limits)
        infeasible = proved_infeasible(problem)
        if infeasible:
            return infeasible
        rng = np.random.default_rng(seed)
        state = ShallowState.of(problem, self.penalty, self.guide) or State(
            problem, self.penalty, self.guide
        )
        state.seed(rng)
        state.randomise(rng)
        sums, samples, late = self._walk(state, limits, clock)
        means = [(W / samples, b / samples) for W, b in sums]
        score, factor, network = min(
            (self._rounded(problem, state.network(), means, c) for c in FACTORS),
            key=lambda found: found[0],
        )
        value = None if score.value is None else float(score.value)
        report(network, objective=value)
        status = Status.NONE if value is None else Status.FEASIBLE
        ended = Termination.TIME if late else Termination.ITERATIONS
        info = {"samples": samples, "factor": factor}
        return Solution(network, status, ended, value, info=info)

    def _walk(
        self, state: State | ShallowState, limits: Limits, clock: Clock
    ) -> tuple[Means, int, bool]:
        """Sums of weights and biases of all layers, their number, whether the time was over."""
        moves = self.moves
        if moves is None and math.isinf(limits.time):
            moves = _DEFAULT_MOVES
        done, samples = 0, 0
        first = state.network()
        sums: Means = [(np.zeros(a.weights.shape), np.zeros(a.bias.shape)) for a in first.layers]
        heat, limit = self.T * state.terms.heat, (1 - _RESERVE) * limits.time
        late = False
        while not late:
            spent = clock.elapsed / limit if moves is None else done / moves
            size = self.every if moves is None else min(self.every, moves - done)
            late = clock.elapsed >= limit
            if size and not late and spent < 1:
                now = heat * max(1.0, _HOT * (1 - spent / self.burn))
                state.anneal(0, size, math.inf, now, _FLOOR, _SHARE, -math.inf)
                done += size
            if spent >= self.burn or late:
                layers = state.network().layers
                for (W, b), layer in zip(sums, layers, strict=True):
                    W += layer.weights
                    b += layer.bias
                samples += 1
            if spent >= 1:
                break
        return sums, max(1, samples), late

    def _rounded(
        self, problem: Problem, like: Network, means: Means, factor: float
    ) -> tuple[Score, float, Network]:
        """The network of a factor, with its score."""
        factors = [factor] * (len(means) - 1) + [1.0]
        scaled = [(W * c, b * c) for (W, b), c in zip(means, factors, strict=True)]
        network = nearest_network(problem, like, scaled)
        return problem.evaluate(network), factor, network
