"""One watched solve: what a solver claimed, streamed, printed and took, and what of it is true."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from bnnbench.interfaces import Model, Solver
from bnnbench.network import Network
from bnnbench.solution import Limits, Point, Solution
from bnnbench.testing.case import BrokenRuleError, require
from bnnbench.verify import Evaluation, contradictions, evaluate, objective_of

SLACK = 1e-6


@dataclass(frozen=True)
class Said:
    """A call of report.

    Attributes:
        time: seconds since the start.
        objective: the claim.
        bound: the claim.
        verified: the true objective of the streamed network; None without one, or when infeasible.
        network: digest of the streamed network; empty without one.
    """

    time: float
    objective: float | None
    bound: float | None
    verified: float | None
    network: str


@dataclass(frozen=True, eq=False)
class Trial:
    """A solve as it was seen from outside.

    Attributes:
        model: what was solved.
        limits: what it might use.
        solution: what the solver returned.
        network: the network that its answer means.
        evaluation: the facts about that network; None without one.
        stream: all calls of report.
        asked: seconds after which report first said to stop; None when it never did.
        wall, cpu: seconds.
        printed: what came out on standard output.
    """

    model: Model
    limits: Limits
    solution: Solution
    network: Network | None
    evaluation: Evaluation | None
    stream: tuple[Said, ...]
    asked: float | None
    wall: float
    cpu: float
    printed: str

    @property
    def objective(self) -> float | None:
        """The verified objective."""
        return self.evaluation.objective if self.evaluation else None

    @property
    def claims(self) -> tuple[object, ...]:
        """What has to repeat with the seed."""
        s, network = self.solution, self.network.digest if self.network else None
        return (str(s.status), str(s.termination), s.objective, s.bound, network)

    def contradictions(self) -> list[str]:
        """Claims that the facts contradict, as the core judges them."""
        return contradictions(
            self.evaluation,
            status=self.solution.status,
            objective=self.solution.objective,
            bound=self.solution.bound if self.model.exact else None,
        )


@dataclass(eq=False)
class _Listener:
    """A report that checks what it is told, and may ask to stop at the first answer."""

    model: Model
    limits: Limits
    interrupt: bool
    start: float = 0.0
    stream: list[Said] = field(default_factory=list)
    asked: float | None = None

    def __call__(
        self,
        answer: Network | Point | None = None,
        *,
        objective: float | None = None,
        bound: float | None = None,
    ) -> bool:
        network = None if answer is None else self.model.network(answer)
        now = time.monotonic() - self.start
        verified = None if network is None else objective_of(self.model.problem, network)
        digest = network.digest if network else ""
        self.stream.append(Said(now, objective, bound, verified, digest))
        target = self.limits.target
        hit = target is not None and objective is not None and objective <= target
        if hit or (self.interrupt and network is not None):
            self.asked = now if self.asked is None else self.asked
        return self.asked is not None


def attempt(
    solver: Solver, model: Model, limits: Limits, seed: int = 0, *, interrupt: bool = False
) -> Trial:
    """Solve once and look closely.

    Args:
        solver: what is checked.
        model: of its kind.
        limits: as a suite would set them.
        seed: of the solver. The global generators of numpy and random are set to something else
            each time: a solver that draws from them does not repeat itself.
        interrupt: ask the solver to stop as soon as it has streamed an answer.

    Raises:
        BrokenRuleError: when it raises, or returns something that is no solution.
    """
    np.random.seed(int.from_bytes(os.urandom(4), "little"))
    random.seed()
    listener = _Listener(model, limits, interrupt)
    where = model.problem.dataset.name
    with captured() as output:
        listener.start, cpu = time.monotonic(), time.process_time()
        try:
            solution = solver.solve(model, limits, seed, listener)
        except Exception as error:
            raise BrokenRuleError(
                f"solve() raised on {where}:\n{traceback.format_exc(limit=-4).strip()}",
                "Refuse in accepts() what cannot be solved, and mend the rest; a run that finds"
                " nothing returns Solution.found(None).",
            ) from error
        wall, cpu = time.monotonic() - listener.start, time.process_time() - cpu
    require(
        isinstance(solution, Solution),
        f"solve() returned a {type(solution).__name__} on {where}.",
        "Return Solution.found(network, termination, objective=..., bound=...).",
    )
    network = None if solution.answer is None else model.network(solution.answer)
    facts = evaluate(model.problem, network, reference=solver.reference) if network else None
    return Trial(
        model,
        limits,
        solution,
        network,
        facts,
        tuple(listener.stream),
        listener.asked,
        wall,
        cpu,
        "".join(output),
    )


def check_claims(trial: Trial, optimum: float | None) -> None:
    """Hold a trial against the facts, and against the true optimum where that is known.

    Raises:
        BrokenRuleError: for the first claim that is false.
    """
    where = f"On {trial.model.problem.dataset.name}, {trial.model.problem.objective.name}:"
    wrong = trial.contradictions()
    require(
        not wrong,
        f"{where} {'; '.join(wrong)}.",
        "Claim what Problem.evaluate(network).value says, and a bound only when it is proved.",
    )
    if trial.evaluation is not None and trial.evaluation.outside is None:
        _check_stream(trial, where)
    if optimum is None:
        return
    slack = SLACK * max(1.0, abs(optimum))
    bounds = [trial.solution.bound, *(s.bound for s in trial.stream)]
    over = [b for b in bounds if b is not None and b > optimum + slack]
    require(
        not over or not trial.model.exact,
        f"{where} claims the bound {over[:1]}, but enumeration finds a network of {optimum:.9g}.",
        "A bound must hold for every network of the class; set Model.exact to False where the"
        " model is a restriction, and claim no bound that a heuristic guessed.",
    )
    best = trial.objective
    require(
        trial.solution.status != "optimal" or best is None or best <= optimum + slack,
        f"{where} claims optimal with {best}, but enumeration finds {optimum:.9g}.",
        "Claim Status.OPTIMAL only with a proof for the problem's whole class.",
    )


def _check_stream(trial: Trial, where: str) -> None:
    for said in trial.stream:
        false = (
            said.network
            and said.objective is not None
            and said.verified is not None
            and said.objective < said.verified - SLACK * max(1.0, abs(said.verified))
        )
        require(
            not false,
            f"{where} streamed objective {said.objective}, verified {said.verified}.",
            "Report an answer together with its own objective.",
        )


@contextlib.contextmanager
def captured() -> Iterator[list[str]]:
    """Standard output of this process, of libraries written in C too, as a list of one text."""
    output: list[str] = []
    sys.stdout.flush()
    with tempfile.TemporaryFile() as file:
        saved = os.dup(1)
        try:
            os.dup2(file.fileno(), 1)
            with open(os.dup(1), "w", buffering=1) as text, contextlib.redirect_stdout(text):  # noqa: PTH123
                yield output
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            file.seek(0)
            output.append(file.read().decode(errors="replace"))
