"""Live progress of a run: a bar with ETA on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bnnbench.record import Ending, Record
from bnnbench.suite import Cell

LINE_PERIOD = 10.0


class Watcher:
    """A run's listener that says nothing: the base of the others, and ``--quiet``."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)

    def planned(self, total: int, resumed: int) -> None:
        """Nothing to say."""

    def data(self, text: str) -> None:
        """Nothing to say."""

    def started(self, cell: Cell) -> None:
        """Nothing to say."""

    def finished(self, record: Record) -> None:
        """Nothing to say."""

    def tick(self) -> None:
        """Nothing to say."""

    def warn(self, message: str) -> None:
        """Warnings are said in any case."""
        self.console.print(f"[yellow]warning:[/] {message}", highlight=False)

    def close(self) -> None:
        """Nothing to clean up."""


class Lines(Watcher):
    """A line now and then, for logs."""

    def __init__(self) -> None:
        super().__init__()
        self._total = self._done = 0
        self._last = time.monotonic()

    def planned(self, total: int, resumed: int) -> None:
        """Say how much there is to do."""
        self._total, self._done = total, resumed
        self._say(f"{total} cells, {resumed} of them finished before")

    def finished(self, record: Record) -> None:
        """Count, and say so every few seconds."""
        self._done += 1
        if record.ending in (Ending.CRASH, Ending.ERROR, Ending.INVALID):
            self._say(f"{record.id[:10]} {record.ending}: {record.detail.splitlines()[0]}")
        if time.monotonic() - self._last > LINE_PERIOD:
            self._last = time.monotonic()
            self._say(f"{self._done} of {self._total} cells")

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class Bar(Watcher):
    """A bar with the running cells, counts by ending and the time left."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[str] = Counter()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            refresh_per_second=4,
            transient=True,
        )
        self._task = self._progress.add_task("planning", total=None, note="")
        self._progress.start()

    def planned(self, total: int, resumed: int) -> None:
        """Set the bar's length; what was finished before counts as done."""
        self._progress.update(self._task, total=total, completed=resumed)

    def data(self, text: str) -> None:
        """Show which data set is being made."""
        self._progress.update(self._task, description="data", note=text[:60])

    def started(self, cell: Cell) -> None:
        """Show the cell."""
        note = f"{cell.method}  seed {cell.seed}"
        self._progress.update(self._task, description="cells", note=self._endings() + note[:60])

    def finished(self, record: Record) -> None:
        """Advance; say at once what went wrong."""
        self._counts[str(record.ending)] += 1
        self._progress.advance(self._task)
        if record.ending in (Ending.CRASH, Ending.ERROR, Ending.INVALID):
            first = record.detail.splitlines()[0] if record.detail else ""
            self.console.print(
                f"[red]{record.ending}[/] {record.id[:10]} {record.cell['solver']}: {first}",
                highlight=False,
                markup=True,
            )

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def _endings(self) -> str:
        odd = [f"{n} {e}" for e, n in sorted(self._counts.items()) if e != Ending.OK]
        return f"[{', '.join(odd)}] ".replace("[", "(").replace("]", ")") if odd else ""


@contextmanager
def watch(*, quiet: bool = False) -> Iterator[Watcher]:
    """The listener that fits the terminal, cleaned up at the end."""
    watcher: Watcher
    if quiet:
        watcher = Watcher()
    elif sys.stderr.isatty():
        watcher = Bar()
    else:
        watcher = Lines()
    try:
        yield watcher
    finally:
        watcher.close()
