"""Objectives as terms that a compiled search can keep up to date row by row.

Every built-in objective is a sum over rows of a function of the output numerators, a sum over
parameters (least weight), or a sum over units (largest margin); a lexicographic one is a weighted
list of them. A term yields three numbers: *value*, an integer over a common denominator, whose sum
is the objective exactly while it stays below 2**53; *broken*, how many hard requirements fail; and
*search*, what the Metropolis rule sees:

    search = value + penalty * step * broken (+ guide for missed margins).

``step`` is the change that one move typically makes; temperatures are multiples of it. The plain
count of missed margins gives no direction (flip-search.md section 5). With the margin w and
``guide`` = g a miss by an output of signed size v < w costs, for the search alone,

    1 - g + g min(2, (w - v) / w),

at g = 1 a ramp without a jump. A jump at the margin holds outputs that lie just inside: they block
moves that help the others. The ramp ends at 2, so that outputs beyond hope do not count for more.
Where there are more outputs of rows than parameters, most margins cannot be met together, and a
ramp is left with many narrow misses: there g is 1/2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.objectives import (
    Errors,
    Hamming,
    Lexicographic,
    LinearHinge,
    MaxMargin,
    MinHinge,
    MinWeight,
    Objective,
    SaturatedMargin,
    SignErrors,
    SquaredHinge,
)
from bnnbench.objectives.hinge import breakpoints
from bnnbench.problem import Problem
from bnnbench_heuristics.memory import Float64, Int64
from bnnbench_heuristics.tables import (
    bias_limits,
    bias_scales,
    total_reaches,
    units,
)

HAMMING, SIGN, SATURATED, SQUARED, INTERPOLANT, LINEAR, EXPECTED, UNIQUE, HARD = range(9)
L1, L0 = 1, 2
EXACT = 2**53
_LOWER_LEVEL = 0.3
_STRICT = 1.0
_LARGEST_FACTOR = 10**200


@dataclass(frozen=True)
class Level:
    """One objective.

    Attributes:
        kind: which function of the output numerators.
        constants: its integers.
        scale: denominator of the value.
        most: a bound on the absolute value's numerator, over all rows.
        step: typical change by a move, in units of the objective.
        cost: 0, or the norm of the parameters that is added.
        eps: for a margin term its strictness; None for no margin term.
    """

    kind: int
    constants: tuple[int, int, int] = (0, 0, 0)
    scale: int = 1
    most: int = 0
    step: Fraction = Fraction(1)
    cost: int = 0
    eps: Fraction | None = None


@dataclass(frozen=True, eq=False)
class Terms:
    """What the tables hold about the objective.

    Attributes:
        arrays: array fields of the tables.
        reals: scalar fields.
        scale: numerators of ``value`` per unit of the objective (of its first level).
        step: one typical step in units of ``search``.
        heat: by how much the first temperature is raised: by the penalty where there are hard
            requirements, so that they, too, can be broken and mended; else by half the
            outputs, since a hidden unit moves them all, for missed margins by the root of what
            one can cost, and without a hidden layer by what
            breaking the strict form of sign errors costs: few moves lead around it there.
        exact: whether sums of values stay exact in float64.
        known: False when the objective is not one of the built-in ones; the terms then only count
            wrong signs.
    """

    arrays: dict[str, Float64 | Int64]
    reals: dict[str, float]
    scale: int
    step: float
    heat: float
    exact: bool
    known: bool


def usual_guide(problem: Problem) -> float:
    """1 where there are at least as many parameters as outputs of rows, else 1/2."""
    arch = problem.architecture
    parameters = arch.n_weights + sum(arch.widths[1:])
    return 1.0 if _rows(problem) * _outputs(problem) <= parameters else 0.5


def build_terms(problem: Problem, penalty: float, guide: float | None) -> Terms:
    """The terms of a problem's objective; no ``guide`` for the usual one.

    Raises:
        ProblemError: ``guide`` is not in [0, 1].
    """
    guide = usual_guide(problem) if guide is None else guide
    if not 0 <= guide <= 1:
        raise ProblemError(f"guide must lie in [0, 1], got {guide:g}.")
    objective = problem.objective
    parts = objective.levels if isinstance(objective, Lexicographic) else (objective,)
    levels = [_level(problem, part) for part in parts]
    known = [level for level in levels if level is not None]
    norms, margins = sum(level.cost > 0 for level in known), sum(v.eps is not None for v in known)
    complete = len(known) == len(levels) and max(norms, margins) <= 1
    if not complete:
        known = [_counting(problem, HAMMING)]
    rescaled = [_guided(level) for level in known] if guide else known
    radix = _radix(rescaled)
    step = rescaled[0].step * rescaled[0].scale
    search = [
        float(step / (level.step * level.scale)) * _LOWER_LEVEL**k
        for k, level in enumerate(rescaled)
    ]
    cost, cost_factor = _cost(problem, rescaled, search, radix)
    margin, margin_factor = _margin(problem, rescaled, search, radix)
    arrays = {
        "KINDS": np.array([level.kind for level in rescaled], dtype=np.int64),
        "CONSTANTS": np.array([level.constants for level in rescaled], dtype=np.int64),
        "WEIGHTS": np.array([(s, float(r), guide) for s, r in zip(search, radix, strict=True)]),
        "COST_FACTOR": cost_factor,
        "MARGIN_FACTOR": margin_factor,
    }
    hard = any(level.kind == HARD for level in rescaled)
    # A row that breaks the strict form of sign errors also counts as wrong: little more is needed.
    fine = penalty if hard else min(penalty, _STRICT)
    reals = {"PENALTY": max(1.0, round(fine * float(step))), **cost, **margin}
    bound = sum(r * max(1, level.most) for r, level in zip(radix, rescaled, strict=True))
    heat = max(1.0, _outputs(problem) / 2)
    if hard:
        heat = max(1.0, penalty)
    elif known[0].kind == SATURATED:
        heat *= math.sqrt(1.0 + guide)
    elif known[0].kind == SIGN and known[0].constants[0] and not problem.architecture.hidden:
        heat *= 2.0 + fine
    return Terms(arrays, reals, rescaled[0].scale, float(step), heat, bound < EXACT, complete)


def _level(problem: Problem, objective: Objective) -> Level | None:
    """The term of one built-in objective; None for any other class, subclasses included."""
    make = _LEVELS.get(type(objective))
    return None if make is None else make(problem, objective)


def _counting(problem: Problem, kind: int, *constants: int) -> Level:
    filled = (*constants, 0, 0, 0)
    return Level(kind, (filled[0], filled[1], filled[2]), most=_rows(problem) * _outputs(problem))


def _errors(problem: Problem, objective: Errors) -> Level:
    if _outputs(problem) == 1:
        return _counting(problem, HAMMING)
    if objective.ties == "wrong":
        return _counting(problem, UNIQUE)
    shares = math.lcm(*range(1, _outputs(problem) + 1))
    scale = shares if shares * _rows(problem) < EXACT else 1
    return Level(EXPECTED, (scale, 0, 0), scale=scale, most=scale * _rows(problem))


def _sign_errors(problem: Problem, objective: SignErrors) -> Level:
    return _counting(problem, SIGN, int(objective.strict and _outputs(problem) > 1))


def _hamming(problem: Problem, objective: Hamming) -> Level:
    return _counting(problem, HAMMING)


def _saturated(problem: Problem, objective: SaturatedMargin) -> Level:
    return _counting(problem, SATURATED, math.ceil(_full_scale(problem) / 4), 1)


def _guided(level: Level) -> Level:
    """Missed margins over the denominator 2 w, so that the guide's ramp is in integers too."""
    if level.kind != SATURATED:
        return level
    w = level.constants[0]
    return replace(level, constants=(w, 2 * w, 0), scale=2 * w, most=level.most * 2 * w)


