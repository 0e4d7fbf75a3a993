"""Slots in which requests run side by side, and the loop that watches them."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bnnbench.runner.messages import Options, Request
from bnnbench.runner.task import MEMORY_PERIOD, Task
from bnnbench.runner.worker import Worker
from bnnbench.suite import Cell

Setup = tuple[tuple[str, ...], int]
"""Modules to preload and threads to allow: what a fork server is started with."""

UNPLACED = (0, sys.maxsize)
"""The place of slots on a machine that is shared with nobody knows how many others."""


@dataclass
class Slot:
    """A place where one request runs at a time, with its fork servers by their setup."""

    index: int
    cpus: list[int]
    workers: dict[Setup, Worker] = field(default_factory=dict)
    task: Task | None = None


class Pool:
    """A fixed number of slots.

    Args:
        jobs: how many.
        threads: most CPU threads a request will use; slots get disjoint processors when the
            machine has enough of them.
        scratch: folder for logs.
        plugins: local plugin files that every fork server loads.
        place: the first of these slots among how many on this machine, where other processes hold
            the others; None when the slots are all there are.
    """

    def __init__(
        self,
        jobs: int,
        *,
        threads: int,
        scratch: Path,
        plugins: Sequence[Path] = (),
        place: tuple[int, int] | None = None,
    ) -> None:
        self._scratch = scratch
        self._plugins = [str(p) for p in plugins]
        self._events = selectors.DefaultSelector()
        self._started = 0
        first, count = place or (0, jobs)
        self.slots = [Slot(i, _processors(first + i, count, threads)) for i in range(jobs)]

    @property
    def free(self) -> list[Slot]:
        """Slots without a task."""
        return [s for s in self.slots if s.task is None]

    @property
    def busy(self) -> bool:
        """Whether anything runs."""
        return any(s.task for s in self.slots)

    def start(
        self, slot: Slot, request: Request, setup: Setup, limit: float, cell: Cell | None = None
    ) -> None:
        """Start a request in a free slot, in a fork server of the given setup."""
        worker = slot.workers.get(setup)
        if worker is None or worker.lost:
            worker = slot.workers[setup] = self._open(setup)
            self._events.register(worker.socket, selectors.EVENT_READ, slot)
        slot.task = Task(worker, request, limit, cell)
        worker.start(request)
        if worker.pipe is not None:
            self._events.register(worker.pipe, selectors.EVENT_READ, slot)

    def _open(self, setup: Setup) -> Worker:
        self._started += 1
        preload, threads = setup
        log = self._scratch / f"log-{self._started}"
        return Worker(log, Options(list(preload), self._plugins), threads)

    def wait(self) -> list[tuple[Slot, Task]]:
        """Wait up to a memory period; returns tasks that have ended, their slots free again."""
        running = [(s, s.task) for s in self.slots if s.task is not None]
        now = time.monotonic()
        nearest = min((task.deadline for _, task in running), default=now)
        events = self._events.select(max(0.0, min(nearest - now, MEMORY_PERIOD)))
        touched = {key.data.index for key, _ in events}
        ended = []
        now = time.monotonic()
        for slot, task in running:
            if slot.index in touched and task.read():
                self._release(slot, task)
                ended.append((slot, task))
                continue
            task.enforce(now)
            if task.worker.silent:
                self._forget(task.worker.pipe)
        return ended

    def _release(self, slot: Slot, task: Task) -> None:
        slot.task = None
        worker = task.worker
        self._forget(worker.pipe)
        worker.finish()
        if worker.lost:
            self._forget(worker.socket)

    def _forget(self, file: int | socket.socket | None) -> None:
        """Stop listening; an end that is closed would wake the loop for ever."""
        if file is not None:
            with contextlib.suppress(KeyError):
                self._events.unregister(file)

    def close(self) -> None:
        """Kill what runs and end all fork servers."""
        for slot in self.slots:
            for worker in slot.workers.values():
                worker.close()
        self._events.close()


def _processors(slot: int, jobs: int, threads: int) -> list[int]:
    """Processors of a slot; empty, meaning any, where they do not suffice for all slots."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0))
    if threads * jobs > len(allowed):
        return []
    return allowed[slot * threads : (slot + 1) * threads]
