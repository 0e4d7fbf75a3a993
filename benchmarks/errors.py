"""CPU seconds to a proof of the fewest training errors, beside other methods (errors.md section 3).

Instances ``bcD-N-H`` as in mip.md section 2 with errors as objective, integers -1..1 and free
biases; ``kb10-N-H`` random points of Kurtz and Bah drawn point by point, one decimal.

``python benchmarks/errors.py`` compares with the least time of any method in the published table,
measured on another machine: ratios below 2 are noise. With ``--rounds 5`` the methods of that table
are run here instead, in turn with the solver, on the same merged samples in threshold form: CP-SAT
with one worker, full linearization, 8 workers, core search and core search with hitting sets, and
the implicit hitting sets of ``hitting-set``. A method that takes five times as long as another is
stopped. Figures are then medians of CPU seconds in one process; ``none in`` gives the wall seconds
in which no method closed a row. Other names of the two forms may be given, ``bc12-150-1``.

``--solver hitting-set`` for the certificates.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from bnnbench_mip.error_program import ErrorProgram
from bnnbench_mip.hitting_set import HittingSet
from bnnbench_mip.threshold_form import ThresholdForm
from ortools.sat.python import cp_model

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import Solver, direct_model, ignore_report
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Solution, Status
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


METHODS: dict[str, dict[str, Any]] = {
    "w1": {},
    "linear": {"linearization_level": 2},
    "w8": {"num_workers": 8},
    "core": {"optimize_with_core": True},
    "core+hs": {"optimize_with_core": True, "optimize_with_max_hs": True},
}
"""CP-SAT's parameters by the table's columns."""


def single(problem: Problem, method: str, limit: float) -> bool:
    """Run one method of the table; whether it closed the problem within wall seconds."""
    if method == "ihs":
        model = direct_model(problem)
        solution = HittingSet().solve(model, Limits(time=limit), 0, ignore_report)
        return solution.status is Status.OPTIMAL
    form = ThresholdForm.of(problem)
    model = ErrorProgram.of(form, range(len(form.X)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = limit
    for key, value in METHODS[method].items():
        setattr(solver.parameters, key, value)
    if solver.solve(model.program) != cp_model.OPTIMAL:
        return False
    form.network(model.net(solver.value))
    return True


def clocked(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds, wall seconds and the answer of some work."""
    wall, start = time.monotonic(), time.process_time()
    answer = work()
    return time.process_time() - start, time.monotonic() - wall, answer


def compare(registry: Registry, names: list[str], solver: Solver, arguments: Any) -> None:
    """Medians of the solver and of the single methods, all in turn."""
    print(
        f"{'instance':12} {'found / bound':>13} {'best single':>18} {'CPU s':>8} {'ratio':>6}  by"
    )
    for name in names:
        times: dict[str, list[float]] = {method: [] for method in arguments.methods.split(",")}
        own: list[float] = []
        quickest = arguments.limit / 5
        for turn in range(arguments.rounds):
            problem, limits = of(registry, name), Limits(time=arguments.limit)
            task = direct_model(problem)
            seconds, wall, solution = clocked(
                lambda task=task, limits=limits, turn=turn: solver.solve(
                    task, limits, arguments.seed, ignore_report
                )
            )
            own.append(seconds)
            quickest = min(quickest, max(wall, 0.2))
            for method in list(times):
                problem, limit = of(registry, name), 5 * quickest
                seconds, wall, closed = clocked(
                    lambda problem=problem, method=method, limit=limit: single(
                        problem, method, limit
                    )
                )
                if closed:
                    times[method].append(seconds)
                elif not turn:
                    del times[method]
        medians = {method: statistics.median(t) for method, t in times.items() if t}
        best = min(medians, key=lambda method: medians[method], default=None)
        mine = statistics.median(own)
        known = f"none in {5 * quickest:.1f}" if best is None else f"{best} {medians[best]:.4f}"
        ratio = "" if best is None else f"{mine / medians[best]:.2f}"
        claims = f"{solution.objective:g} / {solution.bound:g}"
        print(
            f"{name:12} {claims:>13} {known:>16} {mine:8.4f} {ratio:>6}  "
            f"{solution.info.get('proved_by', '')}{_note(name, solution)}",
            flush=True,
        )


def _note(name: str, solution: Solution) -> str:
    """Where an answer is worse than the published one."""
    optimum, _, bound = TABLE.get(name, (None, None, 0))
    note = "" if optimum in (None, solution.objective) else f"  published optimum {optimum}"
    if solution.bound is not None and solution.bound < bound:
        note += f"  bound below the published {bound}"
    return note


def published(registry: Registry, names: list[str], solver: Solver, arguments: Any) -> None:
    """One run each, beside the published times."""
    print(f"{'instance':12} {'found / bound':>13} {'CPU s':>8} {'published':>10} {'ratio':>6}  by")
    for name in names:
        task, limits = direct_model(of(registry, name)), Limits(time=arguments.limit)
        seconds, _, solution = clocked(
            lambda task=task, limits=limits: solver.solve(
                task, limits, arguments.seed, ignore_report
            )
        )
        least = TABLE.get(name, (None, None, 0))[1]
        known = "open" if least is None else f"{least:g}"
        ratio = "" if least is None else f"{seconds / least:.1f}"
        claims = f"{solution.objective:g} / {solution.bound:g}"
        print(
            f"{name:12} {claims:>13} {seconds:8.2f} {known:>10} {ratio:>6} "
            f" {solution.info.get('proved_by', '')}{_note(name, solution)}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(TABLE))
    parser.add_argument("--limit", type=float, default=60, help="wall seconds of every solve")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--solver", default="errors-route")
    parser.add_argument("--rounds", type=int, default=0, help="run the table's methods too")
    parser.add_argument("--methods", default=",".join([*METHODS, "ihs"]), help="which of them")
    arguments = parser.parse_args()
    registry = Registry.load()
    solver = registry.solver(parse(arguments.solver))
    # What is loaded at the first solve is not the first instance's time.
    solver.solve(direct_model(of(registry, "bc8-50-2")), Limits(time=5), 0, ignore_report)
    show = compare if arguments.rounds else published
    show(registry, arguments.names or list(TABLE), solver, arguments)


if __name__ == "__main__":
    main()
