"""Annealing beside the published figures of the adult experiment (inn.md 3.7, 5.5, 9.1).

108-16-2 on n training rows of the published splits; every run ends at the published cutoff or at
the time limit. Cutoffs: tau = 0.1 of the rows for counts, 0.025 n for min-hinge, the objective cut
to an integer before it is compared. Wall and CPU seconds are those of the solve step, one thread,
data and compilation excluded. The limit, and the schedule with it, goes by wall seconds; on a busy
machine CPU seconds and moves say what a run needed. Seconds and moves are medians over replicates
and seeds, the other columns means. The test accuracy is that of argmax with a tie counted as its
expectation. The last lines are moves per CPU second on many rows, without a cutoff.

The published figures, medians and means over the same replicates, are read from a file that is not
part of this project: ``--published FILE``, else ``published/inn_adult_2023.csv`` in or beside a
directory of ``BNNBENCH_DATA``; without the file the published columns stay empty. Seconds that
were entered afterwards, of runs that ended early, are printed as suspect. Running::

    python benchmarks/inn_adult.py
    python benchmarks/inn_adult.py --bounds 1 --objectives saturated-margin --seeds 0 1 2 3
    python benchmarks/inn_adult.py --rows --many 25000
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
from itertools import chain
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
SPLIT = "adult[preprocess=inn2023] | inn2023-split[n={},replicate={}]"
OBJECTIVES: dict[str, tuple[Objective, str, Fraction]] = {
    "min-hinge": (MinHinge(), "min_hinge", Fraction(1, 40)),
    "saturated-margin": (SaturatedMargin(), "sat_margin", Fraction(1, 10)),
    "sign-errors": (SignErrors(), "max_correct", Fraction(1, 10)),
    "sign-errors strict": (SignErrors(strict=True), "max_correct", Fraction(1, 10)),
}


@dataclass(frozen=True)
class Run:
    """One run, ours or a published one; accuracies in per cent, moves in thousands."""

    seconds: float | None
    cpu: float
    moves: float
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


def ours(data: Dataset, P: int, name: str, limit: float, seed: int, *, stop: bool = True) -> Run:
    objective, _, share = OBJECTIVES[name]
    problem = Problem(data, Architecture(data.n_features, (16,), 2), Integer(P=P), objective)
    target = cutoff(share, data.sizes[0], problem) if stop else None
    model, limits = direct_model(problem), Limits(limit, target=target)
    start, cpu = time.perf_counter(), time.process_time()
    solution = Annealing().solve(model, limits, seed, ignore_report)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    moves = solution.info["moves"] / 1000
    value = problem.evaluate(solution.answer).value
    if value is None or float(value) != solution.objective:
        raise RuntimeError(f"{name}: claimed {solution.objective}, verified {value}.")
    reached = solution.termination in (Termination.TARGET, Termination.OPTIMAL)
    network = solution.answer
    train, test = accuracy(problem, network, "train"), accuracy(problem, network, "test")
    return Run(seconds, cpu, moves, float(value), reached, train, test)


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
            runs[key] = Run(seconds, 0.0, 0.0, objective, reached, train, test)
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


def spent(runs: list[Run]) -> str:
    """Median CPU seconds, the most of them, and median thousands of moves."""
    cpu = [run.cpu for run in runs]
    moves = statistics.median(run.moves for run in runs)
    return f"{statistics.median(cpu):9.3f} {max(cpu):9.3f} {moves:9,.0f}"


def lines(registry: Registry, options: argparse.Namespace) -> Iterator[str]:
    known = published_runs(published_file(options.published))
    for rows in options.rows:
        data = [make_dataset(registry, SPLIT.format(rows, r)) for r in options.replicates]
        for name in options.objectives:
            for P in options.bounds:
                method = OBJECTIVES[name][1]
                keys = [(method, P, rows, r) for r in options.replicates]
                theirs = [known[key] for key in keys if key in known]
                mine = [ours(d, P, name, options.limit, s) for s in options.seeds for d in data]
                yield (
                    f"{name:<19} {rows:4d} {P:3d} |{spent(mine)} {columns(mine)} |{columns(theirs)}"
                )


def speeds(registry: Registry, options: argparse.Namespace) -> Iterator[str]:
    """Moves per CPU second on many rows, tables and evaluations included."""
    for rows in options.many:
        data = make_dataset(registry, SPLIT.format(rows, options.replicates[0]))
        for name in options.objectives:
            P = options.bounds[-1]
            run = ours(data, P, name, options.many_limit, options.seeds[0], stop=False)
            speed = f"{1000 * run.moves / run.cpu:9,.0f} moves/s in {run.cpu:.1f} CPU s"
            yield f"{name:<19} {rows:5d} {P:3d} {speed}, objective {run.objective:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--published", type=Path, help="CSV file of the published figures")
    parser.add_argument("--rows", type=int, nargs="*", default=[280], help="n")
    parser.add_argument("--bounds", type=int, nargs="+", default=[1, 3, 7, 15], help="P")
    parser.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    parser.add_argument("--replicates", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of one run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--many", type=int, nargs="*", default=[25_000], help="n of the last lines")
    parser.add_argument("--many-limit", type=float, default=8.0, help="seconds of each of them")
    options = parser.parse_args()
    part = f"{'seconds':>10} {'cut':>5} {'objective':>9} {'train':>6} {'test':>6}"
    costs = f"{'cpu':>9} {'most cpu':>9} {'k moves':>9}"
    print(f"{'':<29}|{'annealing':^70} |{'published':^40}")
    print(f"{'objective':<19} {'n':>4} {'P':>3} |{costs} {part} |{part}")
    registry = Registry.load()
    for line in chain(lines(registry, options), speeds(registry, options)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
