"""errors-route: the fewest wrong signs, by whatever method suits the size (errors.md section 5).

1. Threshold form (:mod:`bnnbench_mip.threshold_form`); bound: the base, and for one unit disjoint
   pair-sum cores. Local search until it meets the bound or its time is over.
2. One unit: all weight vectors where they are few; else the search by prefix bounds, which proves
   one limit after the other. With more than 20 features CP-SAT with full linearization comes first.
3. Two units and few weight vectors: CP-SAT for a moment, then all pairs of half-spaces.
4. What is left: a portfolio of CP-SAT with the incumbent as hint and the bound as a row. Its
   members, full linearization, core search, default and 8 workers, take turns; each turn doubles.
   For one unit the prefix search is a member too.

Every net is scored on the merged samples and, as a network, by the core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination
from bnnbench_mip.error_program import ErrorProgram
from bnnbench_mip.error_search import local_search
from bnnbench_mip.half_spaces import HalfSpaces, TooManyError, vectors
from bnnbench_mip.prefix_search import PrefixSearch, StoppedError
from bnnbench_mip.threshold_form import Firing, ThresholdForm, refuses

MEMBERS: dict[str, dict[str, Any]] = {
    "default": {},
    "linear": {"linearization_level": 2},
    "core": {"optimize_with_core": True},
    "workers": {"num_workers": 8},
}
"""CP-SAT's parameters by name of a member."""
HINTED = ("core", "workers")
"""Members that start from the incumbent: proofs of the others take two to five times as long then,
while core search finds no good nets of its own."""
DETERMINISTIC, MOVES, PREFIXES = 1.0, 2.5e7, 4e7
"""What a second is about: in CP-SAT's deterministic time, in changes of a weight times samples, and
in prefixes times samples. So a run that its limit does not end is the same every time."""
MANY = 20
"""With more features CP-SAT comes before the prefix search."""


@dataclass(frozen=True)
class ErrorsRoute(Solver):
    """Proves the fewest training errors of nets with one hidden layer and one output.

    For integer or binary weights with free biases.

    Attributes:
        search_seconds: of the local search, at most.
        most_vectors: enumerate weight vectors up to this number.
        most_pairs: compare so many pairs of half-spaces at most.
        first_seconds: of the first turn of a member of the portfolio. All seconds are nominal,
            counted in work and not by a clock.
    """

    name: ClassVar[str] = "errors-route"
    requires: ClassVar[tuple[str, ...]] = ("ortools",)
    preload: ClassVar[tuple[str, ...]] = ("ortools.sat.python.cp_model",)
    search_seconds: float = 1.0
    most_vectors: int = 60_000
    most_pairs: int = 2_000_000_000
    first_seconds: float = 1.5

    def accepts(self, model: Model) -> str | None:
        return refuses(model.data)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        run = Run(model.data, limits, seed, report)
        try:
            _Route(self, run).follow()
        except MemoryError:
            return run.solution(Termination.MEMORY)
        return run.solution()


