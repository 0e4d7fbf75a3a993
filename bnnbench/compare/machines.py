"""Whether two selections were measured on machines of like speed, and how noisy those were.

Every record carries the time of a fixed piece of work on its machine at about that time. Figures
are never rescaled by it: a probe of one kind says little about another kind of work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnbench.compare.selection import Selection

TOLERATED = 0.10


@dataclass(frozen=True)
class Machines:
    """Speed and noise.

    Attributes:
        ratio: median probe of the second selection over that of the first; NaN without probes.
        noise: the larger relative spread (1.4826 MAD / median) of the two, 0 without probes.
        hosts: node and processor of both, where they differ.
    """

    ratio: float
    noise: float
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
        return tuple(found)


def machines(before: Selection, after: Selection) -> Machines:
    """Compare where two selections were run."""
    a, b = _probes(before), _probes(after)
    ratio = float(np.median(b) / np.median(a)) if len(a) and len(b) else float("nan")
    hosts = _host(before), _host(after)
    return Machines(ratio, max(_spread(a), _spread(b)), hosts if hosts[0] != hosts[1] else None)


def _probes(selection: Selection) -> list[float]:
    """The distinct ones: several records share a probe."""
    return sorted({e.record.probe for e in selection.entries if e.record.probe})


def _spread(probes: list[float]) -> float:
    if len(probes) < 3:
        return 0.0
    middle = np.median(probes)
    return float(1.4826 * np.median(np.abs(np.asarray(probes) - middle)) / middle)


def _host(selection: Selection) -> str:
    hosts = (e.record.host for e in selection.entries)
    return ", ".join(sorted({f"{h.get('node', '')} ({h.get('cpu', '')})" for h in hosts if h}))
