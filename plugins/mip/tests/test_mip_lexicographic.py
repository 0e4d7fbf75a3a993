"""Lexicographic optima by programs, one level after the other, are those of enumeration.

Programs of different objectives share the variables of the network. So the next level's program
gets the rows of the levels before, and a row that holds each at its optimum.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from bnnbench_mip.highs import Highs

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued, WeightDomain
from bnnbench.interfaces import Formulation, Model, ignore_report
from bnnbench.models import MatrixMILP
from bnnbench.objectives import (
    Hamming,
    Lexicographic,
    LinearHinge,
    MaxMargin,
    MinHinge,
    MinWeight,
    Objective,
    SaturatedMargin,
    SignErrors,
)
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Termination
from bnnbench.testing import class_size, optimum

NETWORK = re.compile(r"[wbgac]\d+")
MOST = 800
LISTS: list[tuple[Objective, ...]] = [
    (SaturatedMargin(), Hamming()),
    (Hamming(), MinHinge()),
    (SignErrors(), LinearHinge(), Hamming()),
    (MaxMargin(), MinWeight("l1")),
    (MinWeight("l0"), MaxMargin()),
]
DOMAINS: list[WeightDomain] = [
    Integer(P=1),
    Integer(P=1, bias="asymmetric"),
    Binary(),
    FixedPoint(decimals=0, bias="none"),
    TwoValued(d=3, rhos=(-4,), bias="same"),
    TwoValued(d=2, rhos=(-3, 0), bias="none"),
]
TOPOLOGIES = [Architecture(2, (), 2), Architecture(1, (1,), 2), Architecture(2, (1,), 1)]


def data(features: int) -> Dataset:
    """Three rows that a threshold separates, so that hard objectives are feasible too."""
    X = np.array([[2, 1], [-1, -2], [1, 2]])[:, :features]
    return Dataset("separable", X, np.array([1, 0, 1]), (3, 0, 0), scale=2)


def held(later: MatrixMILP, earlier: MatrixMILP, most: float) -> MatrixMILP:
    """The later program where the earlier one's objective is at most ``most``."""
    place = np.full(earlier.n_cols, -1, dtype=np.int64)
    for name in filter(NETWORK.fullmatch, earlier.blocks):
        place[earlier.columns(name).ravel()] = later.columns(name).ravel()
    own = np.flatnonzero(place < 0)
    place[own] = later.n_cols + np.arange(len(own))
    costs = np.flatnonzero(earlier.c)
    rows = np.concatenate((np.diff(earlier.indptr), [len(costs)]))
    return replace(
        later,
        c=np.concatenate((later.c, np.zeros(len(own)))),
        indptr=np.concatenate((later.indptr, later.nnz + np.cumsum(rows))).astype(np.int32),
        indices=np.concatenate((later.indices, place[earlier.indices], place[costs])).astype(
            np.int32
        ),
        data=np.concatenate((later.data, earlier.data, earlier.c[costs])),
        row_lower=np.concatenate((later.row_lower, earlier.row_lower, [-np.inf])),
        row_upper=np.concatenate((later.row_upper, earlier.row_upper, [most - earlier.offset])),
        lower=np.concatenate((later.lower, earlier.lower[own])),
        upper=np.concatenate((later.upper, earlier.upper[own])),
        integer=np.concatenate((later.integer, earlier.integer[own])),
    )


def solve(models: list[Model]) -> list[float] | None:
    """Optimum of every level in turn; None when the first is infeasible."""
    values: list[float] = []
    for k, model in enumerate(models):
        program = model.data
        for value, before in zip(values, models[:k], strict=True):
            program = held(program, before.data, value + 1e-6)
        staged = replace(model, data=program, encode=None)
        solution = Highs().solve(staged, Limits(time=60), 0, ignore_report)
        if solution.termination is Termination.INFEASIBLE:
            return None
        assert solution.termination is Termination.OPTIMAL
        assert solution.objective is not None
        values.append(solution.objective)
    return values


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda d: str(d.spec))
def test_level_by_level_is_the_enumerated_optimum(
    domain: WeightDomain, formulation: Callable[..., Formulation]
) -> None:
    compared = feasible = 0
    for architecture in TOPOLOGIES:
        for levels in LISTS:
            problem = Problem(
                data(architecture.inputs), architecture, domain, Lexicographic(levels)
            )
            cases = [replace(problem, objective=level) for level in levels]
            programs = [formulation(level.name) for level in levels]
            refused = [p.accepts(c) for p, c in zip(programs, cases, strict=True)]
            if class_size(problem) > MOST or any(refused):
                continue
            best = optimum(problem)[0]
            values = solve([p.build(c) for p, c in zip(programs, cases, strict=True)])
            compared += 1
            if not best.feasible:
                assert values is None
                continue
            feasible += 1
            assert values is not None
            for value, exact in zip(values, best.values, strict=True):
                assert value == pytest.approx(float(Fraction(exact)), abs=1e-5)
    assert compared >= len(LISTS)
    assert feasible > 0
