"""Live progress of a run: a bar with ETA on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bnnbench.record import Ending, Record
from bnnbench.runner import Listener

LINE_PERIOD = 10.0
BAD = (Ending.CRASH, Ending.ERROR, Ending.INVALID)


class Watcher(Listener):
    """A run's listener that only warns: the base of the others, and ``--quiet``."""

    def warn(self, message: str) -> None:
        """Warnings are said in any case."""
        click.echo(f"{click.style('warning', fg='yellow')}: {message}", err=True)

    def close(self) -> None:
        """Nothing to clean up."""


class Lines(Watcher):
    """A line now and then, for logs."""

    def __init__(self) -> None:
        self._total = self._done = 0
        self._last = time.monotonic()

    def planned(self, total: int, resumed: int) -> None:
        """Say how much there is to do."""
        self._total, self._done = total, resumed
        self._say(f"{total} cells, {resumed} of them finished before")

    def elsewhere(self) -> None:
        """Count."""
        self._done += 1

    def finished(self, record: Record) -> None:
        """Count, and say so every few seconds."""
        self._done += 1
        if record.ending in BAD:
            self._say(f"{record.id[:10]} {record.ending}: {record.headline}")
        if time.monotonic() - self._last > LINE_PERIOD:
            self._last = time.monotonic()
            self._say(f"{self._done} of {self._total} cells")

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def watch(*, quiet: bool = False) -> Iterator[Watcher]:
    """The listener that fits the terminal, cleaned up at the end."""
    watcher: Watcher
    if quiet:
        watcher = Watcher()
    elif sys.stderr.isatty():
        from bnnbench.cli.bar import Bar

        watcher = Bar()
    else:
        watcher = Lines()
    try:
        yield watcher
    finally:
        watcher.close()
