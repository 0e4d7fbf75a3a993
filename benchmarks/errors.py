"""CPU seconds to a proof of the fewest training errors, beside the figures of errors.md section 3.

Instances ``bcD-N-H`` as in mip.md section 2 with errors as objective, integers -1..1 and free
biases; ``kb10-N-H`` random points of Kurtz and Bah drawn point by point, one decimal. The base case
is the least time of any method in the published table, measured on another machine: ratios below 2
are noise. ``open`` stands for rows that no method closed in 30 s; their best bound is given.

Run with ``python benchmarks/errors.py``; ``--solver hitting-set`` for the certificates.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from ortools.sat.python import cp_model  # noqa: F401  imported before the clock starts

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits
from bnnbench.spec import parse

DOMAIN = Integer(P=1, bias="free")
TABLE: dict[str, tuple[int | None, float | None, int]] = {
    "bc8-200-1": (21, 0.01, 21),
    "bc8-200-2": (18, 0.04, 18),
    "bc10-100-1": (8, 0.01, 8),
    "bc10-100-2": (6, 0.03, 6),
    "bc10-200-1": (21, 0.04, 21),
    "bc10-200-2": (17, 0.20, 17),
    "bc30-100-1": (1, 0.02, 1),
    "bc30-200-1": (4, 1.16, 4),
    "kb10-60-1": (2, 0.04, 2),
    "kb10-90-1": (5, 0.26, 5),
    "bc15-200-1": (17, 6.5, 17),
    "kb10-180-1": (15, 25.7, 15),
    "bc20-300-1": (None, None, 15),
    "bc12-200-2": (12, 7.1, 12),
    "kb10-90-2": (None, None, 1),
}
"""Optimum, least seconds and best bound of the published table."""


def of(registry: Registry, name: str) -> Problem:
    """The problem of an instance."""
    source, n, hidden = name.split("-")
    if source.startswith("kb"):
        dataset = points(int(n))
    else:
        features = f"first-features[n={source[2:]}]"
        dataset = make_dataset(
            registry, f"breast-cancer | median | {features} | round-robin[n={n}]"
        )
    return Problem(dataset, Architecture(dataset.n_features, (int(hidden),), 1), DOMAIN, Errors())


def points(n: int) -> Dataset:
    """Random points of Kurtz and Bah in ten dimensions, in file order, rounded to one decimal."""
    rng = np.random.default_rng(0)
    X, y = [], []
    for t in range(n):
        low, high = ((0, 10), (-10, 0), (-1, 1))[t % 3]
        X.append(rng.uniform(low, high, 10))
        y.append((1, 0)[t % 3] if t % 3 < 2 else int(rng.random() < 0.5))
    return Dataset("kb", np.rint(np.array(X) * 10).astype(int), np.array(y), (n, 0, 0), scale=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(TABLE))
    parser.add_argument("--limit", type=float, default=60, help="wall seconds of every solve")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--solver", default="errors-route")
    arguments = parser.parse_args()
    registry = Registry.load()
    solver = registry.solver(parse(arguments.solver))
    print(f"{'instance':12} {'found / bound':>13} {'CPU s':>8} {'published':>10} {'ratio':>6}  by")
    for name in arguments.names or TABLE:
        problem = of(registry, name)
        optimum, least, bound = TABLE[name]
        start = time.process_time()
        limits = Limits(time=arguments.limit)
        solution = solver.solve(direct_model(problem), limits, arguments.seed, ignore_report)
        seconds = time.process_time() - start
        known = "open" if least is None else f"{least:g}"
        ratio = "" if least is None else f"{seconds / least:.1f}"
        note = "" if optimum in (None, solution.objective) else f"  published optimum {optimum}"
        if solution.bound is not None and solution.bound < bound:
            note += f"  bound below the published {bound}"
        claims = f"{solution.objective:g} / {solution.bound:g}"
        print(
            f"{name:12} {claims:>13} {seconds:8.2f} {known:>10} {ratio:>6} "
            f" {solution.info.get('proved_by', '')}{note}",
            flush=True,
        )


if __name__ == "__main__":
    main()
