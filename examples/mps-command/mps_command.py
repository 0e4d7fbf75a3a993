"""A solver around an external program: the model goes out as an MPS file, a solution comes back.

The program is any command that reads a free-format MPS file and writes lines ``NAME VALUE``, one
for each variable; others are ignored. In the command ``{model}``, ``{solution}``, ``{seconds}`` and
``{threads}`` are replaced, so that for example

    mps-command[command=("cbc","{model}","sec","{seconds}","solve","solution","{solution}")]

needs no wrapper but one that brings the solution file into this form. Whatever the program says of
its objective is not read: the objective is computed from the point, and it claims no bound.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Clock, Model, Report, Solver
from bnnbench.models import MatrixMILP
from bnnbench.solution import Limits, Solution, Termination


@dataclass(frozen=True)
class MpsCommand(Solver):
    """Any MIP program that reads an MPS file, run as a command.

    Attributes:
        command: program and arguments, with ``{model}``, ``{solution}``, ``{seconds}``,
            ``{threads}``.
    """

    name: ClassVar[str] = "mps-command"
    kind: ClassVar[str] = "milp"
    command: tuple[str, ...]

    def available(self) -> str | None:
        if self.command and shutil.which(self.command[0]):
            return None
        return f"there is no program {self.command[0] if self.command else '(none)'!r} on the path"

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        clock, program = Clock(limits), model.data
        with tempfile.TemporaryDirectory() as folder:
            names = {"model": f"{folder}/model.mps", "solution": f"{folder}/solution.txt"}
            Path(names["model"]).write_text("\n".join(mps(program)) + "\n", encoding="ascii")
            seconds = min(clock.left, 1e6)
            words = [
                w.format(**names, seconds=f"{seconds:.2f}", threads=limits.threads)
                for w in self.command
            ]
            ended = Termination.ITERATIONS
            try:
                # a process of its own: what it prints is not ours, and the limit can be enforced
                done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 1)
            except subprocess.TimeoutExpired:
                return Solution.found(None, Termination.TIME)
            if done.returncode:
                note = (done.stderr or done.stdout).strip()[-300:]
                return Solution(termination=Termination.ERROR, info={"program": note})
            if clock.left < 0.1 * seconds:
                ended = Termination.TIME
            point = read(program, Path(names["solution"]))
        if point is None:
            return Solution.found(None, ended)
        objective = program.objective(point)
        report(point, objective=objective)
        if limits.target is not None and objective <= limits.target:
            ended = Termination.TARGET
        return Solution.found(point, ended, objective=objective)


def mps(program: MatrixMILP) -> Iterator[str]:
    """The lines of a free-format MPS file; variables are C0, C1, ..., rows R0, R1, ...

    A row with two different finite sides is written as a G row with a range. The constant of the
    objective is left out: what comes back is a point.
    """
    low, high = program.row_lower, program.row_upper
    kinds = np.where(low == high, "E", np.where(np.isfinite(low), "G", "L"))
    kinds[np.isinf(low) & np.isinf(high)] = "N"
    yield "NAME bnnbench"
    yield "ROWS"
    yield " N COST"
    yield from (f" {kind} R{i}" for i, kind in enumerate(kinds))
    yield "COLUMNS"
    yield from _columns(program)
    yield "RHS"
    sides = np.where(np.isfinite(low), low, high)
    for i, (kind, side) in enumerate(zip(kinds, sides, strict=True)):
        if kind != "N" and side:
            yield f" RHS R{i} {side:.17g}"
    yield "RANGES"
    both = np.isfinite(low) & np.isfinite(high) & (low != high)
    yield from (f" RNG R{i} {high[i] - low[i]:.17g}" for i in np.flatnonzero(both))
    yield "BOUNDS"
    for j, (lower, upper) in enumerate(zip(program.lower, program.upper, strict=True)):
        yield f" LO BND C{j} {lower:.17g}" if np.isfinite(lower) else f" MI BND C{j}"
        yield f" UP BND C{j} {upper:.17g}" if np.isfinite(upper) else f" PL BND C{j}"
    yield "ENDATA"


def _columns(program: MatrixMILP) -> Iterator[str]:
    """The matrix by columns, as MPS has it, integer columns between markers."""
    rows = np.repeat(np.arange(program.n_rows), np.diff(program.indptr))
    order = np.argsort(program.indices, kind="stable")
    starts = np.searchsorted(program.indices[order], np.arange(program.n_cols + 1))
    marked = False
    for j in range(program.n_cols):
        if bool(program.integer[j]) != marked:
            marked = not marked
            yield f" MARKER{j} 'MARKER' '{'INTORG' if marked else 'INTEND'}'"
        # the cost also declares a column that is in no row
        yield f" C{j} COST {program.c[j]:.17g}"
        for e in order[starts[j] : starts[j + 1]]:
            yield f" C{j} R{rows[e]} {program.data[e]:.17g}"
    if marked:
        yield " MARKEREND 'MARKER' 'INTEND'"


def read(program: MatrixMILP, path: Path) -> np.ndarray | None:
    """The point of a solution file; None when it names no variable."""
    if not path.exists():
        return None
    point, found = np.clip(0.0, program.lower, program.upper), False
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, value = line.strip().partition(" ")
        if name[:1] == "C" and name[1:].isdecimal() and int(name[1:]) < program.n_cols:
            point[int(name[1:])], found = float(value), True
    return point if found else None


@hookimpl
def bnnbench_solvers():
    """``mps-command``."""
    return [MpsCommand]
