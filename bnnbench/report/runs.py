"""The records of a store as the report sees them: runs, grouped by problem and method.

A *problem* of the report is a problem class in words (data, topology, domain, objective), the same
for all seeds; an *instance* is one problem digest, on which methods can be compared run by run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from bnnbench.analysis import Gap, Knowledge, gap, knowledge, objective
from bnnbench.metrics import PartMetrics, TracePoint, time_to_target
from bnnbench.record import Ending, Record
from bnnbench.store import Store
from bnnbench.suite import Cell
from bnnbench.summary import describe

Group = tuple[str, str]
"""Problem and method in words."""
TOLERANCE = 0.05
"""An instance counts as solved within this share of the way from the constant-majority network's
objective down to the best one known (More and Wild 2009)."""


@dataclass(frozen=True)
class Run:
    """A record with what the whole store says about it.

    Attributes:
        record: the record.
        cell: its cell.
        problem: the problem class in words.
        method: formulation and solver, with limits where the store has several of them.
        objective: verified objective of a sound record; None otherwise.
        gap: distance from the best bound known for the instance.
        known: what is known about the instance.
        trace: verified incumbents and bounds over time.
    """

    record: Record
    cell: Cell
    problem: str
    method: str
    objective: float | None
    gap: Gap
    known: Knowledge | None
    trace: list[TracePoint] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Wall seconds of build and solve."""
        return self.record.seconds.build + self.record.seconds.solve

    @property
    def held(self) -> bool:
        """Whether a feasible verified network was there at the end of a sound run."""
        facts = self.record.evaluation
        sound = self.record.ending is not Ending.INVALID
        return sound and facts is not None and facts.feasible

    @property
    def contradiction(self) -> str:
        """Why this record cannot be right beside others; empty when it can."""
        return self.known.contradicted.get(self.record.id, "") if self.known else ""

    @property
    def threshold(self) -> float | None:
        """The objective from which on the instance counts as solved; None when nobody has one."""
        best = self.known.best if self.known else None
        start = self.record.reference_objective
        if best is None or start is None:
            return best
        return best + TOLERANCE * max(0.0, start - best)

    @property
    def seconds_to_solve(self) -> float:
        """Seconds until the instance was solved in the sense of ``threshold``."""
        return math.inf if self.threshold is None else self.time_to(self.threshold)

    def part(self, name: str) -> PartMetrics | None:
        """Class decisions on a part of the data, of a sound run that holds a network."""
        facts = self.record.evaluation
        return facts.parts.get(name) if self.held and facts else None

    def accuracy(self, part: str = "test") -> float:
        """Accuracy by argmax, ties as 1/k; NaN where there is no network or no such part."""
        found = self.part(part)
        return found.argmax if found else math.nan

    def time_to(self, threshold: float) -> float:
        """Seconds until the verified objective was first at most a threshold; infinite if never."""
        hit = time_to_target(self.trace, threshold)
        reached = self.objective is not None and self.objective <= threshold + 1e-9
        return min(hit, self.seconds) if reached else math.inf


@dataclass(frozen=True)
class Runs:
    """All runs that a report is about.

    Attributes:
        name: of the store.
        suite: the only suite, or None for all.
        runs: in order of time, the latest record of every problem, method and seed.
        superseded: records left out because a later one has the same problem, method and seed.
    """

    name: str
    suite: str | None
    runs: list[Run]
    superseded: int = 0

    @cached_property
    def problems(self) -> list[str]:
        """Problem classes in words, sorted."""
        return sorted({r.problem for r in self.runs})

    @cached_property
    def methods(self) -> list[str]:
        """Methods; those of the class before the references, by how often they were run."""
        counts = Counter(r.method for r in self.runs)
        references = {r.method for r in self.runs if r.record.reference}
        return sorted(counts, key=lambda m: (m in references, -counts[m], m))

    @cached_property
    def references(self) -> set[str]:
        """Methods that are reality checks from outside the class."""
        return {r.method for r in self.runs if r.record.reference}

    @cached_property
    def suites(self) -> list[str]:
        """Names of the suites."""
        return sorted({r.record.suite for r in self.runs})

    @cached_property
    def groups(self) -> dict[Group, list[Run]]:
        """Runs by problem and method."""
        found: dict[Group, list[Run]] = {}
        for run in self.runs:
            found.setdefault((run.problem, run.method), []).append(run)
        return found

    @cached_property
    def by_problem(self) -> dict[str, dict[str, list[Run]]]:
        """Runs by problem, then by method, problems sorted."""
        found: dict[str, dict[str, list[Run]]] = {problem: {} for problem in self.problems}
        for (problem, method), group in self.groups.items():
            found[problem][method] = group
        return found

    @cached_property
    def instances(self) -> dict[str, dict[str, Run]]:
        """Runs of the class by instance and method; an instance is a problem digest and a seed."""
        found: dict[str, dict[str, Run]] = {}
        for run in self.runs:
            if run.record.problem and not run.record.reference:
                key = f"{run.record.problem}/{run.cell.seed}"
                found.setdefault(key, {})[run.method] = run
        return found


def collect(store: Store, suite: str | None = None) -> Runs:
    """Read what a report needs.

    Args:
        store: the store.
        suite: only records of this suite; bounds of all suites still count for gaps.
    """
    known = knowledge(store.columns())
    traced = list(store.traced(suite))
    chosen = [record for record, _ in traced]
    cells = [msgspec.convert(r.cell, Cell) for r in chosen]
    problems = [describe(cell) for cell in cells]
    methods = _methods(cells, problems)
    found: dict[tuple[str, str, int], Run] = {}
    for (record, trace), cell, problem, method in zip(
        traced, cells, problems, methods, strict=True
    ):
        about = known.get(record.problem)
        run = Run(
            record, cell, problem, method, objective(record), gap(record, about), about, trace
        )
        found[problem, method, cell.seed] = run
    return Runs(store.path.name, suite, list(found.values()), len(chosen) - len(found))


def _methods(cells: Sequence[Cell], problems: Sequence[str]) -> list[str]:
    """Methods of the cells, with limits where a method was run with several on the same problem."""
    limits: dict[tuple[str, str, int], set[str]] = {}
    keys = [(c.method, problem, c.seed) for c, problem in zip(cells, problems, strict=True)]
    texts = [_limits(c) for c in cells]
    for key, text in zip(keys, texts, strict=True):
        limits.setdefault(key, set()).add(text)
    several = {key[0] for key, found in limits.items() if len(found) > 1}
    return [
        f"{key[0]}; {text}" if key[0] in several else key[0]
        for key, text in zip(keys, texts, strict=True)
    ]


def _limits(cell: Cell) -> str:
    threads = "" if cell.limits.threads == 1 else f", {cell.limits.threads} threads"
    return f"{cell.limits.time:g} s{threads}"
