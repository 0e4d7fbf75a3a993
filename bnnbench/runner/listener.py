"""Who watches a run."""

from __future__ import annotations

from bnnbench.record import Record
from bnnbench.suite import Cell


class Listener:
    """Hears what a runner does, in the runner's process; says nothing unless a subclass does."""

    def planned(self, total: int, resumed: int) -> None:
        """How many cells the suite has, and how many of them are finished already."""

    def data(self, text: str) -> None:
        """A data set is being made."""

    def started(self, cell: Cell) -> None:
        """A cell starts."""

    def finished(self, record: Record) -> None:
        """A record is in the store."""

    def elsewhere(self) -> None:
        """Another run on the same store has finished a cell of this one."""

    def tick(self) -> None:
        """Time passes."""

    def warn(self, message: str) -> None:
        """Something is wrong that stops nothing."""