def _squared(problem: Problem, objective: SquaredHinge) -> Level:
    """(1/2 - 2 v / BU)^2 with BU = p / q is (p - 4 q v)^2 over 4 p^2."""
    p, q = _full_scale(problem).as_integer_ratio()
    most = (p + 4 * q * total_reaches(problem)[-1]) ** 2
    return Level(
        SQUARED,
        (p, 4 * q, 0),
        scale=4 * p * p,
        most=most * _rows(problem) * _outputs(problem),
        step=Fraction(1, 3),
    )


def _interpolant(problem: Problem, objective: MinHinge) -> Level:
    """With K intervals: [2 p g_i + (g_i+1 - g_i) ((2 q v + p) K - 2 p i)] / (8 p K^2).

    ``g_i = max(0, 3 K - 4 i)^2`` is the squared hinge at breakpoint i times 4 K^2.
    """
    p, q = _full_scale(problem).as_integer_ratio()
    K = len(breakpoints(problem.output_scale)) - 1
    reach = total_reaches(problem)[-1]
    most = 2 * p * 9 * K * K + 24 * K * (2 * q * reach + p) * K
    return Level(
        INTERPOLANT,
        (p, 2 * q, K),
        scale=8 * p * K * K,
        most=most * _rows(problem) * _outputs(problem),
        step=Fraction(1, 3),
    )


