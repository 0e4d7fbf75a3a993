"""Statistics of benchmark figures: aggregates with intervals, tests, profiles, times to solution.

All take plain sequences or numpy arrays and return frozen values. Every aggregate carries how many
figures it rests on, how many of them were censored or missing, and its interval. A time that hit
its limit is a lower bound and is never averaged as if it were a time.
"""

from bnnbench.statistics.aggregate import (
    Aggregate,
    geometric_mean,
    median,
    penalised_average,
    shifted_geometric_mean,
    time_median,
)
from bnnbench.statistics.interval import Interval, bootstrap, median_interval
from bnnbench.statistics.paired import Effect, SignedRank, difference, holm, ratio, signed_rank
from bnnbench.statistics.pareto import pareto_front
from bnnbench.statistics.profiles import Curve, data_profile, ecdf, performance_profile
from bnnbench.statistics.proportion import Proportion, TimeToSolution, proportion, time_to_solution
from bnnbench.statistics.ranks import CriticalDifference, critical_difference
from bnnbench.statistics.repeated import Shift, factor, shift

__all__ = [
    "Aggregate",
    "CriticalDifference",
    "Curve",
    "Effect",
    "Interval",
    "Proportion",
    "Shift",
    "SignedRank",
    "TimeToSolution",
    "bootstrap",
    "critical_difference",
    "data_profile",
    "difference",
    "ecdf",
    "factor",
    "geometric_mean",
    "holm",
    "median",
    "median_interval",
    "pareto_front",
    "penalised_average",
    "performance_profile",
    "proportion",
    "ratio",
    "shift",
    "shifted_geometric_mean",
    "signed_rank",
    "time_median",
    "time_to_solution",
]
