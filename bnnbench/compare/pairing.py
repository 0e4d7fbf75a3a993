"""Cells of two selections that are the same but for what is compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import NamedTuple

from bnnbench.analysis import Knowledge, knowledge
from bnnbench.compare.selection import Entry, Selection
from bnnbench.errors import SpecError
from bnnbench.frames import flat
from bnnbench.record import Ending, Record
from bnnbench.solution import Termination
from bnnbench.suite import Cell

FAILED = (Ending.CRASH, Ending.ERROR, Ending.INVALID, Ending.MEMOUT, Ending.SKIPPED)


class Key(NamedTuple):
    """What both sides of a pair share; ``method`` is empty when two methods are compared."""

    problem: str
    method: str
    seed: int

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.problem, self.method, f"seed {self.seed}")))


@dataclass(frozen=True)
class Attempt:
    """One run of a cell.

    Attributes:
        entry: the record.
        figures: by metric, NaN where there is none.
        finished: by metric, False where a time is a limit and so a lower bound.
    """

    entry: Entry
    figures: dict[str, float]
    finished: dict[str, bool]

    @property
    def sound(self) -> bool:
        """Whether its figures may be compared."""
        return self.entry.record.ending not in FAILED


@dataclass(frozen=True)
class Run:
    """One side of a pair: a cell, run once or several times by the same code.

    Attributes:
        attempts: in order of time; those that failed are left out unless the last one did.
    """

    attempts: tuple[Attempt, ...]

    @property
    def entry(self) -> Entry:
        """The last record."""
        return self.attempts[-1].entry

    @property
    def sound(self) -> bool:
        """Whether its figures may be compared."""
        return self.attempts[-1].sound

    @cached_property
    def figures(self) -> dict[str, float]:
        """By metric the median over attempts, NaN where one has none."""
        names = self.attempts[-1].figures
        return {n: _median([a.figures.get(n, math.nan) for a in self.attempts]) for n in names}

    @cached_property
    def finished(self) -> dict[str, bool]:
        """By metric, False where the median is a limit and so a lower bound."""
        names, half = self.attempts[-1].finished, len(self.attempts) / 2
        return {n: sum(a.finished.get(n, True) for a in self.attempts) > half for n in names}


@dataclass(frozen=True)
class Pairing:
    """Both selections, cell by cell.

    Attributes:
        pairs: cells in both.
        only_before: cells of the first alone.
        only_after: cells of the second alone.
        mixed: cells of which a selection has records of different versions, of which the latest
            counts.
    """

    pairs: dict[Key, tuple[Run, Run]]
    only_before: tuple[Key, ...]
    only_after: tuple[Key, ...]
    mixed: int = 0
    runs: tuple[int, int] = field(default=(0, 0))


def pair(before: Selection, after: Selection, *, methods: bool = False) -> Pairing:
    """Pair by problem, method and seed, or by problem and seed when two methods are compared.

    Bounds and best objectives are those that the records of both stores together prove.

    Raises:
        SpecError: when there is no pair.
    """
    known = knowledge([*before.everything, *after.everything])
    limits = _ambiguous([*before.entries], methods) or _ambiguous([*after.entries], methods)
    a, mixed_a = _runs(before.entries, known, methods, limits)
    b, mixed_b = _runs(after.entries, known, methods, limits)
    common = [key for key in a if key in b]
    if not common:
        raise SpecError(_nothing_common(before, after, a, b))
    return Pairing(
        pairs={key: (a[key], b[key]) for key in common},
        only_before=tuple(key for key in a if key not in b),
        only_after=tuple(key for key in b if key not in a),
        mixed=mixed_a + mixed_b,
        runs=(len(a), len(b)),
    )


def _key(cell: Cell, methods: bool, limits: bool) -> Key:
    target = "" if cell.limits.target is None else f"; target {cell.limits.target:g}"
    problem = f"{cell.data}; {cell.topology}; {cell.domain}; {cell.objective}{target}"
    method = "" if methods else cell.method
    if limits:
        method = f"{method}; {_limits(cell)}".removeprefix("; ")
    return Key(problem, method, cell.seed)


def _limits(cell: Cell) -> str:
    return f"{cell.limits.time:g} s, {cell.limits.threads} threads"


def _ambiguous(entries: Sequence[Entry], methods: bool) -> bool:
    """Whether a selection has cells that differ in their limits alone."""
    seen: dict[Key, set[str]] = {}
    for entry in entries:
        seen.setdefault(_key(entry.cell, methods, False), set()).add(_limits(entry.cell))
    return any(len(kinds) > 1 for kinds in seen.values())


def _runs(
    entries: Iterable[Entry], known: dict[str, Knowledge], methods: bool, limits: bool
) -> tuple[dict[Key, Run], int]:
    """Each cell by the latest versions that ran it, and how many cells other versions ran too."""
    groups: dict[Key, list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: e.record.created):
        groups.setdefault(_key(entry.cell, methods, limits), []).append(entry)
    runs, mixed = {}, 0
    for key, group in groups.items():
        alike = [e for e in group if _code(e.record) == _code(group[-1].record)]
        attempts = [_attempt(e, known.get(e.record.problem)) for e in alike]
        sound = [a for a in attempts if a.sound]
        runs[key] = Run(tuple(sound if attempts[-1].sound else attempts[-1:]))
        mixed += len(alike) < len(group)
    return runs, mixed


def _code(record: Record) -> tuple[str, dict[str, str]]:
    """What ran: attempts at a cell that have it in common are repetitions."""
    return record.id, record.versions


def _attempt(entry: Entry, known: Knowledge | None) -> Attempt:
    record = entry.record
    row = flat(record, known, list(entry.trace))
    figures = {k: float(v) for k, v in row.items() if isinstance(v, (int, float))}
    figures["seconds"] = record.seconds.build + record.seconds.solve
    figures["cpu_seconds"] = record.seconds.solve_cpu or math.nan
    figures["test_error"] = 1 - figures.get("test_accuracy", math.nan)
    value = figures.get("objective", math.nan)
    figures["objective_per_row"] = value / record.rows if record.rows else math.nan
    figures["peak_memory"] = figures["peak_memory"] or math.nan
    stopped = (Termination.TIME, Termination.INTERRUPTED)
    timed = record.ending is Ending.TIMEOUT or record.claims.termination in stopped
    reached = math.isfinite(figures["time_to_target"])
    if figures["time_to_target"] == math.inf:
        figures["time_to_target"] = entry.cell.limits.time
    finished = {"seconds": not timed, "cpu_seconds": not timed, "time_to_target": reached}
    return Attempt(entry, figures, finished)


def _median(figures: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, figures)) else median(figures)


def _nothing_common(
    before: Selection, after: Selection, a: dict[Key, Run], b: dict[Key, Run]
) -> str:
    text = f"{before.text} and {after.text} have no cell in common ({len(a)} and {len(b)} cells)."
    for part in ("problem", "method", "seed"):
        mine = {str(getattr(key, part)) for key in a}
        theirs = {str(getattr(key, part)) for key in b}
        if not mine & theirs and mine and theirs:
            text += f"\n  {part}s of the first: {_some(mine)}\n  of the second: {_some(theirs)}"
    return text + "\nTo compare two methods on the same problems: --methods FIRST SECOND."


def _some(names: set[str]) -> str:
    shown = sorted(names)[:5]
    return ", ".join(shown) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