@dataclass(eq=False)
class Run:
    """What is known so far about one problem, in errors beyond the base.

    Attributes:
        problem: what is solved.
        limits: what may be used.
        seed: of all searches.
        report: streams nets and bounds.
        best, net: fewest errors, and who has them.
        bound: proved for all nets.
        halted: whether a report or the target ended the run.
        info: figures for the record.
    """

    problem: Problem
    limits: Limits
    seed: int
    report: Report
    best: int = 0
    net: Firing | None = None
    bound: int = -1
    halted: bool = False
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = Clock(self.limits)
        self.form = ThresholdForm.of(self.problem)
        self.best = int(self.form.weight.sum()) + 1
        shape = (self.form.X.shape[1], self.form.units)
        always = int(self.form.weight[self.form.positive].sum()) * 2 > int(self.form.weight.sum())
        idle = np.repeat(self.form.values[:1], shape[0])[:, None].repeat(shape[1], axis=1)
        reach = int(np.abs(self.form.X).sum(axis=1).max(initial=0) + 1) * int(self.form.values[-1])
        self.found(Firing(idle, np.full(shape[1], -reach if always else reach + 1), 1))
        known = self.problem.lower_bound
        assert known is not None
        self.proved(
            math.ceil(known) - self.form.base, "pair sums" if self.problem.cores else "duplicates"
        )

    @property
    def over(self) -> bool:
        """Whether to stop: proved, told to, or out of time."""
        return self.bound >= self.best or self.halted or self.clock.over

    def found(self, net: Firing) -> bool:
        """Keep and stream a net if it is the best so far; returns whether to stop."""
        errors = self.form.excess(net)
        if errors < self.best:
            self.best, self.net = errors, net
            value = float(errors + self.form.base)
            self.halted |= self.report(self.form.network(net), objective=value)
            target = self.limits.target
            self.halted |= target is not None and value <= target
        return self.over

    def proved(self, bound: int, by: str) -> None:
        """Keep and stream a bound."""
        bound = min(bound, self.best)
        if bound > self.bound:
            self.bound = bound
            self.info["proved_by"] = by
            self.halted |= self.report(bound=float(bound + self.form.base))

    def solution(self, failure: Termination | None = None) -> Solution:
        """The claims at the end."""
        assert self.net is not None
        value, optimal = float(self.best + self.form.base), self.bound >= self.best
        termination = failure or Termination.ITERATIONS
        if optimal:
            termination = Termination.OPTIMAL
        elif self.limits.target is not None and value <= self.limits.target:
            termination = Termination.TARGET
        elif self.clock.over:
            termination = Termination.TIME
        elif self.halted:
            termination = Termination.INTERRUPTED
        return Solution(
            self.form.network(self.net),
            Status.OPTIMAL if optimal else Status.FEASIBLE,
            termination,
            value,
            float(self.bound + self.form.base),
            {"base": self.form.base, "samples": len(self.form.X), **self.info},
        )

    def search(self, seconds: float) -> None:
        """Local search until proved, or for some seconds' worth of steps."""
        steps = max(1, round(seconds * MOVES / (self.form.X.size * len(self.form.values))))
        rng = np.random.Generator(np.random.PCG64(self.seed))

        def found(net: Firing, errors: int) -> bool:
            nonlocal steps
            steps -= 1
            return (errors < self.best and self.found(net)) or steps <= 0 or self.over

        if not self.over:
            local_search(self.form, rng, found)

    def program(self, member: str, seconds: float, cores: Any = ()) -> None:
        """CP-SAT on the whole problem, from what is known, for some seconds."""
        from ortools.sat.python import cp_model

        if self.over:
            return
        by = f"cp-sat {member}"
        model = ErrorProgram.of(self.form, range(len(self.form.X)))
        model.clauses(cores)
        model.bounds(self.bound, None)
        if self.net is not None and member in HINTED:
            model.hint(self.net)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = self.seed % 2**31
        solver.parameters.max_deterministic_time = seconds / DETERMINISTIC
        if math.isfinite(self.clock.left):
            solver.parameters.max_time_in_seconds = max(0.01, 0.98 * self.clock.left)
        for key, value in MEMBERS[member].items():
            setattr(solver.parameters, key, value)
        run = self

        class Solutions(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
            def on_solution_callback(self) -> None:
                if run.found(model.net(self.value)):
                    self.stop_search()

        def bounded(bound: float) -> None:
            run.proved(math.ceil(bound - 1e-6), by)
            if run.over:
                solver.stop_search()

        solver.best_bound_callback = bounded
        status = solver.solve(model.program, Solutions())
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            self.found(model.net(solver.value))
            self.proved(math.ceil(solver.best_objective_bound - 1e-6), by)


class _Route:
    """The steps of a run."""

    def __init__(self, parameters: ErrorsRoute, run: Run) -> None:
        self.parameters, self.run, self.form = parameters, run, run.form
        self.vectors = vectors(self.form.X.shape[1], len(self.form.values))
        self.prefixes: PrefixSearch | None = None
        self.limit = 0

    @property
    def few(self) -> bool:
        """Whether all weight vectors can be listed."""
        return self.vectors <= self.parameters.most_vectors

    def follow(self) -> None:
        """All steps, until proved or out of time."""
        run, units = self.run, self.form.units
        if not self.form.X.size:
            run.proved(0, "duplicates")
            return
        searched, first = min(0.1, self.parameters.search_seconds), self.parameters.first_seconds
        if units == 1 and self.form.X.shape[1] > MANY:
            run.program("linear", 4 * first)
        elif units == 1 and self.few:
            # Prefixes merge samples where features have two values.
            if np.ptp(self.form.X) <= 1:
                self._limits(0.03)
            self._one()
        elif units == 2 and self.few:
            run.program("default", 0.4)
            run.search(searched)
            self._two()
        run.search(searched)
        if units == 1:
            self._limits(8 * first)
        run.search(self.parameters.search_seconds - searched)
        self._portfolio()

    def _one(self) -> None:
        if self.run.over:
            return
        spaces = HalfSpaces.of(self.form, lambda: self.run.over)
        net = spaces.best_one()
        if net is not None:
            self.run.found(net)
            self.run.proved(self.run.best, "half-spaces")

    def _two(self) -> None:
        if self.run.over:
            return
        spaces = HalfSpaces.of(self.form, lambda: self.run.over)
        one = spaces.best_one()
        if one is not None:
            self.run.found(_padded(one, self.form))
        try:
            net = spaces.better_pair(self.run.best, self.parameters.most_pairs)
        except TooManyError:
            return
        if net is not None:
            self.run.found(net)
        self.run.proved(self.run.best, "pairs of half-spaces")

    def _limits(self, seconds: float) -> None:
        """Raise the limit of the prefix search for some seconds' worth of prefixes."""
        if self.run.over:
            return
        if self.prefixes is None:
            self.prefixes = PrefixSearch(self.form, lambda: self.run.over)
        self.prefixes.left = round(seconds * PREFIXES / len(self.form.X))
        try:
            while not self.run.over:
                limit = max(0, self.run.bound)
                net = self.prefixes.within(limit)
                if net is not None:
                    self.run.found(net)
                    self.run.proved(self.run.best, "prefixes")
                else:
                    self.run.proved(limit + 1, "prefixes")
        except StoppedError:
            return

    def _portfolio(self) -> None:
        one = self.form.units == 1
        names = ["linear", "prefixes", "core", "workers"] if one else list(MEMBERS)
        if not one:
            names = ["core", "linear", "workers", "default"]
        seconds = self.parameters.first_seconds * (1 if one else 6)
        while not self.run.over:
            for name in names:
                if self.run.over:
                    return
                if name == "prefixes":
                    self._limits(2 * seconds)
                else:
                    self.run.program(name, seconds)
            seconds *= 2


def _padded(net: Firing, form: ThresholdForm) -> Firing:
    """A net of one unit with further units that never fire."""
    spare = form.units - net.weights.shape[1]
    reach = int(np.abs(form.X).sum(axis=1).max(initial=0) + 1) * int(form.values[-1])
    idle = np.full((net.weights.shape[0], spare), form.values[0])
    return Firing(
        np.concatenate([net.weights, idle], axis=1),
        np.concatenate([net.thresholds, np.full(spare, reach + 1)]),
        net.votes,
    )
