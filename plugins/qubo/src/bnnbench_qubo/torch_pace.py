"""How our torch solvers keep their time: a look at the clock after every sweep.

Groups of reads run side by side, each on one thread of torch's: threads inside an operation wait
for each other at its end, which takes seconds on cores that others use.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bnnbench.interfaces import Clock
from bnnbench.solution import Limits

TAIL_SWEEPS = 2
"""Sweeps at the last beta that end an anneal whose time is up."""
RESERVE = 0.03
"""Share of the limit that is kept free for decoding."""


@dataclass(eq=False)
class SweepClock:
    """Tells after every sweep of a group whether the time is up but for the last sweeps.

    Attributes:
        clock: of the run.
        reserve: seconds that are kept free.
    """

    clock: Clock
    reserve: float
    _start: float = field(default_factory=time.monotonic)
    _sweeps: int = 0

    @classmethod
    def of(cls, clock: Clock, limits: Limits) -> SweepClock:
        """A new one for the next group."""
        return cls(clock, RESERVE * limits.time)

    def over(self) -> bool:
        """Whether the group should end; call it once a sweep."""
        self._sweeps += 1
        sweep = (time.monotonic() - self._start) / self._sweeps
        return self.clock.left < self.reserve + (TAIL_SWEEPS + 1) * sweep
