"""Programs as LP files, and back: the format that is made for reading.

Written here, since HiGHS' own writer rounds to 15 digits, leaves out free rows and reorders the
variables; read by HiGHS, which keeps every number. The objective names every variable, if need be
with cost 0, so that all readers number them alike. A row with two different finite sides is written
as two rows ``r0.low`` and ``r0.high``, which reading joins again: of a row between two numbers
HiGHS 1.15 silently loses one, and others refuse it. The objective's constant stands at its end,
where all readers tried take it (HiGHS, SCIP, CPLEX, COPT, Xpress) but Gurobi: give that MPS.

Names are those of :mod:`bnnbench_mip.names`, with an underscore for what LP does not allow in the
name of a block. Writing and reading is exact but for coefficients up to 1e-12, which HiGHS drops,
and numbers from 1e20 on, which are infinite. Cost: about a text of 25 characters per coefficient.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnnbench.models import MatrixMILP
from bnnbench_mip.names import blocks_of, column_names

if TYPE_CHECKING:
    import highspy

PER_LINE = 6
"""Terms in a line; some readers take no more than 255 characters."""
INFINITE = 1e30
"""Stands for a side that is open, in free rows: all readers take it."""
DROPPED = 1e-12
"""Coefficients up to this are dropped by HiGHS, which takes no smaller number for it."""


def write_lp(milp: MatrixMILP, path: Path) -> None:
    """Write a program in the LP format."""
    path.write_text("\n".join(_lines(milp)) + "\n", encoding="ascii")


def read_lp(path: Path) -> MatrixMILP:
    """Read an LP file, by HiGHS; names like ``w1(3,4)`` become blocks, a maximum is turned round.

    Raises:
        ValueError: for a file that HiGHS cannot read, and for one that is no mixed-integer linear
            program.
    """
    import highspy

    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("small_matrix_value", DROPPED)
    if solver.readModel(str(path)).name == "kError":
        raise ValueError(f"HiGHS cannot read {path}: is it there, and an LP file?")
    lp = solver.getLp()
    kinds = {kind.name for kind in lp.integrality_} - {"kContinuous", "kInteger"}
    if kinds or solver.getModel().hessian_.dim_:
        odd = "a quadratic objective" if not kinds else "semi-continuous variables"
        raise ValueError(f"{path} has {odd}, so it is no mixed-integer linear program.")
    return _joined_sides(_program(lp), list(lp.row_names_))


def _lines(milp: MatrixMILP) -> Iterator[str]:
    names = column_names(milp, _legal)
    yield "Minimize"
    constant = [_signed(milp.offset)] if milp.offset else []
    yield from _wrapped("cost", [*_terms(milp.c.tolist(), names), *constant])
    yield "Subject To"
    starts, columns, values = milp.indptr.tolist(), milp.indices.tolist(), milp.data.tolist()
    for k, (low, high) in enumerate(zip(milp.row_lower, milp.row_upper, strict=True)):
        part = slice(starts[k], starts[k + 1])
        terms = list(_terms(values[part], [names[j] for j in columns[part]]))
        for name, relation in _relations(f"r{k}", float(low), float(high)):
            yield from _wrapped(name, [*(terms or [f"+ 0.0 {names[0]}"]), relation])
    yield "Bounds"
    for name, low, high in zip(names, milp.lower.tolist(), milp.upper.tolist(), strict=True):
        ends = [f"{v!r}" if math.isfinite(v) else f"{'+-'[v < 0]}infinity" for v in (low, high)]
        yield f" {ends[0]} <= {name} <= {ends[1]}"
    yield "General"
    yield from (f" {names[j]}" for j in np.flatnonzero(milp.integer))
    yield "End"


def _terms(values: Sequence[float], names: Sequence[str]) -> Iterator[str]:
    for value, name in zip(values, names, strict=True):
        yield f"{_signed(value)} {name}"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value)!r}"


def _wrapped(name: str, parts: Sequence[str]) -> Iterator[str]:
    for k in range(0, max(1, len(parts)), PER_LINE):
        yield f" {f'{name}: ' if not k else ''}{' '.join(parts[k : k + PER_LINE])}"


def _relations(name: str, low: float, high: float) -> list[tuple[str, str]]:
    """Names and right-hand sides of the rows that make one row."""
    if low == high:
        return [(name, f"= {low!r}")]
    sides = [(f"{name}.low", f">= {low!r}"), (f"{name}.high", f"<= {high!r}")]
    if math.isfinite(low) and math.isfinite(high):
        return sides
    return [(name, sides[1][1] if math.isfinite(high) else f">= {max(low, -INFINITE)!r}")]


def _legal(block: str) -> str:
    """What LP allows; a name like ``e1`` would be part of a number."""
    name = re.sub(r"[^A-Za-z0-9_.]", "_", block)
    return f"_{name}" if re.match(r"[.\d]|[eE][\d.eE]", name) else name


def _program(lp: highspy.HighsLp) -> MatrixMILP:
    """What HiGHS holds by columns, by rows."""
    sign = -1.0 if lp.sense_.name == "kMaximize" else 1.0
    rows, values = np.array(lp.a_matrix_.index_), np.array(lp.a_matrix_.value_)
    lengths = np.diff(np.array(lp.a_matrix_.start_))
    columns = np.repeat(np.arange(lp.num_col_, dtype=np.int32), lengths)
    order = np.argsort(rows, kind="stable").astype(np.int64)
    per_row = np.bincount(rows.astype(np.int64), minlength=lp.num_row_)
    whole = [kind.name == "kInteger" for kind in lp.integrality_] or [False] * lp.num_col_
    names = list(lp.col_names_)
    return MatrixMILP(
        c=sign * np.array(lp.col_cost_, dtype=np.float64),
        indptr=np.concatenate([[0], np.cumsum(per_row)]).astype(np.int32),
        indices=columns[order],
        data=values[order].astype(np.float64),
        row_lower=np.array(lp.row_lower_, dtype=np.float64),
        row_upper=np.array(lp.row_upper_, dtype=np.float64),
        lower=np.array(lp.col_lower_, dtype=np.float64),
        upper=np.array(lp.col_upper_, dtype=np.float64),
        integer=np.array(whole, dtype=bool),
        offset=sign * float(lp.offset_),
        blocks=blocks_of(names),
    )


def _joined_sides(milp: MatrixMILP, names: list[str]) -> MatrixMILP:
    """Pairs of rows ``NAME.low`` and ``NAME.high`` with equal coefficients as one row."""
    second = np.zeros(milp.n_rows, dtype=bool)
    for k, (low, high) in enumerate(itertools.pairwise(names)):
        if low.endswith(".low") and high == f"{low.removesuffix('.low')}.high":
            one, other = (slice(milp.indptr[i], milp.indptr[i + 1]) for i in (k, k + 1))
            second[k + 1] = all(np.array_equal(a[one], a[other]) for a in (milp.indices, milp.data))
    upper, lengths = milp.row_upper.copy(), np.diff(milp.indptr)
    upper[np.flatnonzero(second) - 1] = upper[second]
    entries = np.repeat(~second, lengths)
    return replace(
        milp,
        indptr=np.concatenate([[0], np.cumsum(lengths[~second])]).astype(np.int32),
        indices=milp.indices[entries],
        data=milp.data[entries],
        row_lower=milp.row_lower[~second],
        row_upper=upper[~second],
    )
