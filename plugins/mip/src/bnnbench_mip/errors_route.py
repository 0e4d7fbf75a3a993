"""errors-route: the fewest wrong signs, by whatever method suits the size (errors.md section 5).

All methods share one incumbent and one bound. Which come first depends on the units H, on how many
weight vectors a unit has, and on whether every feature has two values:

1. H = 1, weight vectors that can be listed: all of them. That is a known and small price, a sort
   of the samples per vector. With two-valued features prefixes merge samples, so the prefix search
   has a moment first.
2. H = 1, more vectors: a moment of prefixes and one of CP-SAT with full linearization, which
   closes what has next to no errors; the pair-sum bound; then turns of two leading members: the
   prefix search, where features have two values and there are at most 20 of them, and full
   linearization under rising limits. The latter comes first where few errors are left between
   bound and incumbent.
3. H >= 2: a few steps of local search and a moment of CP-SAT without probing, whose presolve would
   cost more than the whole of an easy proof; more local search, where many errors are left; core
   search; with H = 2 and few vectors all pairs of half-spaces; then turns.

Turns: local search, then the leading members; where these take long the others too. Each round
quadruples the time of a turn, so no member waits for more than a fixed multiple of its own time.
Search and prefixes go on where they were; programs start below the incumbent
(:mod:`bnnbench_mip.error_portfolio`).

Every net is scored on the merged samples and, as a network, by the core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnbench.interfaces import Model, Report, Solver
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_mip.error_portfolio import minimise, moment, raised
from bnnbench_mip.error_run import Run
from bnnbench_mip.error_search import LocalSearch
from bnnbench_mip.half_spaces import HalfSpaces, TooManyError, vectors
from bnnbench_mip.pair_sum_program import pair_sum_bound
from bnnbench_mip.prefix_search import PrefixSearch, StoppedError
from bnnbench_mip.threshold_form import Firing, ThresholdForm, refuses

PREFIXES = 8e7
"""Prefixes times samples of about a second. So a run that its limit does not end is the same every
time; local search and CP-SAT count work as well."""
MANY = 20
"""With more features linearization comes before the prefix search, which is exponential in them."""
NEAR = 4
"""With no more errors than this between bound and incumbent it does as well: limits on the errors
take exponentially longer with their number, prefixes hardly."""
PAIR_SUMS = 0.1
"""Effort of the pair-sum bound; a hundredth is enough for some hundred samples."""
GROWTH, LATE = 4, 6.0
"""From the turns of a round to those of the next; seconds of a turn from which all have one."""
MOMENT = 0.02
"""Seconds of what comes first, since it may be all that an easy problem needs."""


@dataclass(frozen=True)
class ErrorsRoute(Solver):
    """Proves the fewest training errors of nets with one hidden layer and one output.

    For integer or binary weights with free biases.

    Attributes:
        search_seconds: of the local search in a round, at most.
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
    first_seconds: float = 0.5

    def accepts(self, model: Model) -> str | None:
        return refuses(model.data)

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        run = Run(model.data, limits, seed, report)
        try:
            _Route(self, run).follow()
        except MemoryError:
            return run.solution(Termination.MEMORY)
        return run.solution()


class _Route:
    """The steps of a run."""

    def __init__(self, parameters: ErrorsRoute, run: Run) -> None:
        self.parameters, self.run, self.form = parameters, run, run.form
        self.few = vectors(self.form.X.shape[1], len(self.form.values)) <= parameters.most_vectors
        self.two_valued = bool(np.ptp(self.form.X, axis=0).max(initial=0) <= 1)
        self.local = LocalSearch(run)
        self.prefixes: PrefixSearch | None = None

    def follow(self) -> None:
        """All steps, until proved or out of time."""
        if not self.form.X.size:
            self.run.proved(0, "duplicates")
        elif self.form.units == 1:
            self._one()
        else:
            self._more()

    def _one(self) -> None:
        run, features = self.run, self.form.X.shape[1]
        if self.few:
            if self.two_valued:
                self._limits(MOMENT)
            self._all_half_spaces()
        elif self.two_valued and features <= MANY:
            self._limits(MOMENT / 2)
        moment(run, "linear", MOMENT)
        if not run.over:
            seconds = min(run.clock.left, 1e6)
            run.proved(pair_sum_bound(self.form, seconds, PAIR_SUMS, run.seed), "pair sums")
        leading = ["limits"]
        if self.two_valued and features <= MANY:
            leading.insert(int(run.best - run.bound <= NEAR), "prefixes")
        later = ["core", "workers"] if len(leading) > 1 else ["prefixes", "core", "workers"]
        self._turns(self.parameters.first_seconds / 5, leading, later)

    def _more(self) -> None:
        run, first = self.run, self.parameters.first_seconds
        self.local.go_on(MOMENT / 20)
        moment(run, "plain", MOMENT)
        if run.best - run.bound > NEAR:
            self.local.go_on(min(1.5 * MOMENT, self.parameters.search_seconds))
        minimise(run, "core", first)
        if self.form.units == 2 and self.few:
            self._all_pairs()
        self._turns(16 * first, ["core"], ["linear", "workers", "default"])

    def _turns(self, seconds: float, leading: list[str], later: list[str]) -> None:
        """Rounds of turns; ``later`` members wait until turns take ``LATE`` seconds."""
        while not self.run.over:
            self.local.go_on(min(seconds / 8, self.parameters.search_seconds))
            for name in leading + (later if seconds >= LATE else []):
                if name == "prefixes":
                    self._limits(seconds)
                elif name == "limits":
                    raised(self.run, "linear", seconds)
                elif name == "workers":
                    minimise(self.run, name, seconds / 8)
                else:
                    minimise(self.run, name, seconds)
            seconds *= GROWTH

    def _all_half_spaces(self) -> None:
        if self.run.over:
            return
        net = HalfSpaces.of(self.form, lambda: self.run.over).best_one()
        if net is not None:
            self.run.found(net)
            self.run.proved(self.run.best, "half-spaces")

    def _all_pairs(self) -> None:
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
        run = self.run
        if run.over:
            return
        if self.prefixes is None:
            self.prefixes = PrefixSearch(self.form, lambda: run.over)
        self.prefixes.left = round(seconds * PREFIXES / len(self.form.X))
        try:
            while not run.over:
                net = self.prefixes.within(run.bound)
                if net is not None:
                    run.found(net)
                    run.proved(run.best, "prefixes")
                else:
                    run.proved(self.prefixes.next_limit, "prefixes")
        except StoppedError:
            return


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
