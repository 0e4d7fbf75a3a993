"""Objectives: what is minimised, in exact arithmetic, whoever solves it."""

from bnnbench.objectives.base import GroupTargets, Objective, Outcome, Score
from bnnbench.objectives.counts import Errors, Hamming, SaturatedMargin, SignErrors
from bnnbench.objectives.hinge import LinearHinge, MinHinge, SquaredHinge
from bnnbench.objectives.structure import Lexicographic, MaxMargin, MinWeight

BUILT_IN: tuple[type[Objective], ...] = (
    Errors,
    SignErrors,
    SaturatedMargin,
    SquaredHinge,
    MinHinge,
    LinearHinge,
    Hamming,
    MinWeight,
    MaxMargin,
    Lexicographic,
)

__all__ = [
    "BUILT_IN",
    "Errors",
    "GroupTargets",
    "Hamming",
    "Lexicographic",
    "LinearHinge",
    "MaxMargin",
    "MinHinge",
    "MinWeight",
    "Objective",
    "Outcome",
    "SaturatedMargin",
    "Score",
    "SignErrors",
    "SquaredHinge",
]
