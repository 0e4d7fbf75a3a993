"""Tables: everything that a compiled local search reads and writes, as plain arrays.

A network of any topology is a list of *parameters* (arcs and biases) in layer order and a list of
*units* (hidden ones first, then outputs) in layer order. A parameter has a target unit and a
source: -1 for a bias, ``j < d`` for feature j, ``d + v`` for hidden unit v. The tables keep the
numerators of all pre-activations on the training rows, unit by unit, over the denominator

    unit_k = (X.scale if layer k reads features else 1) * domain.scale,

so that a weight adds ``w * x`` from a feature, ``w * a * gain`` from a hidden unit, and a bias adds
``b * bias_gain``. Features are stored by columns, without zeros. Memory: 9 bytes per (unit, row),
16 per non-zero feature.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnnbench.domain import Grid
from bnnbench.exact import column_reach
from bnnbench.problem import Problem
from bnnbench_heuristics.memory import Int64, Tables

REACH = 2**60


def units(problem: Problem) -> list[int]:
    """Denominator of the pre-activations of every layer."""
    arch, data = problem.architecture, problem.dataset
    return [
        problem.domain.scale * (data.scale if any(c.source == 0 for c in arch.sources(k)) else 1)
        for k in range(1, arch.depth + 1)
    ]


def reaches(problem: Problem) -> list[int]:
    """A bound on the numerators of every layer's weighted sums, bias not counted."""
    arch, domain = problem.architecture, problem.domain
    largest = max(max(abs(g.lo), abs(g.hi)) for g in domain.grids())
    features = sum(column_reach(problem.dataset.part("train")[0]))
    out = []
    for k in range(1, arch.depth + 1):
        sources = [c.source for c in arch.sources(k)]
        hidden = sum(arch.widths[s] for s in sources if s > 0)
        scale = problem.dataset.scale if 0 in sources else 1
        out.append(largest * (hidden * scale + (features if 0 in sources else 0)))
    return out


def bias_limits(problem: Problem) -> list[int]:
    """Largest absolute numerator of a bias, per layer; free ones need not pass the data."""
    domain = problem.domain
    if domain.bias == "free":
        return [r + u for r, u in zip(reaches(problem), units(problem), strict=True)]
    grids = [domain.bias_grid(g) for g in domain.grids()]
    return [max((max(abs(g.lo), abs(g.hi)) for g in grids if g), default=0)] * len(units(problem))


def bias_scales(problem: Problem) -> list[int]:
    """Denominator of the biases, per layer: the finest grid when they are free."""
    if problem.domain.bias == "free":
        return units(problem)
    return [problem.domain.scale] * problem.architecture.depth


