"""Batch training: a program per batch, averages, shrinking boxes (inn.md 8).

The method of Thorbjarnarson and Yorke-Smith.

Epoch e = 0, 1, ...: cut the rows into batches and solve the program of each by itself, every weight
and bias inside the epoch's box, stopping at the cutoff of the batch. Then

    omega_t = (v_t - min v) / max (v - min v)        v_t the validation accuracy of batch t
    wbar    = rint(sum omega_t w_t / sum omega_t)    element by element
    box     = [max(wbar - delta, -P), min(wbar + delta, P)],    delta = P - e, for epoch e + 1.

The result is the wbar with the best validation accuracy. Guards of the specification: equal v_t
count alike, a batch without network is left out. Between epochs rows are dealt anew: training and
validation rows together as published, or (``fixed_validation``) training rows only, so that
validation rows have trained nothing. Without validation rows, accuracies are those in training.

Batches run side by side in as many processes as there are threads. Each has an equal share of the
time: limit / (epochs * rounds), where a round is as many batches as run at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Integer
from bnnbench.errors import ProblemError
from bnnbench.inner import Name, next_seed
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.network import Network
from bnnbench.objectives import SquaredHinge
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_heuristics.incumbent import Incumbent, proved_infeasible
from bnnbench_heuristics.parallel import each
from bnnbench_heuristics.program import Program, around
from bnnbench_heuristics.restricted import ProgramSolver
from bnnbench_heuristics.subset import accuracy, mean_network, on_rows

Int64 = npt.NDArray[np.int64]
Box = tuple[Network, Network] | None
_RESERVE = 0.1
"""Share of the time for what is not solving."""


@dataclass(frozen=True)
class BatchTraining(ProgramSolver):
    """A program per batch of rows, networks averaged by validation accuracy, shrinking boxes.

    Attributes:
        inner: a solver of kind ``milp``.
        formulation: of kind ``milp``, for the problem's objective; no symmetry, no merged rows.
        batch: rows of a batch.
        epochs: how many; none for P + 1.
        step: most seconds of one batch; none for an equal share of the time limit.
        tau: share of a batch's rows that may be wrong when its program stops: the published
            cutoff, tau rows for counts and tau rows / 4 for hinges, cut to an integer; none to
            solve batches to the end.
        fixed_validation: keep the validation rows of the data set; else deal rows of both parts
            anew in every epoch, as published.
    """

    name: ClassVar[str] = "batch-training"
    formulation: Name = "sat-margin"
    batch: int = 100
    epochs: int | None = None
    step: float | None = None
    tau: float | None = 0.1
    fixed_validation: bool = True

    def __post_init__(self) -> None:
        if self.batch < 1 or (self.epochs is not None and self.epochs < 1):
            raise ProblemError("batch-training: batch and epochs must be at least 1.")

    def refuses(self, problem: Problem) -> str | None:
        if not isinstance(problem.domain, Integer) or problem.domain.bias == "free":
            return "boxes of parameters shrink over integer weights and biases only"
        return None

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        return infeasible or _Run(self, model.problem, limits, seed, report).solution()

    def cutoff(self, problem: Problem) -> float | None:
        """The objective at which a batch's program stops."""
        if self.tau is None:
            return None
        hinge = isinstance(problem.objective, SquaredHinge)
        allowed = self.tau * problem.dataset.sizes[0] / (4 if hinge else 1)
        whole, grain = math.floor(allowed + 1e-9) + 1, problem.granularity
        return float(whole - (grain or 1e-9)) if hinge else float(whole - 1)


@dataclass(frozen=True)
class _Batch:
    """One piece of work."""

    rows: Int64
    seed: int
    seconds: float


class _Run:
    """One solve."""

    def __init__(
        self, solver: BatchTraining, problem: Problem, limits: Limits, seed: int, report: Report
    ) -> None:
        self.solver, self.problem, self.limits = solver, problem, limits
        self.clock = Clock(limits)
        self.incumbent = Incumbent(problem, limits, report)
        self.rng = np.random.default_rng(seed)
        self.inner = solver.part()
        assert isinstance(problem.domain, Integer)
        self.P = problem.domain.P
        self.epochs = solver.epochs or self.P + 1
        self.best: Network | None = None
        self.best_accuracy = -math.inf
        self.history: list[float] = []
        self.solved = 0
        self.cut = False

    def solution(self) -> Solution:
        box: Box = None
        for e in range(self.epochs):
            if self.clock.over or self.incumbent.stop:
                break
            mean = self._epoch(e, box)
            if mean is not None:
                box = around(self.problem, mean, max(1, self.P - e))
        ended = Termination.TIME if self.cut or self.clock.over else Termination.ITERATIONS
        info = {"batches": self.solved, "accuracies": self.history}
        if self.best is None or self.incumbent.stop:
            return self.incumbent.solution(ended, **info)
        value = self.problem.evaluate(self.best).value
        status = Status.NONE if value is None else Status.FEASIBLE
        objective = None if value is None else float(value)
        return Solution(self.best, status, ended, objective, info=info)

    def _epoch(self, e: int, box: Box) -> Network | None:
        """The mean of the batches' networks; None when no batch has one."""
        train, validation = self._deal()
        size = self.solver.batch
        cuts = [train[k : k + size] for k in range(0, len(train), size)]
        rounds = math.ceil(len(cuts) / max(1, self.limits.threads))
        share = (1 - _RESERVE) * self.clock.left / ((self.epochs - e) * rounds)
        time = min(self.solver.step or math.inf, share)
        pieces = [_Batch(rows, next_seed(self.rng), time) for rows in cuts]
        found = each(partial(self._answer, box), pieces, self.limits.threads)
        self.cut = self.cut or any(answer.cut for answer in found)
        networks = [answer.network for answer in found if answer.network is not None]
        self.solved += len(networks)
        if not networks:
            return None
        drawn = on_rows(self.problem, train, validation)
        mean = mean_network(self.problem, networks, weights([accuracy(drawn, n) for n in networks]))
        self.history.append(accuracy(drawn, mean))
        if self.history[-1] > self.best_accuracy:
            self.best, self.best_accuracy = mean, self.history[-1]
        self.incumbent.offer(mean)
        return mean

    def _deal(self) -> tuple[Int64, Int64]:
        """Training and validation rows of an epoch, as indices into all rows."""
        train, validation, _ = self.problem.dataset.sizes
        if self.solver.fixed_validation:
            return self.rng.permutation(train), train + np.arange(validation)
        rows = self.rng.permutation(train + validation)
        return rows[:train], rows[train:]

    def _answer(self, box: Box, piece: _Batch) -> Solution:
        """The network of one batch, inside the box."""
        clock = Clock(Limits(piece.seconds))
        if self.clock.over:
            return Solution(termination=Termination.TIME)
        part = on_rows(self.problem, piece.rows)
        if self.inner.refuses(part) is not None:
            return Solution(termination=Termination.ERROR)
        program = Program(self.inner.model(part))
        if box is not None:
            program = program.boxed(*box)
        time = min(clock.left, self.clock.left)
        limits = Limits(time, 1, self.limits.memory, self.solver.cutoff(part))
        return self.inner.solve(program.model, limits, piece.seed)


def weights(accuracies: Sequence[float]) -> list[float]:
    """Omega: 0 for the worst batch, 1 for the best; 1 for all when they are equal."""
    low, high = min(accuracies), max(accuracies)
    return [1.0 if high == low else (v - low) / (high - low) for v in accuracies]
