"""What happens inside the process of a cell: build, solve, decode, verify."""

from __future__ import annotations

import math
import time
import traceback
from typing import Any, Protocol

import msgspec

from bnnbench import netfile
from bnnbench.interfaces import Formulation, Model, Solver, direct_model, missing
from bnnbench.metrics import TracePoint
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.record import Claims, Ending, Seconds
from bnnbench.registry import Registry
from bnnbench.runner.messages import Incumbent, Outcome, Phase
from bnnbench.solution import Limits, Point, Solution, Status, Termination
from bnnbench.spec import parse
from bnnbench.suite import Cell
from bnnbench.verify import contradictions, evaluate, objective_of

MAX_KEPT = 128


class Emit(Protocol):
    """How a cell sends messages out."""

    def __call__(self, message: Any, *, hold: bool = False) -> None:
        """Send a message; one that is held goes out with the next that is not."""


class Stream:
    """The report of a running solver: sends incumbents out as they come and keeps some of them."""

    def __init__(self, model: Model, limits: Limits, emit: Emit, start: float) -> None:
        self._model, self._target, self._emit, self._start = model, limits.target, emit, start
        self.kept: list[Incumbent] = []
        self.interrupted = False

    def __call__(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        """See :class:`bnnbench.interfaces.Report`."""
        network = None
        if answer is not None:
            network = netfile.to_bytes(self._model.network(answer))
        message = Incumbent(
            time=time.monotonic() - self._start,
            network=network,
            objective=_finite(objective),
            bound=_finite(bound) if self._model.exact else None,
        )
        self._emit(message)
        keep(self.kept, message)
        hit = self._target is not None and objective is not None and objective <= self._target
        return hit or self.interrupted


def keep(kept: list[Incumbent], message: Incumbent) -> None:
    """Append, thinning the past to every second entry when the list grows too long."""
    kept.append(message)
    if len(kept) > MAX_KEPT:
        del kept[1:-1:2]


class CellRun:
    """One run of a cell; :meth:`run` returns its outcome whatever the solver does in Python."""

    def __init__(self, registry: Registry, cell: Cell, emit: Emit) -> None:
        self._registry, self._cell, self._emit = registry, cell, emit
        self._stage = "load"
        self._start = time.monotonic()
        self._spent: dict[str, float] = {}
        self.stream: Stream | None = None

    def run(self, problem: Problem, solver: Solver) -> Outcome:
        """Run the cell on its problem."""
        try:
            return self._run(problem, solver)
        except MemoryError:
            return self._end(Ending.MEMOUT, "MemoryError")
        except BaseException as error:
            trace = traceback.format_exc(limit=-8)
            return self._end(Ending.ERROR, f"{type(error).__name__}: {error}\n{trace}")

    def interrupt(self) -> None:
        """Ask the solver, at its next report, to stop."""
        if self.stream is not None:
            self.stream.interrupted = True

    def _run(self, problem: Problem, solver: Solver) -> Outcome:
        cell = self._cell
        formulation = None
        if cell.formulation:
            formulation = self._registry.formulation(parse(cell.formulation))
            reason = missing(formulation.requires) or formulation.accepts(problem)
            if reason is not None:
                return self._end(Ending.SKIPPED, reason)
        model = self._build(problem, formulation)
        reason = solver.accepts(model)
        if reason is not None:
            return self._end(Ending.SKIPPED, reason)
        left = cell.limits.time - (time.monotonic() - self._start)
        if left <= 0:
            return self._end(Ending.TIMEOUT, f"building took {self._spent['build']:.3g} s")
        solution = self._solve(solver, model, left)
        if not isinstance(solution, Solution):
            got = type(solution).__name__
            return self._end(Ending.ERROR, f"solve() must return a Solution, got {got}")
        return self._check(problem, model, solver, solution)

    def _enter(self, stage: str, *, hold: bool = False) -> float:
        now = time.monotonic()
        self._stage = stage
        self._emit(Phase(name=stage), hold=hold)
        return now

    def _build(self, problem: Problem, formulation: Formulation | None) -> Model:
        self._start = begin = self._enter("build", hold=formulation is None)
        model = formulation.build(problem) if formulation else direct_model(problem)
        self._spent["build"] = time.monotonic() - begin
        return model

    def _solve(self, solver: Solver, model: Model, left: float) -> Solution:
        limits = msgspec.structs.replace(self._cell.limits, time=left).limits()
        begin, cpu = self._enter("solve"), time.process_time()
        self.stream = Stream(model, limits, self._emit, self._start)
        try:
            return solver.solve(model, limits, self._cell.seed, self.stream)
        finally:
            self._spent["solve"] = time.monotonic() - begin
            self._spent["solve_cpu"] = time.process_time() - cpu

    def _check(self, problem: Problem, model: Model, solver: Solver, solution: Solution) -> Outcome:
        begin = self._enter("decode")
        answer: Network | Point | None = solution.answer
        stream = self.stream.kept if self.stream else []
        if answer is None:
            last = next((m.network for m in reversed(stream) if m.network), None)
            answer = netfile.from_bytes(last) if last else None
        network = None if answer is None else model.network(answer)
        self._spent["decode"] = time.monotonic() - begin
        begin = self._enter("verify", hold=True)
        facts = evaluate(problem, network, reference=solver.reference) if network else None
        trace = verified_trace(problem, stream)
        self._spent["verify"] = time.monotonic() - begin
        claims = _claims(solution, model)
        wrong = contradictions(
            facts,
            status=Status(claims.status),
            objective=claims.objective,
            bound=claims.bound if model.exact else None,
        )
        bound = claims.bound if model.exact and not wrong else None
        self._stage = "done"
        return self._end(
            Ending.INVALID if wrong else Ending.OK,
            "; ".join(wrong),
            claims=claims,
            evaluation=facts,
            solver_bound=None if bound is None else problem.round_bound(bound),
            network=netfile.to_bytes(network) if network else None,
            trace=trace,
        )

    def _end(self, ending: Ending, detail: str, **rest: Any) -> Outcome:
        return Outcome(
            ending=str(ending),
            stage=self._stage,
            detail=detail,
            seconds=Seconds(**self._spent),
            **rest,
        )


def verify_stream(problem: Problem, stream: list[Incumbent], *, reference: bool) -> Outcome:
    """What can be said of a run that was stopped from outside: its last streamed network."""
    last = next((m for m in reversed(stream) if m.network), None)
    network = netfile.from_bytes(last.network) if last and last.network else None
    facts = evaluate(problem, network, reference=reference) if network else None
    wrong = contradictions(
        facts,
        status=Status.FEASIBLE if network else Status.NONE,
        objective=last.objective if last else None,
        bound=None,
    )
    bounds = [m.bound for m in stream if m.bound is not None]
    return Outcome(
        ending=str(Ending.INVALID if wrong else Ending.OK),
        stage="verify",
        detail="; ".join(wrong),
        evaluation=facts,
        solver_bound=problem.round_bound(max(bounds)) if bounds and not wrong else None,
        network=last.network if last else None,
        trace=verified_trace(problem, stream),
        claims=Claims(
            status=str(Status.FEASIBLE if network else Status.NONE),
            objective=last.objective if last else None,
            bound=max(bounds, default=None),
        ),
    )


def verified_trace(problem: Problem, stream: list[Incumbent]) -> list[TracePoint]:
    """Best verified objective and best bound over time."""
    trace: list[TracePoint] = []
    best, bound = math.inf, -math.inf
    for message in stream:
        if message.network is not None:
            value = objective_of(problem, netfile.from_bytes(message.network))
            best = min(best, math.inf if value is None else value)
        if message.bound is not None:
            bound = max(bound, message.bound)
        trace.append(TracePoint(message.time, _finite(best), _finite(bound)))
    return trace


def _claims(solution: Solution, model: Model) -> Claims:
    info = {str(k): _plain(v) for k, v in {**model.info, **solution.info}.items()}
    return Claims(
        status=str(model.status(Status(solution.status))),
        termination=str(Termination(solution.termination)),
        objective=_finite(solution.objective),
        bound=_finite(solution.bound),
        info=info,
    )


def _finite(value: Any) -> float | None:
    """A finite float or None; NaN and infinities are no claims."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _plain(value: Any) -> Any:
    """A figure as JSON has it; anything unknown as text."""
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    try:
        return _finite(value)
    except (TypeError, ValueError):
        return str(value)
