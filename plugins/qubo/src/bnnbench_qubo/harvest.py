"""Decoding reads: every distinct network is evaluated exactly, the best one kept.

A read's auxiliary bits usually contradict its weights (qubo.md sections 0.3 and 5), so only the
weight bits are decoded. Cost per distinct network: one forward pass in a stack of them, and one
completion, whose energy tells feasible reads.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.interfaces import Model, Report
from bnnbench.models import Qubo
from bnnbench.network import Network
from bnnbench.objectives import Score
from bnnbench_qubo.reads import ReadTally

States = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]

ENERGY_CHUNK = 1 << 22
REMEMBERED = 200_000
"""Networks whose scores are kept; beyond, memory starts afresh and repeats count as distinct."""


@dataclass(eq=False)
class Harvest:
    """Decodes reads, keeps the best network and the figures of a sampling run.

    Attributes:
        model: what the reads are decoded by.
        report: streams incumbents.
        best: least training objective.
        answer: a network that has it.
        seconds: spent on decoding.
        undecoded: reads that were left because the time was up.
    """

    model: Model
    report: Report
    best: Score | None = None
    answer: Network | None = None
    seconds: float = 0.0
    undecoded: int = 0
    _best_energy: float = 0.0
    _distinct: int = 0
    _tally: ReadTally = field(init=False)
    _scores: dict[bytes, tuple[Score, float | None]] = field(default_factory=dict)
    _completed: dict[bytes, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = self.model.problem.known_objective
        self._tally = ReadTally(None if known is None else float(known))

    @property
    def reads(self) -> int:
        """How many were taken in."""
        return self._tally.reads

    def add(self, states: States, energies: Floats) -> bool:
        """Take reads in; True when the run should stop."""
        start = time.monotonic()
        if len(self._scores) > REMEMBERED:
            self._scores.clear()
        weights = self._weights(states)
        keys = [w.tobytes() for w in weights]
        self._complete(dict(zip(keys, weights, strict=True)))
        stop = self._evaluate(keys, states, energies)
        self._count([self._scores[k] for k in keys], energies)
        self.seconds += time.monotonic() - start
        return stop

    def decoding(self, state: States) -> float:
        """About the seconds that :meth:`add` takes for a read, by decoding one and leaving it."""
        times = []
        for _ in range(3):
            start = time.monotonic()
            self.model.problem.evaluate(self.model.decode(state))
            times.append(time.monotonic() - start)
        return min(times)

    def _weights(self, states: States) -> States:
        role: npt.NDArray[Any] | None = self.model.data.roles.get("weight")
        return np.ascontiguousarray(states if role is None else states[:, role.ravel()])

    def _complete(self, distinct: dict[bytes, States]) -> None:
        """Energies of the completed states, in chunks that bound memory."""
        qubo: Qubo = self.model.data
        self._completed.clear()
        if qubo.complete is None:
            return
        unknown = [w for key, w in distinct.items() if key not in self._scores]
        step = max(1, ENERGY_CHUNK // max(1, len(qubo.values)))
        for at in range(0, len(unknown), step):
            chunk = np.array(unknown[at : at + step])
            for w, energy in zip(chunk, qubo.energy(qubo.complete(chunk)), strict=True):
                self._completed[w.tobytes()] = float(energy)

    def _evaluate(self, keys: list[bytes], states: States, energies: Floats) -> bool:
        """Score the new ones among the reads; True when the run should stop."""
        unknown: dict[bytes, int] = {}
        for k, key in enumerate(keys):
            if key not in self._scores:
                unknown.setdefault(key, k)
        networks = [self.model.decode(states[k]) for k in unknown.values()]
        scores = self.model.problem.evaluate_many(networks)
        self._distinct += len(networks)
        stop = False
        for (key, k), network, score in zip(unknown.items(), networks, scores, strict=True):
            self._scores[key] = score, self._completed.get(key)
            if self.best is None or score < self.best:
                self.best, self.answer, self._best_energy = score, network, float(energies[k])
                told = score.value is not None and self.report(
                    network, objective=float(score.value)
                )
                stop = told or stop
        return stop

    def _count(self, found: list[tuple[Score, float | None]], energies: Floats) -> None:
        for (score, completed), energy in zip(found, energies.tolist(), strict=True):
            value = None if score.value is None else float(score.value)
            self._tally.add(energy, value, completed)

    def info(self, sampling: float) -> dict[str, Any]:
        """Figures of the reads so far, which took so many seconds (:mod:`bnnbench_qubo.reads`)."""
        figures = self._tally.info(sampling, completes=self.model.data.complete is not None)
        if self.reads:
            figures |= {"distinct": self._distinct, "best_energy": self._best_energy}
        if self.undecoded:
            figures["undecoded_reads"] = self.undecoded
        return figures
