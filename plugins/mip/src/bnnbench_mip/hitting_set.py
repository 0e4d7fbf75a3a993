"""hitting-set: bounds on training errors by small sets of samples that no net fits together.

Implicit hitting sets (errors.md section 2). A *core* is a set of samples that no net of the class
gets all right; every net is wrong on at least one of each core, so the cheapest set of samples that
meets all cores found bounds the errors. When the samples outside such a set can be fitted, the net
that fits them is optimal.

* Oracle: CP-SAT with one worker on the samples at hand (:func:`bnnbench_mip.error_program.fit`);
  nets found before are tried first.
* Growing: one of the samples that must be right starts; violated ones are added, a few at a time,
  until nothing fits. Shrinking: each sample is left out if nothing fits without it.
* First disjoint cores, taking the least weight of each from its samples; then all cores in a
  minimum-weight hitting set, several disjoint cores per round.

The cores are certificates: small, and anyone can check them. They stand in the record's info as
lists of training rows (``cores``), with the weight that disjoint ones prove (``disjoint_bound``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from bnnbench.dataset import Dataset
from bnnbench.interfaces import Model, Report, Solver
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_mip.error_program import Core, fit
from bnnbench_mip.error_run import Run
from bnnbench_mip.error_search import LocalSearch
from bnnbench_mip.lattice import Int64
from bnnbench_mip.pair_sum_program import pair_sum_bound
from bnnbench_mip.threshold_form import Firing, refuses

KEPT_NETS = 200


@dataclass(frozen=True)
class HittingSet(Solver):
    """Bounds on training errors with certificates: sets of samples that no net fits together.

    For one hidden layer, one output, integer or binary weights and free biases.

    Attributes:
        search_seconds: of the local search for nets, nominal.
        effort: of one question whether samples can be fitted, in CP-SAT's deterministic seconds.
        added: violated samples that enter a growing set at once.
    """

    name: ClassVar[str] = "hitting-set"
    requires: ClassVar[tuple[str, ...]] = ("ortools",)
    preload: ClassVar[tuple[str, ...]] = ("ortools.sat.python.cp_model",)
    search_seconds: float = 1.0
    effort: float = 2.0
    added: int = 4

    def accepts(self, model: Model) -> str | None:
        return refuses(model.data)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        run = Run(model.data, limits, seed, report)
        cores = _Cores(self, run)
        try:
            cores.pair_sums()
            LocalSearch(run).go_on(self.search_seconds)
            cores.disjoint()
            cores.all()
        except MemoryError:
            return run.solution(Termination.MEMORY)
        run.info["cores"] = [cores.rows(core) for core in cores.found]
        return run.solution()


class _Cores:
    """The cores of a run and how they are found; samples are those of the threshold form."""

    def __init__(self, parameters: HittingSet, run: Run) -> None:
        self.parameters, self.run, self.form = parameters, run, run.form
        self.found: list[Core] = []
        self.nets: list[Firing] = []
        self.calls = 0
        X = run.problem.dataset.part("train")[0]
        _, first, row = np.unique(X, axis=0, return_index=True, return_inverse=True)
        balance = np.zeros(len(first), dtype=np.int64)
        np.add.at(balance, row.reshape(-1), run.problem.targets()[:, 0])
        majority = np.flatnonzero(balance)
        self._rows = [
            _of_class(run.problem, row.reshape(-1) == k, balance[k] > 0) for k in majority
        ]

    def rows(self, core: Core) -> list[int]:
        """A training row for each sample of a core."""
        return [self._rows[k] for k in core]

    def right(self, net: Firing) -> Any:
        """Which samples a net gets right."""
        return (net.fires(self.form.X) >= net.votes) == self.form.positive

    def fits(self, samples: Int64) -> Firing | bool:
        """A net that fits some samples, False for none, True for not known."""
        for net in reversed(self.nets):
            if self.right(net)[samples].all():
                return net
        run = self.run
        self.calls += 1
        run.info["calls"] = self.calls
        seconds = min(run.clock.left, 1e6)
        fitted = fit(self.form, samples, seconds, self.parameters.effort, run.seed)
        if isinstance(fitted, Firing):
            self.nets = [*self.nets[-KEPT_NETS:], fitted]
            run.found(fitted)
        return fitted

    def grown(self, wanted: Int64, price: Int64) -> Core | Firing | None:
        """A core among some samples, or a net that fits all of them; None when not found out."""
        chosen = wanted[:1]
        while not self.run.over:
            net = self.fits(chosen)
            if net is False:
                return self.shrunk(chosen)
            if not isinstance(net, Firing):
                return None
            wrong = wanted[~self.right(net)[wanted]]
            if not len(wrong):
                return net
            order = np.argsort(price[wrong], kind="stable")[: self.parameters.added]
            chosen = np.concatenate([chosen, wrong[order]])
        return None

    def shrunk(self, core: Int64) -> Core:
        """A core from which no single sample can be shown to be superfluous."""
        for k in core.tolist():
            if self.run.over:
                break
            rest = core[core != k]
            if self.fits(rest) is False:
                core = rest
        return tuple(sorted(core.tolist()))

    def pair_sums(self) -> None:
        """What pairs of samples with equal sums prove, where the net is one half-space."""
        run = self.run
        if self.form.units == 1 and not run.over:
            seconds = min(run.clock.left, 1e6)
            bound = pair_sum_bound(self.form, seconds, self.parameters.effort, run.seed)
            run.proved(bound, "pair sums")

    def disjoint(self) -> None:
        """Cores that share no weight; their weights add up."""
        left, bound = self.form.weight.copy(), 0
        while not self.run.over:
            core = self.grown(np.flatnonzero(left), -left)
            if not isinstance(core, tuple):
                return
            self.found.append(core)
            taken = int(left[list(core)].min())
            left[list(core)] -= taken
            bound += taken
            self.run.info["disjoint_bound"] = bound + self.form.base
            self.run.proved(bound, "disjoint cores")

    def all(self) -> None:
        """Cheapest hitting sets, and cores that they miss, until none is missed."""
        while not self.run.over and self.found:
            hitting, least = self.hitting_set()
            self.run.proved(least, "hitting sets")
            spared = np.zeros(len(self.form.X), dtype=bool)
            spared[hitting] = True
            fresh = 0
            while not self.run.over:
                result = self.grown(np.flatnonzero(~spared), -self.form.weight)
                if isinstance(result, tuple):
                    self.found.append(result)
                    spared[list(result)] = True
                    fresh += 1
                    continue
                if result is None:
                    fresh = fresh or -1
                break
            if fresh < 1:
                return

    def hitting_set(self) -> tuple[list[int], int]:
        """A cheapest set of samples that meets every core, and a bound on its weight."""
        from ortools.sat.python import cp_model

        program = cp_model.CpModel()
        members = sorted({k for core in self.found for k in core})
        chosen = {k: program.new_bool_var("") for k in members}
        for core in self.found:
            program.add_bool_or([chosen[k] for k in core])
        program.minimize(sum(int(self.form.weight[k]) * chosen[k] for k in members))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.linearization_level = 2
        solver.parameters.random_seed = self.run.seed % 2**31
        solver.parameters.max_time_in_seconds = max(0.01, min(self.run.clock.left, 1e6))
        status = solver.solve(program)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return members, 0
        least = round(float(np.ceil(solver.best_objective_bound - 1e-6)))
        return [k for k in members if solver.value(chosen[k])], least


def _of_class(problem: Problem, group: Any, positive: bool) -> int:
    """The first training row of a group with the majority's class."""
    own = group & ((problem.targets()[:, 0] > 0) == positive)
    return int(np.flatnonzero(own)[0])


def restricted(problem: Problem, rows: list[int]) -> Problem:
    """The same problem on some training rows only: infeasible without errors, if it is a core."""
    data = problem.dataset
    X, y = data.part("train")
    only = Dataset(data.name, X[rows], y[rows], (len(rows), 0, 0), data.scale, data.classes)
    return replace(problem, dataset=only)
