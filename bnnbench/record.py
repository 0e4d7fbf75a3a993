"""Records: one row per cell and attempt, whatever happened."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from bnnbench.metrics import TracePoint
from bnnbench.verify import Evaluation

SCHEMA = 1


class Ending(enum.StrEnum):
    """How a cell ended, as the core saw it."""

    OK = "ok"
    TIMEOUT = "timeout"
    MEMOUT = "memout"
    CRASH = "crash"
    ERROR = "error"
    INVALID = "invalid"
    SKIPPED = "skipped"


class Seconds(msgspec.Struct, frozen=True, kw_only=True):
    """Wall seconds of the steps, taken by the core, and CPU seconds of the whole process tree."""

    build: float = 0.0
    solve: float = 0.0
    decode: float = 0.0
    verify: float = 0.0
    solve_cpu: float = 0.0
    wall: float = 0.0
    cpu: float = 0.0


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What the solver said."""

    status: str = "none"
    termination: str | None = None
    objective: float | None = None
    bound: float | None = None
    info: dict[str, Any] = {}


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one cell.

    Attributes:
        id: hash of everything that can change the outcome.
        attempt: 1 for the first run of the cell, counting up with every retry.
        cell: the cell itself, as plain values; see :class:`bnnbench.suite.Cell`.
        suite: the suite it was run for.
        problem: digest of the problem; bounds hold for all records that share it.
        data: digest of the data set.
        ending: how the cell ended.
        stage: the step at which it ended: data, build, solve, decode, verify or done.
        detail: why, in words; empty for ``ok``.
        claims: what the solver said.
        evaluation: what the core verified; None without a network.
        reference: True for a reality check outside the class, which enters no gap.
        rows: training rows.
        lower_bound: bound proved by the core without a solver.
        solver_bound: the solver's bound where it is a bound on the problem, rounded up to the next
            reachable value.
        reference_objective: objective of the constant-majority network at its margin.
        seconds: times.
        peak_memory: largest resident set of the process, bytes.
        overrun: seconds that solving went on beyond its limit.
        notes: facts about the data that belong beside every figure.
        versions: of bnnbench, plugins, solver libraries and Python.
        host: where it ran.
        probe: seconds of a fixed piece of work on this machine about that time: its noise.
        created: seconds since the epoch.
        schema: version of this record's layout.
    """

    id: str
    attempt: int = 1
    cell: dict[str, Any]
    suite: str = ""
    problem: str = ""
    data: str = ""
    ending: Ending
    stage: str = "done"
    detail: str = ""
    claims: Claims = Claims()
    evaluation: Evaluation | None = None
    reference: bool = False
    rows: int = 0
    lower_bound: float | None = None
    solver_bound: float | None = None
    reference_objective: float | None = None
    seconds: Seconds = Seconds()
    peak_memory: int = 0
    overrun: float = 0.0
    notes: dict[str, str] = {}
    versions: dict[str, str] = {}
    host: dict[str, str] = {}
    probe: float | None = None
    created: float = 0.0
    schema: int = SCHEMA

    @property
    def headline(self) -> str:
        """First line of the detail."""
        return self.detail.partition("\n")[0]


class Artefacts(msgspec.Struct, frozen=True):
    """The heavy parts of a record, loaded only on demand.

    Attributes:
        network: content of a network file; None without a network.
        trace: objective and bound over time, verified where a network was streamed.
        log: the end of what the process wrote, kept for rows that are not ``ok``.
    """

    network: bytes | None = None
    trace: list[TracePoint] = []
    log: str = ""
