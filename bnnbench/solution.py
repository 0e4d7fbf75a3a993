"""What a solver answers: claims, with the trace of how it came to them."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.network import Network

Point = npt.NDArray[np.floating[Any]] | npt.NDArray[np.integer[Any]]


class Status(enum.StrEnum):
    """What is held at the end."""

    NONE = "none"
    FEASIBLE = "feasible"
    OPTIMAL = "optimal"


class Termination(enum.StrEnum):
    """Why the solver stopped."""

    OPTIMAL = "optimal"
    TARGET = "target"
    TIME = "time"
    MEMORY = "memory"
    ITERATIONS = "iterations"
    INFEASIBLE = "infeasible"
    INTERRUPTED = "interrupted"
    ERROR = "error"


@dataclass(frozen=True)
class Limits:
    """What a solver may use.

    Attributes:
        time: wall seconds for the solve step; the process is stopped from outside after a grace.
        threads: CPU threads.
        memory: bytes of resident memory of the process and its children; None for no limit.
        target: stop as soon as the objective is at most this; None for no target.
    """

    time: float = math.inf
    threads: int = 1
    memory: int | None = None
    target: float | None = None

    def within(self, time: float, target: float | None = None) -> Limits:
        """The limits of a part of the run: so many seconds, and a target of its own."""
        return replace(self, time=max(0.0, time), target=target)


@dataclass(frozen=True, eq=False)
class Solution:
    """A solver's claims.

    Attributes:
        answer: a network, or a point of the model that the formulation decodes; None for nothing.
        status: what is held.
        termination: why it stopped.
        objective: the claimed objective of the answer in units of the problem, None for no claim.
        bound: the claimed lower bound on the problem's objective, None for none.
        info: further figures worth recording (nodes, sweeps, energies), plain numbers and texts.
    """

    answer: Network | Point | None = None
    status: Status = Status.NONE
    termination: Termination = Termination.ITERATIONS
    objective: float | None = None
    bound: float | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def network(self) -> Network | None:
        """The answer where it is a network; None for a point, or for nothing."""
        return self.answer if isinstance(self.answer, Network) else None

    @property
    def cut(self) -> bool:
        """Whether the clock cut it: then so is whatever is made of its answer."""
        return self.termination is Termination.TIME

    @classmethod
    def found(
        cls,
        answer: Network | Point | None,
        termination: Termination = Termination.ITERATIONS,
        *,
        objective: float | None = None,
        bound: float | None = None,
        **info: Any,
    ) -> Solution:
        """The usual end of a heuristic: feasible if there is an answer, optimal if it is proved."""
        status = Status.NONE if answer is None else Status.FEASIBLE
        if answer is not None and termination is Termination.OPTIMAL:
            status = Status.OPTIMAL
        return cls(answer, status, termination, objective, bound, info)