def _linear(problem: Problem, objective: LinearHinge) -> Level:
    m, unit = objective.size(problem.output_scale), units(problem)[-1]
    most = (m * unit + total_reaches(problem)[-1]) * _rows(problem) * _outputs(problem)
    return Level(LINEAR, (m * unit, 0, 0), scale=unit, most=most, step=Fraction(m, 3))


def _min_weight(problem: Problem, objective: MinWeight) -> Level:
    parameters = problem.architecture.n_weights + sum(problem.architecture.widths[1:])
    if objective.norm == "l0":
        return Level(HARD, most=parameters, cost=L0)
    scale = math.lcm(problem.domain.scale, *bias_scales(problem))
    largest = max(max(bias_limits(problem)), math.ceil(problem.domain.largest * scale))
    return Level(HARD, scale=scale, most=parameters * largest * scale, cost=L1)


def _max_margin(problem: Problem, objective: MaxMargin) -> Level:
    eps = Fraction(objective.eps)
    scale = math.lcm(*units(problem)) * eps.denominator
    most = sum(problem.architecture.widths[1:]) * max(total_reaches(problem)) * scale
    return Level(HARD, scale=scale, most=most, eps=eps)


_LEVELS: dict[type[Objective], Callable[[Problem, Any], Level]] = {
    Errors: _errors,
    SignErrors: _sign_errors,
    Hamming: _hamming,
    SaturatedMargin: _saturated,
    SquaredHinge: _squared,
    MinHinge: _interpolant,
    LinearHinge: _linear,
    MinWeight: _min_weight,
    MaxMargin: _max_margin,
}


def _cost(
    problem: Problem, levels: list[Level], search: list[float], radix: list[int]
) -> tuple[dict[str, float], Float64]:
    """Norm and its weights in search and value; per parameter the numerators of one step."""
    arch = problem.architecture
    parameters = [(int(arch.mask(k).sum()), arch.widths[k]) for k in range(1, arch.depth + 1)]
    total = sum(a + b for a, b in parameters)
    at = next((k for k, v in enumerate(levels) if v.cost), None)
    if at is None:
        return {"COST_KIND": 0, "COST_SEARCH": 0, "COST_VALUE": 0}, np.zeros(total)
    level = levels[at]
    reals = {"COST_KIND": level.cost, "COST_SEARCH": search[at], "COST_VALUE": float(radix[at])}
    if level.cost == L0:
        return reals, np.ones(total)
    weight = float(level.scale // problem.domain.scale)
    factors = [
        np.repeat([weight, float(level.scale // scale)], sizes)
        for sizes, scale in zip(parameters, bias_scales(problem), strict=True)
    ]
    return reals, np.concatenate(factors)


def _margin(
    problem: Problem, levels: list[Level], search: list[float], radix: list[int]
) -> tuple[dict[str, float], Float64]:
    """Weights in search and value, strictness; per unit the common numerators of one step."""
    widths = problem.architecture.widths[1:]
    for k, level in enumerate(levels):
        if level.eps is not None:
            factors = np.repeat([float(level.scale // u) for u in units(problem)], widths)
            reals = {
                "HAS_MARGIN": 1.0,
                "MARGIN_SEARCH": search[k],
                "MARGIN_VALUE": float(radix[k]),
                "EPS": float(level.eps * level.scale),
            }
            return reals, factors
    return {"HAS_MARGIN": 0.0}, np.zeros(sum(widths))


def _radix(levels: list[Level]) -> list[int]:
    """Factors that make one number of several levels' numerators, the first the most important."""
    factors = [1]
    for level in reversed(levels[1:]):
        factors.append(factors[-1] * (2 * level.most + 1))
    return [min(f, _LARGEST_FACTOR) for f in reversed(factors)]


def _full_scale(problem: Problem) -> Fraction:
    """B times the denominator of the outputs: u = 2 v / this."""
    return problem.output_scale * units(problem)[-1]


def _rows(problem: Problem) -> int:
    return problem.dataset.sizes[0]


def _outputs(problem: Problem) -> int:
    return problem.architecture.outputs
