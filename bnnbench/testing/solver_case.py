"""The rules of a solver."""

from __future__ import annotations

import importlib.metadata
import itertools
import math
import unittest
from collections.abc import Iterator, Sequence
from typing import ClassVar
from unittest import mock

from bnnbench.interfaces import Formulation, Model, Solver, direct_model, missing
from bnnbench.member import Kind
from bnnbench.objectives import BUILT_IN, Lexicographic
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Termination
from bnnbench.spec import parse
from bnnbench.testing.case import ClassCase, require, sensible
from bnnbench.testing.cell_rule import run_cell
from bnnbench.testing.problems import known_optimum, large_problem, tiny_problems
from bnnbench.testing.trial import SLACK, Said, Trial, attempt, check_claims

GRACE = 5.0
"""Seconds after its limit at which the core stops a process: the default of suites."""
USUAL = ("errors", "squared-hinge")
"""Objectives that a direct solver is tried on first, in turn."""
PROMPT = 5.0
"""Seconds within which a solver should stop once it is told to."""
PATIENCE = 12.0
"""Time limit of runs that are told to stop long before."""


class SolverCase(ClassCase):
    """Conformance of a solver.

    Attributes:
        spec: the solver, best with parameters that make it end by itself within a second.
        formulation: for a solver that reads models: a formulation of its kind, as a spec; by
            default the first one registered that accepts a problem of the kit.
        objectives: which to solve; by default the formulation's, or ``errors`` and
            ``squared-hinge``, or what the solver accepts of the built-in ones.
        seconds: time limit of each tiny problem.
    """

    kind = Kind.SOLVER
    formulation: ClassVar[str | None] = None
    objectives: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 2.0

    def problems(self) -> Sequence[Problem]:
        """Small problems to solve, of which those that are accepted are used; may be overridden."""
        names = self._objective_names()
        first = len(USUAL) if names[: len(USUAL)] == USUAL else len(names)
        return [
            tiny_problems(self.registry.objective(parse(name)))[i]
            for i in range(len(tiny_problems()))
            for name in (*_turned(names[:first], i), *names[first:])
        ]

    def hard_problem(self) -> Problem:
        """A problem that takes longer than half a second; may be overridden."""
        return large_problem(self.registry.objective(parse(self._objective_names()[0])))

    def test_available(self) -> None:
        """`available()` gives None, or a reason; a distribution that is not there is a reason."""
        solver: Solver = self.subject
        reason = solver.available()
        if reason is not None:
            sensible(reason, "available()")
        if not solver.requires:
            return
        with mock.patch("importlib.metadata.version", _absent):
            hidden = solver.available()
        require(
            hidden is not None,
            f"Without {', '.join(solver.requires)} installed, available() still gives None.",
            "Return 'missing(self.requires)' of bnnbench.interfaces first: the core then skips a"
            " cell with that reason instead of letting it fail.",
        )
        sensible(hidden, "available()")

    def test_accepts(self) -> None:
        """`accepts(model)` gives None for what it can solve, or a short reason."""
        accepted = 0
        for model in self._all_models():
            reason = self.subject.accepts(model)
            accepted += reason is None
            if reason is not None:
                sensible(reason, f"accepts() on {model.problem.dataset.name}")
        if not accepted:
            raise unittest.SkipTest("it accepts none of the kit's problems; override problems()")

    def test_claims_are_true(self) -> None:
        """Claims equal verified figures; nothing is better than the optimum, no bound above it."""
        for trial in self._trials():
            if not self.subject.reference:
                score = known_optimum(trial.model.problem)
                known = trial.model.problem.known_objective
                value = score.value if score and score.feasible else known
                check_claims(trial, None if value is None else float(value))

    def test_answers(self) -> None:
        """It finds a network on most tiny problems."""
        trials = self._trials()
        found = sum(t.network is not None for t in trials)
        require(
            2 * found >= len(trials),
            f"It returned a network on {found} of {len(trials)} tiny problems that it accepts.",
            "Refuse in accepts() what it cannot solve, and return the best network so far when a"
            " limit is reached.",
        )

    def test_incumbents_improve(self) -> None:
        """Streamed objectives never rise, bounds never fall, the answer is the best streamed."""
        for trial in (*self._trials(), self._timed()):
            for kind, direction in (("objective", 1.0), ("bound", -1.0)):
                values = [getattr(s, kind) for s in trial.stream]
                known = [direction * v for v in values if v is not None and math.isfinite(v)]
                worse = [b for a, b in itertools.pairwise(known) if b > a + SLACK * max(1, abs(a))]
                require(
                    not worse,
                    f"On {trial.model.problem.dataset.name} the {kind}s {values[:8]} went the wrong"
                    " way.",
                    "Call report() with an answer only when it is better than all before, and with"
                    " the best bound so far.",
                )
            self._check_last(trial)

    def test_same_seed_same_answer(self) -> None:
        """The same seed gives the same answer with one thread, when no clock binds."""
        repeated = 0
        for first in self._trials()[:3]:
            if first.solution.termination is Termination.TIME:
                continue
            again = attempt(self.subject, first.model, first.limits)
            repeated += 1
            require(
                first.claims == again.claims,
                f"On {first.model.problem.dataset.name} two runs with seed 0 gave"
                f" {_short(first.claims)} and {_short(again.claims)}.",
                "Draw from np.random.default_rng(seed) only, keep no state between solves, and"
                " sort what comes out of sets.",
            )
        if not repeated:
            raise unittest.SkipTest(
                "every run stopped by the clock; name a spec that ends by itself, such as"
                f" {self.parsed.name}[steps=1000]"
            )

    def test_time_limit(self) -> None:
        """It stops by itself at the time limit, on a problem that takes longer."""
        trial = self._timed()
        allowed = trial.limits.time + GRACE
        require(
            trial.wall <= allowed,
            f"With a time limit of {trial.limits.time} s it took {trial.wall:.1f} s; the core would"
            f" have killed it after {allowed} s.",
            "Make a Clock(limits) and look at clock.over often, or hand clock.left to the library.",
        )

    def test_threads(self) -> None:
        """It uses no more CPU than its thread limit allows."""
        trial = self._timed()
        require(
            trial.cpu <= 1.5 * trial.wall * trial.limits.threads + 0.3,
            f"With one thread it used {trial.cpu:.1f} s of CPU in {trial.wall:.1f} s.",
            "Hand limits.threads to the library; the default of many is one thread per core.",
        )

    def test_target(self) -> None:
        """It stops at the target and says so."""
        trial = self._timed()
        values = [s.objective for s in trial.stream if s.objective is not None and _early(s, trial)]
        if not values:
            raise unittest.SkipTest(
                "it streams no objectives while it runs, so it cannot be stopped at a target; pass"
                " objective= to report()"
            )
        easy = values[0]
        trial = attempt(self.subject, trial.model, Limits(time=PATIENCE, target=easy))
        claim, ended = trial.solution.objective, trial.solution.termination
        if claim is None or claim > easy:
            return
        require(
            trial.asked is None or trial.wall - trial.asked <= PROMPT,
            f"It reached the target {easy:.9g}, its first incumbent, after {trial.asked} s and went"
            f" on until {trial.wall:.1f} s.",
            "Stop when report() returns True, or when the objective is at most limits.target.",
        )
        require(
            ended in (Termination.TARGET, Termination.OPTIMAL),
            f"It reached the target {easy:.9g} with {claim:.9g} but says it stopped by {ended}.",
            "Return Termination.TARGET when the objective is at most limits.target.",
        )

    def test_interrupt(self) -> None:
        """When `report` returns True it stops soon and returns what it has."""
        if not any(s.network and _early(s, self._timed()) for s in self._timed().stream):
            raise unittest.SkipTest(
                "it streams no answers while it runs; call report(answer, objective=...) at every"
                " improvement so that a killed run keeps its network"
            )
        trial = attempt(self.subject, self._timed().model, Limits(time=PATIENCE), interrupt=True)
        if trial.asked is None:
            raise unittest.SkipTest(f"it streamed no answer within {PATIENCE} s")
        require(
            trial.wall - trial.asked <= PROMPT,
            f"report() returned True after {trial.asked:.2f} s; solve() returned after"
            f" {trial.wall:.2f} s.",
            "Stop the loop, or interrupt the library, when report() returns True.",
        )
        require(
            trial.network is not None or trial.solution.answer is None,
            "It returned nothing that can be decoded.",
            "Return the best answer so far when it is interrupted.",
        )
        self._check_last(trial)

    def test_silent(self) -> None:
        """It prints nothing on standard output."""
        for trial in (*self._trials(), self._timed()):
            require(
                not trial.printed.strip(),
                f"It printed {trial.printed.strip()[:80]!r}.",
                "Turn the library's log off, and put figures worth keeping into Solution.info.",
            )

    def test_runs_as_a_cell(self) -> None:
        """The runner can run it in a process of its own; one that is unavailable is skipped."""
        model = next(self._accepted(), None)
        if model is None:
            raise unittest.SkipTest("it accepts none of the kit's problems; override problems()")
        if model.problem.dataset.name not in {p.dataset.name for p in tiny_problems()}:
            raise unittest.SkipTest("problems() is overridden; run a suite of your own instead")
        formulation = None if self.subject.kind == "direct" else self._formulation_of(model)
        record = run_cell(self.registry, self.files, self.spec, formulation, model.problem)
        wanted = ("skipped",) if self.subject.available() else ("ok", "skipped")
        require(
            str(record.ending) in wanted,
            f"Run as a cell it ended as {record.ending}: {record.detail.strip()[-600:]}",
            "Import libraries inside solve(), start no threads or GPU contexts at import, and read"
            " the detail above.",
        )

    # What the rules share.

    def _objective_names(self) -> tuple[str, ...]:
        if self.objectives:
            return self.objectives
        if self.subject.kind != "direct":
            made_for = [n for f in self._formulations() for n in f.objectives]
            return tuple(dict.fromkeys(made_for)) or ("errors",)
        rest = [o.name for o in BUILT_IN if o is not Lexicographic and o.name not in USUAL]
        return (*USUAL, *rest)

    def _formulations(self) -> list[Formulation]:
        return _formulations(self.registry, self.subject.kind, self.formulation)

    def _models(self, problem: Problem) -> Iterator[Model]:
        if self.subject.kind == "direct":
            yield direct_model(problem)
            return
        for formulation in self._formulations():
            if formulation.accepts(problem) is None:
                yield formulation.build(problem)

    def _all_models(self) -> Iterator[Model]:
        for problem in self.problems():
            yield from self._models(problem)

    def _formulation_of(self, model: Model) -> str | None:
        if self.formulation:
            return self.formulation
        return next(
            (f.name for f in self._formulations() if f.accepts(model.problem) is None), None
        )

    def _accepted(self) -> Iterator[Model]:
        """One model for each tiny problem that formulation and solver accept."""
        seen: set[str] = set()
        for problem in self.problems():
            if problem.dataset.name in seen or problem.infeasible:
                continue
            for model in self._models(problem):
                if self.subject.accepts(model) is None:
                    seen.add(problem.dataset.name)
                    yield model
                    break

    def _trials(self) -> list[Trial]:
        """The solved tiny problems, solved once for all rules of a case."""
        self._needs()
        case = type(self)
        if "_kept" not in vars(case):
            solver = self.subject
            case._kept = [attempt(solver, m, Limits(time=self.seconds)) for m in self._accepted()]
        if not case._kept:
            raise unittest.SkipTest("it accepts none of the kit's problems; override problems()")
        return case._kept

    _kept: ClassVar[list[Trial]]
    _kept_timed: ClassVar[Trial]

    def _timed(self) -> Trial:
        """A run under half a second on the hard problem, after libraries are warm."""
        trials = self._trials()
        case = type(self)
        if "_kept_timed" not in vars(case):
            models = [m for m in self._models(self.hard_problem()) if not self.subject.accepts(m)]
            model = models[0] if models else trials[-1].model
            case._kept_timed = attempt(self.subject, model, Limits(time=0.5))
        return case._kept_timed

    def _needs(self) -> None:
        reason = self.subject.available()
        if reason is not None:
            raise unittest.SkipTest(reason)
        if self.subject.kind != "direct" and not self._formulations():
            raise unittest.SkipTest(
                f"no formulation of kind {self.subject.kind} is installed; set 'formulation'"
            )

    def _check_last(self, trial: Trial) -> None:
        streamed = [s.verified for s in trial.stream if s.verified is not None]
        if not streamed or self.subject.reference:
            return
        best, last = min(streamed), trial.objective
        require(
            trial.solution.answer is None
            or (last is not None and last <= best + SLACK * max(1.0, abs(best))),
            f"On {trial.model.problem.dataset.name} it streamed a network of objective {best:.9g}"
            f" but returned one of {last}.",
            "Return the best answer of the run.",
        )


def _turned(names: tuple[str, ...], by: int) -> tuple[str, ...]:
    return (*names[by % len(names) :], *names[: by % len(names)])


def _early(said: Said, trial: Trial) -> bool:
    """Whether something was said before the end of a run."""
    return said.time < 0.8 * trial.wall


def _absent(name: str) -> str:
    raise importlib.metadata.PackageNotFoundError(name)


def _short(claims: tuple[object, ...]) -> str:
    *rest, network = claims
    return f"{', '.join(map(str, rest))}, network {str(network)[:8]}"


def _formulations(registry: Registry, kind: str, spec: str | None) -> list[Formulation]:
    """The formulation that is named, or all of a kind that are installed, with their defaults."""
    if spec is not None:
        return [registry.formulation(parse(spec))]
    return [
        member.make(parse(member.name))
        for member in registry.members(Kind.FORMULATION)
        if member.target.kind == kind and missing(member.target.requires) is None
    ]
