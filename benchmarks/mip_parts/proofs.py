"""CPU seconds of proofs: big-M programs by HiGHS, and columns."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

from bnnbench_mip.columns import Columns
from bnnbench_mip.highs import Highs

from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.network import Network
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Solution, Status
from mip_parts.instances import EASY, FORMS, HARD, LARGE, THREE, Instance, of


def proofs(registry: Registry, limits: Limits, seed: int) -> None:
    """The four instances that the literal form can close, or nearly."""
    ratios: dict[str, list[float]] = {"strengthened": [], "columns": []}
    for instance in EASY:
        problem = of(registry, *instance)
        base = by_highs(instance, "literal", problem, limits, seed)
        ratios["strengthened"].append(
            base / by_highs(instance, "strengthened", problem, limits, seed)
        )
        if Columns().accepts(direct_model(problem)) is None:
            ratios["columns"].append(base / by_columns(instance, problem, limits, seed))
    for method, found in ratios.items():
        mean = math.exp(statistics.fmean(map(math.log, found)))
        print(f"literal / {method}: geometric mean {mean:.1f} of {[round(r, 1) for r in found]}")


def hard(registry: Registry, limits: Limits, seed: int) -> None:
    """Instances that big-M programs leave open."""
    for instance in [*HARD, *LARGE]:
        by_columns(instance, of(registry, *instance), limits, seed)
    for instance in THREE:
        by_columns(instance, of(registry, *instance, data="wine"), limits, seed, "wine")


def by_highs(instance: Instance, form: str, problem: Problem, limits: Limits, seed: int) -> float:
    """Build and solve a big-M program; returns CPU seconds."""
    return measured(
        instance,
        f"highs {form}",
        lambda: Highs().solve(FORMS[form].build(problem), limits, seed, ignore_report),
    )


def by_columns(
    instance: Instance, problem: Problem, limits: Limits, seed: int, data: str = "breast-cancer"
) -> float:
    """Solve by columns; returns CPU seconds."""
    return measured(
        instance,
        "columns",
        lambda: checked(
            problem, Columns().solve(direct_model(problem), limits, seed, ignore_report)
        ),
        data,
    )


def checked(problem: Problem, solution: Solution) -> Solution:
    """The solution, whose network must lose what is claimed."""
    network = solution.answer
    inside = isinstance(network, Network) and problem.outside(network) is None
    if not inside or problem.evaluate(network).value != solution.objective:
        raise SystemExit(f"The network does not lose {solution.objective}.")
    return solution


def measured(
    instance: Instance, method: str, work: Callable[[], Solution], data: str = "breast-cancer"
) -> float:
    """Run and print one line; returns CPU seconds."""
    start = time.process_time()
    solution = work()
    seconds = time.process_time() - start
    proved = solution.status is Status.OPTIMAL
    root = solution.info.get("lp_bound")
    share = f"  root bound {root:.1f}" if root is not None else ""
    name = ("bc{}-N{}-H{}" if data == "breast-cancer" else "wine{}-N{}-H{}").format(*instance)
    claims = f"{solution.objective:g} / {solution.bound:g}"
    print(
        f"{name:13} {method:19} {claims:>12} {'' if proved else '>'}{seconds:.2f} s{share}",
        flush=True,
    )
    return seconds
