"""A live progress bar with the time left, on terminals."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bnnbench.cli.progress import BAD, Watcher
from bnnbench.record import Ending, Record
from bnnbench.suite import Cell

NOTE_WIDTH = 60


class Bar(Watcher):
    """A bar with the cell that started last, counts by ending and the time left."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
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
        self._progress.update(self._task, description="data", note=escape(text[:NOTE_WIDTH]))

    def started(self, cell: Cell) -> None:
        """Show the cell."""
        note = escape(f"{self._endings()}{cell.method}, seed {cell.seed}"[:NOTE_WIDTH])
        self._progress.update(self._task, description="cells", note=note)

    def elsewhere(self) -> None:
        """Advance."""
        self._progress.advance(self._task)

    def finished(self, record: Record) -> None:
        """Advance; say at once what went wrong."""
        self._counts[str(record.ending)] += 1
        self._progress.advance(self._task)
        if record.ending in BAD:
            solver = escape(record.cell["solver"])
            self._progress.console.print(
                f"[red]{record.ending}[/] {record.id[:10]} {solver}: {escape(record.headline)}",
                highlight=False,
            )

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def _endings(self) -> str:
        odd = [f"{n} {e}" for e, n in sorted(self._counts.items()) if e != Ending.OK]
        return f"({', '.join(odd)}) " if odd else ""
