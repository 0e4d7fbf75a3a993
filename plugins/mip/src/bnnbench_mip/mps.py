"""Programs as free-format MPS files, and back: for other solvers, and for looking at.

Variables are named as :mod:`bnnbench_mip.names` says, so that reading the file gives the blocks
back; rows are ``r0``, ``r1``, ... Numbers are written as the shortest texts that read back as the
same floats, so writing and reading is exact, but for the left side of a row with two different
ones, which MPS gives by its distance from the right one. The constant of the objective stands,
negated, in the RHS section, as is usual. Cost: a line per coefficient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bnnbench.models import MatrixMILP
from bnnbench_mip.names import blocks_of, column_names

COST = "cost"


def write_mps(milp: MatrixMILP, path: Path) -> None:
    """Write a program as free-format MPS."""
    path.write_text("\n".join(_lines(milp)) + "\n", encoding="ascii")


def _lines(milp: MatrixMILP) -> Iterator[str]:
    kinds = [_kind(*sides) for sides in zip(milp.row_lower, milp.row_upper, strict=True)]
    yield "NAME bnnbench"
    yield "ROWS"
    yield f" N {COST}"
    yield from (f" {kind} r{k}" for k, kind in enumerate(kinds))
    yield "COLUMNS"
    yield from _columns(milp)
    yield "RHS"
    if milp.offset:
        yield f" rhs {COST} {-float(milp.offset)!r}"
    for k, kind in enumerate(kinds):
        side = milp.row_lower[k] if kind == "G" else milp.row_upper[k]
        if kind != "N" and side:
            yield f" rhs r{k} {float(side)!r}"
    yield "RANGES"
    for k, (low, high) in enumerate(zip(milp.row_lower, milp.row_upper, strict=True)):
        if kinds[k] == "L" and math.isfinite(low):
            yield f" rng r{k} {float(high - low)!r}"
    yield "BOUNDS"
    ends = zip(column_names(milp), milp.lower.tolist(), milp.upper.tolist(), strict=True)
    for name, low, high in ends:
        if not math.isfinite(low):
            yield f" MI bnd {name}"
        else:
            yield f" LO bnd {name} {low!r}"
        yield f" UP bnd {name} {high!r}" if math.isfinite(high) else f" PL bnd {name}"
    yield "ENDATA"


def _columns(milp: MatrixMILP) -> Iterator[str]:
    """The matrix by columns, with markers around integer variables."""
    row = np.repeat(np.arange(milp.n_rows), np.diff(milp.indptr))
    order = np.argsort(milp.indices, kind="stable")
    rows, values = row[order].tolist(), milp.data[order].tolist()
    ends = np.cumsum(np.bincount(milp.indices, minlength=milp.n_cols)).tolist()
    start, inside, markers = 0, False, 0
    for j, (name, whole) in enumerate(zip(column_names(milp), milp.integer.tolist(), strict=True)):
        if whole != inside:
            yield f" m{markers} 'MARKER' {'INTORG' if whole else 'INTEND'!r}".replace("''", "'")
            inside, markers = whole, markers + 1
        yield f" {name} {COST} {float(milp.c[j])!r}"
        yield from (f" {name} r{rows[e]} {values[e]!r}" for e in range(start, ends[j]))
        start = ends[j]
    if inside:
        yield f" m{markers} 'MARKER' 'INTEND'"


def _kind(low: float, high: float) -> str:
    if low == high:
        return "E"
    if math.isfinite(high):
        return "L"
    return "G" if math.isfinite(low) else "N"


class _Reader:
    """Collects the sections of a file."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.costs: dict[str, float] = {}
        self.whole: dict[str, bool] = {}
        self.entries: list[tuple[str, str, float]] = []
        self.sides: dict[str, float] = {}
        self.ranges: dict[str, float] = {}
        self.bounds: dict[str, list[float]] = {}
        self.inside = False

    def read(self, section: str, words: list[str]) -> None:
        """One line of a section."""
        if section == "ROWS":
            self.kinds[words[1]] = words[0]
        elif section == "COLUMNS":
            self._column(words)
        elif section in ("RHS", "RANGES"):
            table = self.sides if section == "RHS" else self.ranges
            table |= {r: float(v) for r, v in zip(words[1::2], words[2::2], strict=True)}
        elif section == "BOUNDS":
            self._bound(words)

    def _column(self, words: list[str]) -> None:
        if words[1] == "'MARKER'":
            self.inside = words[2] == "'INTORG'"
            return
        name = words[0]
        self.whole.setdefault(name, self.inside)
        for row, value in zip(words[1::2], words[2::2], strict=True):
            if self.kinds[row] == "N" and row == next(iter(self.kinds)):
                self.costs[name] = float(value)
            else:
                self.entries.append((row, name, float(value)))

    def _bound(self, words: list[str]) -> None:
        kind, name = words[0], words[2]
        ends = self.bounds.setdefault(name, [0.0, math.inf])
        value = float(words[3]) if len(words) > 3 else 0.0
        low, high = {
            "LO": (value, ends[1]),
            "UP": (ends[0], value),
            "FX": (value, value),
            "MI": (-math.inf, ends[1]),
            "PL": (ends[0], math.inf),
            "FR": (-math.inf, math.inf),
            "BV": (0.0, 1.0),
        }[kind]
        ends[:] = [low, high]
        if kind == "BV":
            self.whole[name] = True

    def program(self) -> MatrixMILP:
        """What was read."""
        names = list(self.whole)
        place = {name: k for k, name in enumerate(names)}
        objective, *rows = self.kinds
        number = {row: k for k, row in enumerate(rows)}
        order = np.argsort([number[r] for r, _, _ in self.entries], kind="stable")
        lengths = np.bincount([number[r] for r, _, _ in self.entries], minlength=len(rows))
        low, high = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
        for row, k in number.items():
            side, kind = self.sides.get(row, 0.0), self.kinds[row]
            if kind in "EG":
                low[k] = side
            if kind in "EL":
                high[k] = side
            if row in self.ranges and kind == "L":
                low[k] = side - abs(self.ranges[row])
            if row in self.ranges and kind == "G":
                high[k] = side + abs(self.ranges[row])
        ends = np.array([self.bounds.get(n, [0.0, math.inf]) for n in names]).reshape(-1, 2)
        return MatrixMILP(
            c=np.array([self.costs.get(n, 0.0) for n in names]),
            indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
            indices=np.array([place[self.entries[e][1]] for e in order], dtype=np.int32),
            data=np.array([self.entries[e][2] for e in order]),
            row_lower=low,
            row_upper=high,
            lower=ends[:, 0],
            upper=ends[:, 1],
            integer=np.array([self.whole[n] for n in names], dtype=bool),
            offset=-self.sides.get(objective, 0.0),
            blocks=blocks_of(names),
        )


def read_mps(path: Path) -> MatrixMILP:
    """Read a free-format MPS file; names like ``w1(3,4)`` become blocks.

    The first free row is the objective, minimised. A range of an equation is not read.
    """
    reader, section = _Reader(), ""
    for line in path.read_text(encoding="ascii").splitlines():
        words = line.split()
        if not words or line.startswith("*"):
            continue
        if not line[0].isspace():
            section = words[0]
            continue
        reader.read(section, words)
    return reader.program()
