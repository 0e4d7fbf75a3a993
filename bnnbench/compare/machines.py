"""Whether two selections were measured on machines of like speed, and how busy those were.

Every record carries the time of a fixed piece of work on its machine at about that time, and the
CPU time beside the wall time of solving: where the same cells got a smaller share of a processor,
others were busy on the machine. Figures are never rescaled by either: what slows down one kind of
work says little about another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bnnbench.compare.pairing import Pairing, Run
from bnnbench.compare.selection import Selection

TOLERATED = 0.10
_SHORTEST = 0.02  # seconds of solving from which a share of a processor means something


@dataclass(frozen=True)
class Machines:
    """Speed and load.

    Attributes:
        ratio: median probe of the second selection over that of the first; NaN without probes.
        busy: median share of a processor that the first selection's cells got while solving, over
            that of the same cells of the second; 1 where it is not known.
        hosts: node and processor of both, where they differ.
    """

    ratio: float
    busy: float
    hosts: tuple[str, str] | None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to bear in mind when times are read."""
        found = []
        if self.hosts:
            found.append(f"run on different machines: {self.hosts[0]} | {self.hosts[1]}")
        slower = max(self.ratio, 1 / self.ratio)
        if slower > 1 + TOLERATED:
            which = "second" if self.ratio > 1 else "first"
            found.append(
                f"by the noise probe the {which} selection's machine was {slower:.2f} times slower;"
                " times are compared as they are"
            )
        busier = max(self.busy, 1 / self.busy)
        if busier > 1 + TOLERATED:
            which = "second" if self.busy > 1 else "first"
            found.append(
                f"the {which} selection's cells got {busier:.2f} times less of a processor: the"
                " machine was busier. Smaller changes of times raise no alarm; repeat on a quiet"
                " machine, or compare cpu_seconds"
            )
        return tuple(found)


def machines(before: Selection, after: Selection, pairing: Pairing) -> Machines:
    """Compare where two selections were run, and how busy it was there."""
    a, b = _probes(before), _probes(after)
    ratio = float(np.median(b) / np.median(a)) if len(a) and len(b) else float("nan")
    hosts = _host(before), _host(after)
    return Machines(
        ratio,
        busy(pairing.pairs.values()),
        hosts if hosts[0] != hosts[1] else None,
    )


def busy(pairs: Iterable[tuple[Run, Run]]) -> float:
    """Median ratio of the shares of a processor that both runs of a pair got while solving.

    Returns:
        Above 1 where the second run got less; 1 where it is not known for three pairs at least.
    """
    shares = [(_share(a), _share(b)) for a, b in pairs]
    logs = [np.log(a / b) for a, b in shares if a and b]
    return float(np.exp(np.median(logs))) if len(logs) > 2 else 1.0


def _share(run: Run) -> float:
    """CPU time per wall time of solving; 0 where it is not known."""
    seconds = run.entry.record.seconds
    return seconds.solve_cpu / seconds.solve if seconds.solve >= _SHORTEST else 0.0


def _probes(selection: Selection) -> list[float]:
    """The distinct ones: several records share a probe."""
    return sorted({e.record.probe for e in selection.entries if e.record.probe})


def _host(selection: Selection) -> str:
    hosts = (e.record.host for e in selection.entries)
    return ", ".join(sorted({f"{h.get('node', '')} ({h.get('cpu', '')})" for h in hosts if h}))
