"""What the plugin offers, what it refuses, and what it costs to list it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from bnnbench_mip.matrix_solver import LicensedSolver
from bnnbench_mip.min_hinge import chords
from bnnbench_mip.plugin import bnnbench_formulations, bnnbench_solvers

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import FixedPoint, Integer, TwoValued, WeightDomain
from bnnbench.interfaces import Formulation
from bnnbench.objectives import (
    Hamming,
    LinearHinge,
    MaxMargin,
    MinHinge,
    Objective,
    SaturatedMargin,
    SignErrors,
    SquaredHinge,
)
from bnnbench.problem import Problem

HEAVY = (
    "pyomo",
    "highspy",
    "ortools",
    "pyscipopt",
    "gurobipy",
    "scipy",
    "sklearn",
    "pandas",
    "dimod",
    "torch",
    "numba",
)


def test_listing_the_plugin_imports_no_solver_library() -> None:
    code = (
        "import sys, bnnbench_mip.plugin as p\n"
        "list(p.bnnbench_solvers()), list(p.bnnbench_formulations())\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_names_are_unique_and_everything_runs_here() -> None:
    names = [cls.name for cls in (*bnnbench_formulations(), *bnnbench_solvers())]
    assert len(set(names)) == len(names)
    # Commercial solvers are extras of their own: their licences are not for every use.
    free = [cls for cls in bnnbench_solvers() if not issubclass(cls, LicensedSolver)]
    assert all(cls().available() is None for cls in free)
    assert all(cls.__doc__ for cls in (*bnnbench_formulations(), *bnnbench_solvers()))


def problem(
    objective: Objective, domain: WeightDomain, hidden: tuple[int, ...] = (2,), largest: int = 10000
) -> Problem:
    X = np.random.default_rng(0).integers(0, largest + 1, (8, 4))
    dataset = Dataset("drawn", X, np.arange(8) % 2, (8, 0, 0), scale=10000)
    return Problem(dataset, Architecture(4, hidden, 2), domain, objective)


@pytest.mark.parametrize(
    ("case", "parameters", "reason"),
    [
        (problem(SignErrors(strict=True), Integer()), {"one_sided": True}, "one-sided"),
        (problem(MaxMargin(), TwoValued()), {}, "unbounded"),
        (problem(SquaredHinge(), Integer(), hidden=()), {}, "chords"),
        (problem(SquaredHinge(), Integer()), {"most_chords": 2}, "chords"),
        (problem(Hamming(), FixedPoint(bound=9, decimals=8)), {}, "too large"),
        (problem(Hamming(), Integer(), largest=10**15), {}, "too large"),
        (problem(Hamming(), Integer(bias="none"), (), largest=0), {}, "nothing to decide"),
    ],
)
def test_what_cannot_be_built_exactly_is_refused_with_the_reason(
    case: Problem,
    parameters: dict[str, object],
    reason: str,
    formulation: Callable[..., Formulation],
) -> None:
    refused = formulation(case.objective.name, **parameters).accepts(case)
    assert refused is not None
    assert reason in refused


def test_a_formulation_refuses_other_objectives(formulation: Callable[..., Formulation]) -> None:
    case = problem(Hamming(), Integer())
    assert formulation("hamming").accepts(case) is None
    refused = formulation("saturated-margin").accepts(case)
    assert refused == "models saturated-margin, not hamming"


@pytest.mark.parametrize("objective", [Hamming(), SaturatedMargin(), LinearHinge(), MinHinge()])
def test_features_on_a_coarser_grid_give_the_same_program(
    objective: Objective, formulation: Callable[..., Formulation]
) -> None:
    # 0/1 features stored with 4 decimals are 0/1 features: no big-M of 10^4.
    bits = np.random.default_rng(1).integers(0, 2, (8, 4))
    y = np.arange(8) % 2
    plain = Dataset("plain", bits, y, (8, 0, 0), 1)
    stored = Dataset("stored", bits * 10000, y, (8, 0, 0), 10000)
    case = Problem(plain, Architecture(4, (2,), 2), Integer(P=3), objective)
    models = [
        formulation(objective.name).build(replace(case, dataset=d)).data for d in (plain, stored)
    ]
    for part in ("data", "indices", "row_lower", "row_upper", "c", "lower", "upper"):
        np.testing.assert_array_equal(getattr(models[0], part), getattr(models[1], part))


def test_chords_interpolate_a_convex_loss_without_repeating_a_line() -> None:
    lines = chords(lambda v: v * v, range(-3, 4))
    assert len(lines) == 6
    for k in range(-12, 13):
        v = k / 4
        highest = max(slope * v + intercept for slope, intercept in lines)
        assert highest == v * v if k % 4 == 0 else highest >= v * v
    # Points on one line give one row.
    assert len(chords(lambda v: abs(v), range(-3, 1))) == 1
