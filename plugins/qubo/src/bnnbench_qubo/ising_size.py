"""How much our own Ising machines draw."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from bnnbench.errors import ProblemError


@dataclass(frozen=True)
class Size:
    """Sweeps and reads of a run.

    Attributes:
        sweeps: per read.
        reads: in all; none for no end.
        replicas: reads that a thread draws side by side.
        restarts: batches in all, which share the time limit; none for batches of ``sweeps``.
    """

    sweeps: int
    reads: int | None
    replicas: int
    restarts: int | None

    def check(self, solver: str) -> None:
        """Refuse numbers below 1.

        Raises:
            ProblemError: naming the solver.
        """
        given = (self.sweeps, self.reads, self.replicas, self.restarts)
        if any(number is not None and number < 1 for number in given):
            raise ProblemError(f"{solver}: sweeps, reads, replicas and restarts start from 1.")

    def total(self, batch: int) -> int | None:
        """Reads in all for batches of so many reads."""
        if not self.restarts:
            return self.reads
        return min(self.reads or sys.maxsize, self.restarts * batch)
