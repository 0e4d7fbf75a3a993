"""Iterative data splitting of Kurtz and Bah: cells of rows share activations (bdnn.md A.7).

A partition of the training rows begins as one cell. Each iteration splits the cell with the largest
loss of the best network by k-means on its features, and solves the program in which all rows of a
cell have the same activations: |C| sum d_k binaries instead of N sum d_k. First-layer rows stay,
one for each point and unit; upper rows are there once per cell.

As released (``published``): a moving random window of the rows, or every window in turn and the
mean of their networks by validation accuracy; the best network is that of the best validation
accuracy; nothing is carried from one program to the next.

Otherwise the programs are about all rows, unless ``batch`` says less, and the first is that of a
single cell, a constant. The network of an iteration is feasible for all later partitions, so it is
kept as the one to beat: the program asks for a strictly better one, and the objective never rises.
The purity bound of the partition (see ``cells.py``) is the program's target, and where the network
at hand meets it there is nothing to solve. The search ends when the objective has reached its
bound, or no cell can be split.

``info`` holds the number of cells, objective, bound and end of every iteration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError
from bnnbench.inner import next_seed
from bnnbench.interfaces import Clock, Model, Report
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_heuristics.cells import Partition
from bnnbench_heuristics.incumbent import Incumbent, proved_infeasible
from bnnbench_heuristics.program import Program
from bnnbench_heuristics.restricted import ProgramSolver
from bnnbench_heuristics.subset import accuracy, mean_network, on_rows

Int64 = npt.NDArray[np.int64]
_WINDOW = 64


@dataclass(frozen=True)
class DataSplitting(ProgramSolver):
    """Iterative data splitting: a program on cells of rows, refined where the loss is.

    Attributes:
        inner: a solver of kind ``milp``.
        formulation: of kind ``milp``, for the problem's objective; no symmetry, no merged rows.
        splits: most iterations.
        batch: rows of a program; none for all, or 64 where published.
        windows: ``random``, one window of consecutive rows per iteration, or ``all`` in turn with
            the mean of their networks, rounded.
        step: most seconds of one program; none for an equal share of what is left.
        published: as released, see the module.
    """

    name: ClassVar[str] = "data-splitting"
    requires: ClassVar[tuple[str, ...]] = ("scikit-learn",)
    preload: ClassVar[tuple[str, ...]] = ("sklearn.cluster",)
    splits: int = 20
    batch: int | None = None
    windows: Literal["random", "all"] = "random"
    step: float | None = None
    published: bool = False

    def __post_init__(self) -> None:
        if self.splits < 1 or (self.batch is not None and self.batch < 1):
            raise ProblemError("data-splitting: splits and batch must be at least 1.")

    def refuses(self, problem: Problem) -> str | None:
        arch = problem.architecture
        if any(c.source == 0 and c.target > 1 for c in arch.connections) or not arch.hidden:
            return "upper layers read features, which rows of one cell do not share"
        return None

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        infeasible = proved_infeasible(model.problem)
        return infeasible or _Run(self, model.problem, limits, seed, report).solution()


class _Run:
    """One solve."""

    def __init__(
        self, solver: DataSplitting, problem: Problem, limits: Limits, seed: int, report: Report
    ) -> None:
        self.solver, self.problem, self.limits = solver, problem, limits
        self.clock = Clock(limits)
        self.incumbent = Incumbent(problem, limits, report)
        self.rng = np.random.default_rng(seed)
        self.inner = solver.part()
        self.partition = Partition(problem)
        self.rows = problem.dataset.sizes[0]
        batch = solver.batch or (_WINDOW if solver.published else self.rows)
        self.batch = min(batch, self.rows)
        self.best: Network | None = None
        self.best_accuracy = 0.0
        self.history: list[dict[str, Any]] = []
        self.cut = False

    def solution(self) -> Solution:
        if not self.solver.published and self.batch == self.rows:
            self._begin()
        for k in range(self.solver.splits):
            if self.clock.over:
                self.cut = True
                break
            if (self.incumbent.stop and not self.solver.published) or not self._refine():
                break
            self._iterate(self.solver.splits - k)
        ended = Termination.TIME if self.cut else Termination.ITERATIONS
        info = {key: [step[key] for step in self.history] for key in ("cells", "loss", "purity")}
        info["end"] = [step["end"] for step in self.history]
        if not self.solver.published or self.best is None:
            return self.incumbent.solution(ended, **info)
        value = self.problem.evaluate(self.best).value
        objective = None if value is None else float(value)
        status = Status.NONE if value is None else Status.FEASIBLE
        return Solution(self.best, status, ended, objective, info=info)

    def _begin(self) -> None:
        """The network of the coarsest partition, so that there is always one."""
        network, _ = self._solve(np.arange(self.rows), self.clock.left / 2)
        if network is not None:
            self._offer(network)

    def _refine(self) -> bool:
        """Split the worst cell that has parts; False when there is none."""
        best = self.best if self.solver.published else self.incumbent.network
        losses = np.zeros(self.rows, dtype=np.int64) if best is None else self._losses(best)
        worst = self.partition.worst(losses)
        while worst is not None and not self.partition.split(worst, next_seed(self.rng)):
            worst = self.partition.worst(losses)
        return worst is not None

    def _losses(self, network: Network) -> Int64:
        """Wrong output signs of every row."""
        data = self.problem.dataset
        output = network.forward(data.part("train")[0], data.scale).output
        wrong = (output >= 0) != (self.problem.targets() > 0)
        return np.asarray(wrong.sum(axis=1))

    def _iterate(self, left: int) -> None:
        """Solve the program of the partition, on a window of rows or on all windows."""
        time = self.clock.left if math.isinf(self.clock.left) else self.clock.left / left
        starts = [int(self.rng.integers(self.rows - self.batch + 1))]
        if self.solver.windows == "all":
            starts = list(range(0, self.rows, self.batch))
        time = min(self.solver.step or time, self.clock.left) / len(starts)
        ends, networks = [], []
        for start in starts:
            rows = np.arange(start, min(start + self.batch, self.rows))
            network, end = self._solve(rows, time)
            ends.append(end)
            networks += [] if network is None else [network]
        if networks:
            weights = [accuracy(self.problem, n) for n in networks]
            if len(networks) > 1 and sum(weights) > 0:
                self._offer(mean_network(self.problem, networks, weights))
            else:
                self._offer(networks[0])
        score = self.incumbent.score
        purity = self.partition.purity()
        self.history.append(
            {
                "cells": self.partition.size,
                "loss": float(score.value) if score and score.value is not None else None,
                "purity": None if purity is None else float(purity),
                "end": "+".join(dict.fromkeys(ends)),
            }
        )

    def _offer(self, network: Network) -> None:
        self.incumbent.offer(network)
        found = accuracy(self.problem, network)
        if self.best is None or found > self.best_accuracy:
            self.best, self.best_accuracy = network, found

    def _solve(self, rows: Int64, time: float) -> tuple[Network | None, str]:
        """The best network on some rows tied to the partition, and how the search for it ended."""
        whole = len(rows) == self.rows
        part = self.problem if whole else on_rows(self.problem, rows)
        purity = self.partition.purity(rows)
        target = None if purity is None else float(purity)
        held = self.incumbent.score.value if whole and self.incumbent.score else None
        if self.solver.published:
            target = held = None
        if held is not None and target is not None and held <= target:
            return None, "purity"
        program = Program(self.inner.model(part))
        program = program.tied(self.partition.cell[rows], np.asarray(part.dataset.part("train")[1]))
        if held is not None and self.problem.granularity is not None:
            program = program.at_most(float(held - self.problem.granularity))
        limits = self.limits.within(min(time, self.clock.left), target)
        found = self.inner.solve(program.model, limits, next_seed(self.rng))
        self.cut = self.cut or found.cut
        if target is not None and found.network is not None:
            value = part.evaluate(found.network).value
            if value is not None and value <= target:
                return found.network, "purity"
        return found.network, str(found.termination)
