"""Executors: where cells run. A runner plans and stores; an executor turns cells into records."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

import msgspec

from bnnbench.record import Artefacts, Record
from bnnbench.runner.listener import Listener
from bnnbench.suite import Cell

Wanted = Callable[[Cell], bool]


class Ran(msgspec.Struct, frozen=True):
    """A cell that has ended: its record, not yet stored, with its heavy parts."""

    record: Record
    artefacts: Artefacts


class Executor(Protocol):
    """Runs cells, each in a child process of its own under limits enforced from outside."""

    def run(
        self, cells: Sequence[Cell], listener: Listener, wanted: Wanted
    ) -> Generator[Ran, None, None]:
        """Run cells; yields each as it ends, in any order.

        Closing the generator, or an exception in it, stops all that still runs.

        Args:
            cells: in the order in which they are to start.
            listener: hears which data are made and which cells start.
            wanted: asked about a cell right before it starts; False leaves it out.

        Raises:
            ExecutorError: when cells cannot be run there at all.
        """
        ...
