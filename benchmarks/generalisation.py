"""What helps test accuracy on adult: objectives, early stopping, averages, polish (inn.md 9, 5.5).

108-16-2 nets with integer weights in -P..P on n training rows of the published splits (5
replicates, each with several seeds), equal wall seconds for every method, one thread. Printed are
means over all runs of the test accuracy (argmax, ties by expectation), with the 95 % interval of
the mean over replicates and seeds by the bootstrap of replicates, the mean difference to plain
annealing on min-hinge of the same replicate and seed with its interval, and training accuracy.
Validation rows are those of the split, 6,512; ``holdout`` methods see no rows but the n training
rows and hold out a fifth of them.

Run with ``python benchmarks/generalisation.py``; BNNBENCH_DATA must hold adult. About five minutes;
``--rows 280 --bounds 1 15 --seeds 3 --limit 5`` for more.
"""

from __future__ import annotations

import argparse

import bnnbench_heuristics.warm  # noqa: F401  compiles the kernels
import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.metrics import part_metrics
from bnnbench.objectives import MinHinge, Objective, SaturatedMargin, SignErrors
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits
from bnnbench.spec import parse

Floats = npt.NDArray[np.float64]
BASE = "hinge"
CUTOFFS = {"min-hinge": 0.025, "saturated-margin": 0.1}
"""Published targets per training row; hinges are cut to an integer before they are compared."""
METHODS: dict[str, tuple[Objective, str]] = {
    BASE: (MinHinge(), "annealing"),
    "sign errors": (SignErrors(), "annealing"),
    "saturated margin": (SaturatedMargin(), "annealing"),
    "hinge, to the cutoff": (MinHinge(), "annealing"),
    "margin, to the cutoff": (SaturatedMargin(), "annealing"),
    "hinge, stopped on validation": (MinHinge(), "early-stopping"),
    "hinge, mean of 10, validation": (MinHinge(), "early-stopping[average=10]"),
    "hinge, stopped on holdout": (MinHinge(), "early-stopping"),
    "hinge, mean of 10, holdout": (MinHinge(), "early-stopping[average=10]"),
    "margin, mean of 10, validation": (SaturatedMargin(), "early-stopping[average=10]"),
    "hinge, mean of a cool walk": (MinHinge(), "averaging"),
    "margin, mean of a cool walk": (SaturatedMargin(), "averaging[T=0.1]"),
    "hinge, margin polish": (MinHinge(), "polish[goal=margin]"),
    "logistic regression": (MinHinge(), "logistic-regression"),
}


def without_validation(data: Dataset) -> Dataset:
    """The data set with its training and test rows only."""
    train, validation, _ = data.sizes
    keep = np.concatenate([np.arange(train), np.arange(train + validation, len(data.X))])
    sizes = (train, 0, len(keep) - train)
    return Dataset(data.name, data.X[keep], data.y[keep], sizes, data.scale, data.classes)


def figures(
    registry: Registry, data: Dataset, P: int, name: str, limit: float, seed: int
) -> tuple[float, float]:
    """Test and training accuracy of one run, in per cent."""
    objective, text = METHODS[name]
    share = CUTOFFS[objective.name] if "cutoff" in name else None
    target = None if share is None else share * data.sizes[0] + (objective.name == "min-hinge")
    data = without_validation(data) if "holdout" in name else data
    problem = Problem(data, Architecture(data.n_features, (16,), 2), Integer(P=P), objective)
    solver = registry.solver(parse(text))
    solution = solver.solve(
        direct_model(problem), Limits(limit, target=target), seed, ignore_report
    )
    parts = part_metrics(problem, solution.answer)
    return 100 * parts["test"].argmax, 100 * parts["train"].argmax


def interval(values: Floats) -> tuple[float, float]:
    """95 % of the mean, bootstrap over replicates; values of shape (replicates, seeds)."""
    rng = np.random.default_rng(0)
    means = values.mean(axis=1)
    drawn = means[rng.integers(len(means), size=(10_000, len(means)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[280], help="n")
    parser.add_argument("--bounds", type=int, nargs="+", default=[1, 15], help="P")
    parser.add_argument("--replicates", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--limit", type=float, default=1.5, help="seconds of one run")
    options = parser.parse_args()

    registry = Registry.load()
    text = "adult[preprocess=inn2023] | inn2023-split[n={},replicate={}]"
    for rows in options.rows:
        data = [make_dataset(registry, text.format(rows, r)) for r in options.replicates]
        for P in options.bounds:
            print(f"n = {rows}, P = {P}, {options.limit:g} s: test % [95 %], gain [95 %], train %")
            base = np.zeros(0)
            for name in dict.fromkeys((BASE, *options.methods)):
                seeds = range(options.seeds)
                runs = np.array(
                    [[figures(registry, d, P, name, options.limit, s) for s in seeds] for d in data]
                )
                test, train = runs[:, :, 0], runs[:, :, 1]
                base = test if name == BASE else base
                low, high = interval(test)
                worse, better = interval(test - base)
                print(
                    f"{name:<31} {test.mean():5.2f} [{low:5.2f}, {high:5.2f}]"
                    f"  {(test - base).mean():+5.2f} [{worse:+5.2f}, {better:+5.2f}]"
                    f"  {train.mean():5.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