def total_reaches(problem: Problem) -> list[int]:
    """A bound on the numerators of every layer's pre-activations."""
    parts = zip(
        reaches(problem), bias_limits(problem), units(problem), bias_scales(problem), strict=True
    )
    return [r + b * (u // s) for r, b, u, s in parts]


def refusal(problem: Problem) -> str | None:
    """Why the tables cannot hold a problem, or None."""
    if len({g.scale for g in problem.domain.grids()}) > 1:
        return "the domain's grids have different scales"
    if max(total_reaches(problem)) > REACH:
        return "pre-activations could leave 60 bits: use fewer decimals"
    return None


def topology(problem: Problem) -> dict[str, Int64]:
    """The topology's tables; weights of a layer in the order of its mask, then its biases."""
    arch = problem.architecture
    first_unit = np.concatenate([[0], np.cumsum(arch.widths[1:])])
    sources, targets, first = [], [], [0]
    for k in range(1, arch.depth + 1):
        origin = np.concatenate([_ids(arch, c.source, first_unit) for c in arch.sources(k)])
        row, column = np.nonzero(arch.mask(k))
        width = arch.widths[k]
        sources += [origin[row], np.full(width, -1)]
        targets += [first_unit[k - 1] + column, first_unit[k - 1] + np.arange(width)]
        first.append(first[-1] + len(row) + width)
    source, target = np.concatenate(sources), np.concatenate(targets)
    order = np.argsort(source, kind="stable")
    order = order[source[order] >= arch.inputs]
    hidden = int(first_unit[-2])
    tables = {
        "SOURCE": source,
        "TARGET": target,
        "LAYER": np.repeat(np.arange(arch.depth), arch.widths[1:]),
        "FIRST_UNIT": first_unit,
        "FIRST_PARAMETER": np.array(first),
        "OUT_FIRST": np.searchsorted(source[order], arch.inputs + np.arange(hidden + 1)),
        "OUT_PARAMETER": order,
        "OUT_TARGET": target[order],
    }
    return {k: _int64(v) for k, v in tables.items()}


def gains(problem: Problem) -> dict[str, Int64]:
    """How much one step of a weight from a hidden unit, and of a bias, adds: per unit."""
    widths = problem.architecture.widths[1:]
    scale = problem.domain.scale
    parts = zip(units(problem), bias_scales(problem), strict=True)
    weight, bias = zip(*[(u // scale, u // s) for u, s in parts], strict=True)
    return {
        "GAIN": _int64(np.repeat(weight, widths)),
        "BIAS_GAIN": _int64(np.repeat(bias, widths)),
    }


def domain_tables(problem: Problem, source: Int64, target: Int64) -> dict[str, Int64]:
    """Grids, budget, and which parameters may move: none of a column without a non-zero."""
    arch, domain = problem.architecture, problem.domain
    X = problem.dataset.part("train")[0]
    live = np.append(X.any(axis=0), True)
    can_move = live[np.minimum(source, arch.inputs)] if arch.inputs else source == source
    can_move = np.where(source < 0, domain.bias != "none", can_move)
    outputs = target >= sum(arch.hidden)
    return {
        "WEIGHT_GRIDS": _int64([_row(g) for g in domain.grids()]),
        "BIAS_GRIDS": _int64([_row(domain.bias_grid(g)) for g in domain.grids()]),
        "BIAS_LIMIT": _int64(bias_limits(problem)),
        "MOVABLE": np.flatnonzero(can_move),
        "HOT": np.flatnonzero(can_move & ((source < 0) | outputs)),
    }


def data_tables(problem: Problem) -> dict[str, Int64]:
    """Training rows by column without zeros, wanted signs by output, labels."""
    X, y = problem.dataset.part("train")
    column, row = np.nonzero(X.T)
    return {
        "COLUMN_FIRST": _int64(np.searchsorted(column, np.arange(X.shape[1] + 1))),
        "COLUMN_ROW": _int64(row),
        "COLUMN_VALUE": _int64(X[row, column]),
        "SIGNS": _int64(np.ascontiguousarray(problem.targets().T)),
        "LABELS": _int64(y),
    }


def scratch(parameters: int, n_units: int, depth: int, n: int) -> dict[str, Any]:
    """The mutable tables, zero."""
    integers = {
        "VALUE": (parameters,),
        "BEST": (parameters,),
        "GRID": (depth,),
        "BEST_GRID": (depth,),
        "PRE": (n_units, n),
        "ACTIVE": (n_units, n),
        "IS_DIRTY": (n,),
        "DIRTY": (n,),
        "IS_TOUCHED": (n_units,),
        "TOUCHED": (n_units,),
        "MOVED": (parameters,),
        "OLD_VALUES": (parameters,),
    }
    reals = {"MARGINS": (n_units,), "OLD_MARGINS": (n_units,), "ROWS": (n, 3), "OLD_ROWS": (n, 3)}
    return {k: np.zeros(shape, dtype=np.int64) for k, shape in integers.items()} | {
        k: np.zeros(shape) for k, shape in reals.items()
    }


def build_tables(problem: Problem, arrays: dict[str, Any], reals: dict[str, float]) -> Tables:
    """The tables of a problem, given those of its objective; no network yet."""
    arch, data = problem.architecture, problem.dataset
    shape = topology(problem)
    sizes = (len(shape["SOURCE"]), sum(arch.widths[1:]), arch.depth, data.sizes[0])
    arrays = {
        **shape,
        **gains(problem),
        **domain_tables(problem, shape["SOURCE"], shape["TARGET"]),
        **data_tables(problem),
        **scratch(*sizes),
        **arrays,
    }
    budget = problem.domain.budget(arch.n_weights)
    scalars = {
        "N_ROWS": data.sizes[0],
        "N_FEATURES": arch.inputs,
        "N_HIDDEN": sum(arch.hidden),
        "N_UNITS": sizes[1],
        "N_OUTPUTS": arch.outputs,
        "N_LAYERS": arch.depth,
        "N_PARAMETERS": sizes[0],
        "N_MOVABLE": len(arrays["MOVABLE"]),
        "N_HOT": len(arrays["HOT"]),
        "N_GRIDS": len(arrays["WEIGHT_GRIDS"]),
        "N_TERMS": len(arrays["KINDS"]),
        "LOW": -1 if arch.activation == "sign" else 0,
        "BUDGET": -1 if budget is None else budget,
        "COST_KIND": int(reals.pop("COST_KIND")),
        "HAS_MARGIN": int(reals.pop("HAS_MARGIN")),
        "MOVED_LAYER": -1,
    }
    return Tables(scalars, arrays, reals)


def _ids(arch: Any, source: int, first_unit: Int64) -> Int64:
    start = 0 if source == 0 else arch.inputs + int(first_unit[source - 1])
    return _int64(start + np.arange(arch.widths[source]))


def _row(grid: Grid | None) -> tuple[int, int, int]:
    return (0, 1, 0) if grid is None else (grid.lo, grid.step, grid.size)


def _int64(values: Any) -> Int64:
    return np.ascontiguousarray(values, dtype=np.int64)
