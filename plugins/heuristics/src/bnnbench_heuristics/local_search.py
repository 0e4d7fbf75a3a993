"""Local search of Kurtz and Bah: blocks of parameters optimised in turn (bdnn.md A.6).

With the weights of all upper layers held, a program has no products of unknowns: its first block
is the first layer, with the biases (thresholds) of all layers. With everything below held, the
weights of an upper layer are linear in the loss: one further block per upper layer. For one hidden
layer these are the P1(w) and P2(u, lambda) of the source. The first upper weights are random.

As released (``published``): one run; a subproblem that ends on its limit ends the search, and its
incumbent is dropped; a loss of 0 is looked for after the last block only. Otherwise the search goes
on from incumbents, never accepts a worse network, stops at the bound at once, and starts again
from new weights when it is stuck, until the time is over.

Stuck, in both: after the first block activations and biases, or after a later one its weights, are
those of the round before; or so many solves have not changed the objective.

Each block is the inner program with other bounds, so a model is built once. Cost: inner solves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnbench.inner import next_seed
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_heuristics.incumbent import Incumbent, goal, proved_infeasible
from bnnbench_heuristics.program import Masks, Program, parameters
from bnnbench_heuristics.restricted import ProgramSolver


@dataclass(frozen=True)
class LocalSearch(ProgramSolver):
    """Alternating blocks, each by an exact solver: the local search of Kurtz and Bah.

    Attributes:
        inner: a solver of kind ``milp``.
        formulation: of kind ``milp``, for the problem's objective; no symmetry, no merged rows.
        step: most seconds of one subproblem; none for what is left.
        patience: solves without another objective after which the search is stuck.
        published: as released: one run, which ends at the first subproblem that ends on its limit.
    """

    name: ClassVar[str] = "local-search"
    step: float | None = None
    patience: int = 100
    published: bool = False

    def refuses(self, problem: Problem) -> str | None:
        return None if problem.architecture.hidden else "alternation needs a hidden layer"

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        return infeasible or _Search(self, model.problem, limits, seed, report).run()


class _Search:
    """One solve."""

    def __init__(
        self, solver: LocalSearch, problem: Problem, limits: Limits, seed: int, report: Report
    ) -> None:
        self.solver, self.problem, self.limits = solver, problem, limits
        self.clock = Clock(limits)
        self.incumbent = Incumbent(problem, limits, report)
        self.rng = np.random.default_rng(seed)
        self.inner = solver.part()
        self.program = Program(self.inner.model(problem))
        self.goal = goal(problem, limits)
        self.solves = self.runs = 0
        self.cut = False

    def run(self) -> Solution:
        stuck = True
        while stuck and not self.clock.over and not self.incumbent.stop:
            stuck = self._alternate(self.problem.random_network(self.rng))
            self.runs += 1
            if self.solver.published or math.isinf(self.limits.time):
                break
        ended = Termination.TIME if self.cut or self.clock.over else Termination.ITERATIONS
        return self.incumbent.solution(ended, solves=self.solves, runs=self.runs)

    def _alternate(self, network: Network) -> bool:
        """Search from a network; whether it ended because it is stuck."""
        depth, unchanged = self.problem.architecture.depth, 0
        score = None
        states: dict[int, bytes] = {}
        while not self.clock.over:
            for block in range(1, depth + 1):
                found, timed_out = self._solve(network, block)
                if self.solver.published and timed_out:
                    return False
                if found is not None:
                    new = self.problem.evaluate(found)
                    if score is None or self.solver.published or not score < new:
                        unchanged = 0 if new != score else unchanged + 1
                        network, score = found, new
                    else:
                        unchanged += 1
                if score is not None:
                    self.incumbent.offer(network)
                if self.incumbent.stop and (block == depth or not self.solver.published):
                    return False
                state = self._state(network, block)
                same = states.get(block) == state
                if same or (found is None and not timed_out) or unchanged >= self.solver.patience:
                    return True
                states[block] = state
        return False

    def _solve(self, network: Network, block: int) -> tuple[Network | None, bool]:
        """The best network found in a block, and whether the solver ended on its limit."""
        program = self.program.freed(network, self._free(block))
        if block > 1:
            program = program.activated(network, range(1, block))
        time = min(self.clock.left, self.solver.step or math.inf)
        limits = self.limits.within(time, self.goal)
        self.solves += 1
        found = self.inner.solve(program.model, limits, next_seed(self.rng))
        self.cut = self.cut or found.cut
        return found.network, found.cut

    def _free(self, block: int) -> Masks:
        """P1: the first layer and all biases; P2: the weights of an upper layer."""
        free = parameters(self.problem, weights=False, biases=block == 1)
        weights = self.problem.architecture.mask(block)
        free[block - 1] = (weights, free[block - 1][1])
        return free

    def _state(self, network: Network, block: int) -> bytes:
        """What must repeat for the search to be stuck after a block."""
        if block > 1:
            return network.layers[block - 1].weights.tobytes()
        data = self.problem.dataset
        forward = network.forward(data.part("train")[0], data.scale)
        active = [np.packbits(z >= 0).tobytes() for z in forward.pre[:-1]]
        return b"".join([*active, *(layer.bias.tobytes() for layer in network.layers)])
