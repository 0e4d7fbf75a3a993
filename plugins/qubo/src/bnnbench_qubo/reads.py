r"""What reads say about a sampler: feasible reads, energy gap, decoded errors, time to solution.

Two targets (qubo.md section 5): the *energy* target E*, the least energy that any read or any
completed decoded network had, and the *loss* target L*, the data's known optimum or else the best
decoded training objective of the run. The success probability p of a read has Wilson's interval;
TTS99 = t max(1, ln 0.01 / ln(1 - p)) that of p (:mod:`bnnbench.statistics.proportion`); after no
success it is bounded from below by the rule of three. Energies are compared within one lambda only,
so the gap is to energies of the same QUBO. A target found by the run itself flatters it: take the
counts, and a common target, to compare samplers.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bnnbench.statistics import TimeToSolution, time_to_solution

WITHIN = 1e-6


@dataclass(eq=False)
class ReadTally:
    """Counts over reads, in memory that does not grow with them.

    Attributes:
        known: the problem's known optimum, None if there is none.
        reads: how many.
        feasible: reads whose energy is that of their completed network.
        least_completed: least energy of a completed network.
        losses: how many reads decode to each objective value.
    """

    known: float | None = None
    reads: int = 0
    feasible: int = 0
    least_completed: float = math.inf
    losses: Counter[float] = field(default_factory=Counter)
    _energies: Counter[float] = field(default_factory=Counter)
    _lowest: tuple[float, float | None] = (math.inf, None)
    _energy_sum: float = 0.0

    def add(self, energy: float, loss: float | None, completed: float | None) -> None:
        """Take in one read: its energy, decoded objective and its network's completed energy."""
        self.reads += 1
        self._energy_sum += energy
        self.losses[math.nan if loss is None else loss] += 1
        if completed is not None:
            self.feasible += abs(energy - completed) < WITHIN
            self.least_completed = min(self.least_completed, completed)
        if energy <= self._lowest[0] + WITHIN:
            self._energies[round(energy / WITHIN) * WITHIN] += 1
        if energy < self._lowest[0]:
            self._lowest = (energy, loss)
            for old in [e for e in self._energies if e > energy + 2 * WITHIN]:
                del self._energies[old]

    def info(self, sampling: float, *, completes: bool) -> dict[str, Any]:
        """The figures for a record.

        Args:
            sampling: wall seconds spent in the sampler.
            completes: whether the model completes weights, so that feasibility is known.
        """
        if not self.reads:
            return {"reads": 0}
        lowest, loss = self._lowest
        best = min((v for v in self.losses if not math.isnan(v)), default=math.nan)
        target = best if self.known is None else self.known
        hits = sum(n for v, n in self.losses.items() if v <= target + WITHIN)
        ground = min(lowest, self.least_completed)
        grounded = sum(n for e, n in self._energies.items() if e <= ground + 2 * WITHIN)
        each = sampling / self.reads
        return {
            "reads": self.reads,
            "best_reads": self.losses[best],
            "min_energy": lowest,
            "min_energy_objective": loss,
            "energy_gap": lowest - ground,
            "mean_energy": self._energy_sum / self.reads,
            "mean_objective": sum(v * n for v, n in self.losses.items()) / self.reads,
            "feasible_rate": self.feasible / self.reads if completes else None,
            "read_seconds": each,
            "loss_target": None if math.isnan(target) else target,
            "loss_target_known": self.known is not None,
            **_tts("loss", time_to_solution(hits, self.reads, each)),
            **_tts("energy", time_to_solution(grounded, self.reads, each)),
        }


def _tts(target: str, found: TimeToSolution) -> dict[str, float | int | None]:
    """Success counts and TTS99 in seconds; None for infinite ends."""

    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        f"{target}_successes": found.success.successes,
        f"{target}_tts99": finite(found.value),
        f"{target}_tts99_low": finite(found.interval.low),
        f"{target}_tts99_high": finite(found.interval.high),
    }
