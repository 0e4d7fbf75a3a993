"""Which of our own distributions provides what, so that a missing one can be named."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bnnbench-mip": {"solver": ("highs",), "formulation": ("min-hinge", "max-correct")},
    "bnnbench-heuristics": {
        "solver": ("annealing", "greedy", "random", "constant", "logistic-regression")
    },
    "bnnbench-qubo": {"solver": ("dwave-sa",), "formulation": ("bnn-qubo",)},
    "bnnbench-gradient": {"solver": ("ste",)},
    "bnnbench-datasets": {"dataset": ("breast-cancer", "digits", "iris", "wine")},
}

PROVIDERS: Mapping[tuple[str, str], str] = {
    (kind, name): distribution
    for distribution, kinds in _NAMES.items()
    for kind, names in kinds.items()
    for name in names
}
"""(kind, name) -> distribution."""
