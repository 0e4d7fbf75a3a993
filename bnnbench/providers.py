"""Which of our own distributions provides what, so that a missing one can be named."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bnnbench-mip": {
        "solver": (
            *("bemi-stages", "columns", "copt", "cp-sat", "cplex", "errors-route", "gurobi"),
            *("highs", "hitting-set", "icarte-hw", "neurons-hierarchical", "pyomo", "scip"),
            "xpress",
        ),
        "formulation": (
            *("bdnn", "errors", "fair", "hamming", "linear-hinge", "max-correct", "max-margin"),
            *("min-hinge", "min-weight", "min-weight-held-margins", "neurons", "sat-margin"),
        ),
        "objective": ("neuron-penalty", "regularised-hamming"),
    },
    "bnnbench-heuristics": {
        "solver": (
            *("annealing", "averaging", "batch-training", "bemi", "constant", "data-splitting"),
            *("early-stopping", "greedy", "lns", "local-search", "logistic-regression", "polish"),
            *("random", "tabu"),
        )
    },
    "bnnbench-qubo": {
        "solver": (
            *("batch-bias", "dimod", "dimod-exact", "dropout-bias", "dwave-cloud", "dwave-descent"),
            *("dwave-sa", "dwave-sqa", "dwave-tabu", "fixstars", "ising-sa", "ising-sb"),
            *("ising-structured", "ising-torch", "openjij", "penalty-sweep"),
            *("simulated-bifurcation", "tree-decomposition"),
        ),
        "formulation": ("bnn-qubo", "qubo-milp", "sasdelli-chin"),
    },
    "bnnbench-gradient": {
        "solver": ("bop", "float-relu", "gd-b", "gd-nn", "gd-t", "parq", "sbnn", "ste")
    },
    "bnnbench-datasets": {
        "dataset": (
            *("a1a", "adult", "bars-stripes", "bcw-kurtz-bah", "bcw-original", "boolean"),
            *("breast-cancer", "california", "cifar10", "cifar10-jpeg", "cifar100", "cleveland"),
            *("credit-default", "digits", "fashion-mnist", "file", "heart", "iris", "kb-random"),
            *("mnist", "openml", "planted", "teacher", "wine"),
        ),
        "transform": (
            *("classes", "consecutive", "dead-drop", "dedup", "downscale", "dup", "few-shot"),
            *("first-features", "fixed", "inn2023-split", "median", "minmax", "noise", "onehot"),
            *("round-robin", "sample", "split", "stratified", "take", "thermometer", "threshold"),
        ),
    },
}

PROVIDERS: Mapping[tuple[str, str], str] = {
    (kind, name): distribution
    for distribution, kinds in _NAMES.items()
    for kind, names in kinds.items()
    for name in names
}
"""(kind, name) -> distribution."""
