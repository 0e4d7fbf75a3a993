"""The hooks of this plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bnnbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from bnnbench.interfaces import Solver


@hookimpl
def bnnbench_solvers() -> Iterable[type[Solver]]:
    """Annealing, its controls, and the reality checks."""
    from bnnbench_heuristics.annealing import Annealing
    from bnnbench_heuristics.averaging import Averaging
    from bnnbench_heuristics.batch_training import BatchTraining
    from bnnbench_heuristics.bemi import BeMi
    from bnnbench_heuristics.constant import Constant
    from bnnbench_heuristics.data_splitting import DataSplitting
    from bnnbench_heuristics.early_stopping import EarlyStopping
    from bnnbench_heuristics.greedy import Greedy
    from bnnbench_heuristics.lns import LargeNeighbourhood
    from bnnbench_heuristics.local_search import LocalSearch
    from bnnbench_heuristics.logistic_regression import LogisticRegression
    from bnnbench_heuristics.polish import Polish
    from bnnbench_heuristics.random_search import RandomSearch
    from bnnbench_heuristics.tabu import Tabu

    return [
        Annealing,
        Greedy,
        Tabu,
        RandomSearch,
        LocalSearch,
        DataSplitting,
        BatchTraining,
        Polish,
        BeMi,
        LargeNeighbourhood,
        EarlyStopping,
        Averaging,
        Constant,
        LogisticRegression,
    ]
