"""One running request, seen from outside: its phase, deadlines, memory and end."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

from bnnbench.metrics import TracePoint
from bnnbench.record import Claims, Ending, Seconds
from bnnbench.runner import system
from bnnbench.runner.cellrun import keep
from bnnbench.runner.messages import (
    Exited,
    FromCell,
    Incumbent,
    Outcome,
    Phase,
    Request,
)
from bnnbench.runner.worker import Worker
from bnnbench.suite import Cell

SETUP_SECONDS = 300.0
VERIFY_SECONDS = 120.0
KILL_AFTER = 1.0
MEMORY_PERIOD = 0.05


@dataclass
class Task:
    """A request in the hands of a worker.

    Attributes:
        worker: who runs it.
        request: what was asked.
        limit: wall seconds it may take.
        cell: the cell; None for making data.
        phase: the step it is in.
        solve_start: when building began, on the monotonic clock; the limit counts from there.
        outcome, stream, exited: what has been heard.
        killed: why the runner stopped it; empty while it did not.
    """

    worker: Worker
    request: Request
    limit: float
    cell: Cell | None = None
    started: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    phase: str = "start"
    phase_start: float = 0.0
    solve_start: float | None = None
    outcome: Outcome | None = None
    stream: list[Incumbent] = field(default_factory=list)
    exited: Exited | None = None
    killed: str = ""
    _terminated: float | None = None
    _memory_seen: float = 0.0

    def __post_init__(self) -> None:
        self.phase_start = self._memory_seen = self.started

    def read(self) -> bool:
        """Take in everything that has been said; returns whether the task has ended."""
        for message in self.worker.exits():
            self.exited = message
        self._hear(self.worker.cell_messages())
        self.ended = time.monotonic()
        return self.exited is not None or self.worker.lost

    def _hear(self, messages: list[FromCell]) -> None:
        for message in messages:
            if isinstance(message, Incumbent):
                keep(self.stream, message)
            elif isinstance(message, Outcome):
                self.outcome = message
                self._enter("exit")
            elif isinstance(message, Phase):
                self._enter(message.name)

    def _enter(self, phase: str) -> None:
        self.phase, self.phase_start = phase, time.monotonic()
        if phase == "build":
            self.solve_start = self.phase_start

    @property
    def deadline(self) -> float:
        """When the runner steps in, on the monotonic clock."""
        if self._terminated is not None:
            return self._terminated + KILL_AFTER
        if self.phase in ("build", "solve") and self.solve_start is not None and self.cell:
            return self.solve_start + self.limit + self.cell.limits.grace
        allowed = {"start": SETUP_SECONDS, "exit": KILL_AFTER}.get(self.phase, VERIFY_SECONDS)
        if self.cell is None:
            allowed = self.limit
        return self.phase_start + allowed

    def enforce(self, now: float) -> None:
        """Terminate, then kill, what is over its deadline or its memory."""
        if self.exited is not None:
            return
        if now >= self.deadline:
            if self._terminated is None and self.phase != "exit":
                self.killed = self.killed or "timeout"
                self._terminated = now
                self.worker.signal(signal.SIGTERM)
            else:
                self._terminated = now
                self.worker.signal(signal.SIGKILL)

        if now - self._memory_seen >= MEMORY_PERIOD:
            self._memory_seen = now
            self._check_memory()

    def _check_memory(self) -> None:
        """Kill at once when the process tree holds more than its limit."""
        limit = self.cell.limits.memory if self.cell else 0
        if not limit or self.killed == "memout":
            return
        if system.resident_bytes(system.descendants(self.worker.pid)) > limit:
            self.killed = "memout"
            self.worker.signal(signal.SIGKILL)

    def stop(self) -> None:
        """Kill at once: the whole run is being stopped."""
        self.killed = "interrupted"
        self.worker.signal(signal.SIGKILL)

    @property
    def needs_verification(self) -> bool:
        """Whether it was cut off with networks in hand that nobody has verified."""
        cut = self.outcome is None or self.outcome.evaluation is None
        return cut and any(m.network for m in self.stream)

    def end(self) -> Outcome:
        """How it ended, as an outcome."""
        if self.outcome is not None:
            return self.outcome
        ending, detail = self._diagnosis()
        bounds = [m.bound for m in self.stream if m.bound is not None]
        return Outcome(
            ending=str(ending),
            stage=self.phase,
            detail=detail,
            claims=Claims(bound=max(bounds, default=None)),
            trace=[TracePoint(m.time, None, m.bound) for m in self.stream],
            seconds=Seconds(),
        )

    def _diagnosis(self) -> tuple[Ending, str]:
        if self.killed == "timeout":
            return Ending.TIMEOUT, f"stopped from outside after {self._seconds():.3g} s"
        if self.killed == "memout":
            limit = self.cell.limits.memory if self.cell else 0
            return Ending.MEMOUT, f"process tree beyond {limit / 2**20:.0f} MiB"
        if self.worker.lost or self.exited is None:
            words = self.worker.last_words().strip()
            return Ending.CRASH, f"the fork server ended: {words or 'no message'}"
        status = self.exited.status
        if status < 0:
            return Ending.CRASH, f"signal {signal.Signals(-status).name}"
        return Ending.CRASH, f"process exited with status {status} and no answer"

    def _seconds(self) -> float:
        return time.monotonic() - (self.solve_start or self.started)
