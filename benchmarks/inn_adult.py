"""Annealing beside the published figures of the adult experiment (inn.md 3.7, 5.5, 9.1).

108-16-2 on n training rows of the published splits; every run ends at the published cutoff or at
the time limit. Cutoffs: tau = 0.1 of the rows for counts, 0.025 n for min-hinge, the objective cut
to an integer before it is compared. Seconds are wall seconds of the solve step, one thread, data
and compilation excluded, medians over the replicates; the other columns are means. The test
accuracy is that of argmax with a tie counted as its expectation.

The published figures, medians and means over the same replicates, are read from a file that is not
part of this project: ``--published FILE``, else ``published/inn_adult_2023.csv`` in or beside a
directory of ``BNNBENCH_DATA``; without the file the published columns stay empty. Seconds that
were entered afterwards, of runs that ended early, are printed as suspect. Running::

    python benchmarks/inn_adult.py
    python benchmarks/inn_adult.py --rows 280 --bounds 1 --objectives saturated-margin --limit 300
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import bnnbench_heuristics.warm  # noqa: F401  compiles the kernels
from bnnbench_heuristics.annealing import Annealing

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.dataset import Dataset, Part
from bnnbench.domain import Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.network import Network
from bnnbench.objectives import MinHinge, Objective, SaturatedMargin, SignErrors
from bnnbench.objectives.counts import expected_errors
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Termination

FILE = Path("published") / "inn_adult_2023.csv"
OBJECTIVES: dict[str, tuple[Objective, str, Fraction]] = {
    "min-hinge": (MinHinge(), "min_hinge", Fraction(1, 40)),
    "saturated-margin": (SaturatedMargin(), "sat_margin", Fraction(1, 10)),
    "sign-errors": (SignErrors(), "max_correct", Fraction(1, 10)),
    "sign-errors strict": (SignErrors(strict=True), "max_correct", Fraction(1, 10)),
}


@dataclass(frozen=True)
class Run:
    """One run, ours or a published one; accuracies in per cent."""

    seconds: float | None
    objective: float
    reached: bool
    train: float
    test: float


def cutoff(share: Fraction, rows: int, problem: Problem) -> float:
    """The largest objective that, cut to an integer, is at most ``share * rows``."""
    whole = Fraction(int(share * rows) + 1)
    grain = problem.granularity
    return float(whole - (grain or Fraction(1, 10**9)))


def accuracy(problem: Problem, network: Network, part: Part) -> float:
    X, y = problem.dataset.part(part)
    output = network.forward(X, problem.dataset.scale).output
    return 100 * (1 - float(expected_errors(output, y)[0]) / len(y))


def ours(data: Dataset, P: int, name: str, options: argparse.Namespace) -> Run:
    objective, _, share = OBJECTIVES[name]
    problem = Problem(data, Architecture(data.n_features, (16,), 2), Integer(P=P), objective)
    limits = Limits(options.limit, target=cutoff(share, data.sizes[0], problem))
    start = time.perf_counter()
    solution = Annealing().solve(direct_model(problem), limits, options.seed, ignore_report)
    seconds = time.perf_counter() - start
    value = problem.evaluate(solution.answer).value
    if value is None or float(value) != solution.objective:
        raise RuntimeError(f"{name}: claimed {solution.objective}, verified {value}.")
    reached = solution.termination in (Termination.TARGET, Termination.OPTIMAL)
    network = solution.answer
    train, test = accuracy(problem, network, "train"), accuracy(problem, network, "test")
    return Run(seconds, float(value), reached, train, test)


def published_file(given: Path | None) -> Path | None:
    if given is not None:
        return given
    folders = [Path(p) for p in os.environ.get("BNNBENCH_DATA", "").split(os.pathsep) if p]
    found = (d / FILE for folder in folders for d in (folder, folder.parent))
    return next((path for path in found if path.is_file()), None)


def published_runs(path: Path | None) -> dict[tuple[str, int, int, int], Run]:
    if path is None:
        return {}
    runs = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["method"], int(row["P"]), int(row["n_train"]), int(row["replicate"])
            suspect = row["runtime_suspect"] == "1"
            seconds = None if suspect else float(row["runtime_s"])
            objective = float(row["objective"])
            share = next((s for _, m, s in OBJECTIVES.values() if m == key[0]), Fraction(0))
            reached = int(objective) <= share * key[2]
            train, test = float(row["train_accuracy_pct"]), float(row["test_accuracy_pct"])
            runs[key] = Run(seconds, objective, reached, train, test)
    return runs


def columns(runs: list[Run]) -> str:
    """Median seconds, cutoffs reached, mean objective, mean accuracies."""
    if not runs:
        return f"{'':>10} {'':>5} {'':>9} {'':>6} {'':>6}"
    times = [run.seconds for run in runs if run.seconds is not None]
    seconds = f"{statistics.median(times):10.3f}" if len(times) == len(runs) else f"{'suspect':>10}"
    means = [statistics.fmean(getattr(r, f) for r in runs) for f in ("objective", "train", "test")]
    hits = f"{sum(run.reached for run in runs)}/{len(runs)}"
    return f"{seconds} {hits:>5} {means[0]:9.3f} {means[1]:6.1f} {means[2]:6.1f}"


def lines(options: argparse.Namespace) -> Iterator[str]:
    registry, known = Registry.load(), published_runs(published_file(options.published))
    text = "adult[preprocess=inn2023] | inn2023-split[n={},replicate={}]"
    for rows in options.rows:
        data = [make_dataset(registry, text.format(rows, r)) for r in options.replicates]
        for name in options.objectives:
            for P in options.bounds:
                method = OBJECTIVES[name][1]
                keys = [(method, P, rows, r) for r in options.replicates]
                theirs = [known[key] for key in keys if key in known]
                mine = [ours(d, P, name, options) for d in data]
                yield f"{name:<19} {rows:4d} {P:3d} |{columns(mine)} |{columns(theirs)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--published", type=Path, help="CSV file of the published figures")
    parser.add_argument("--rows", type=int, nargs="+", default=[280], help="n")
    parser.add_argument("--bounds", type=int, nargs="+", default=[1, 3, 7, 15], help="P")
    parser.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    parser.add_argument("--replicates", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of one run")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    part = f"{'seconds':>10} {'cut':>5} {'objective':>9} {'train':>6} {'test':>6}"
    print(f"{'':<29}|{'annealing':^40} |{'published':^40}")
    print(f"{'objective':<19} {'n':>4} {'P':>3} |{part} |{part}")
    for line in lines(options):
        print(line, flush=True)


if __name__ == "__main__":
    main()
