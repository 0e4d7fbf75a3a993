"""What a formulation costs against the direct route, in words.

A formulation turns a problem into a model for another kind of solver. On every instance that was
tried both ways, the best run over the formulation is compared with the best direct run: first by
verified objective; then, where both are level, by how long each took to that objective. Ratios of
times are averaged geometrically.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bnnbench.report.runs import Run, Runs
from bnnbench.statistics import Aggregate, geometric_mean

INSTANT = 1e-3
"""Seconds below which times are not told apart."""
LEVEL = 1e-9
SIZES = ("cols", "n")
"""Where formulations write down how many variables a model has."""


@dataclass(frozen=True)
class Detour:
    """A formulation beside direct methods on the same instances.

    Attributes:
        formulation: its name.
        solvers: those that were run on it.
        better: instances on which its best run has the lower objective.
        level: where both are equal.
        worse: where the best direct run is lower, or only a direct run has a network.
        extra: median objective beyond the best direct one, where both have a network.
        extra_per_row: the same per training row.
        slower: geometric mean of its time to its best objective over that of the fastest direct
            run, on instances where both are level.
        variables: median number of variables of its models; NaN where they do not say.
    """

    formulation: str
    solvers: tuple[str, ...]
    better: int
    level: int
    worse: int
    extra: float
    extra_per_row: float
    slower: Aggregate
    variables: float

    @property
    def instances(self) -> int:
        """How many instances were tried both ways."""
        return self.better + self.level + self.worse

    @property
    def text(self) -> str:
        """The whole in sentences."""
        solvers = ", ".join(self.solvers[:4]) + (", ..." if len(self.solvers) > 4 else "")
        words = (
            f"{self.formulation} ({solvers}) against the direct route, best run of each on"
            f" {self.instances} instances: better on {self.better}, level on {self.level}, worse"
            f" on {self.worse}"
        )
        if math.isfinite(self.extra):
            words += f"; median extra objective {self.extra:.3g} ({self.extra_per_row:.2g} per row)"
        words += "."
        if self.slower.n:
            found = self.slower
            words += (
                f" Where level, it needs {found.value:.3g} times the time of the fastest direct run"
                f" (geometric mean, n = {found.n}"
            )
            if found.interval.bounded:
                low, high = found.interval.low, found.interval.high
                words += f", 95 % interval {low:.3g} to {high:.3g}"
            words += ")."
        if math.isfinite(self.variables):
            words += f" Its models have {self.variables:.4g} variables (median)."
        return words


def detours(runs: Runs) -> list[Detour]:
    """One for every formulation with instances that direct methods were run on too."""
    direct: dict[str, list[Run]] = {}
    modelled: dict[str, dict[str, list[Run]]] = {}
    for run in runs.runs:
        if run.record.reference or not run.record.problem:
            continue
        key = f"{run.record.problem}/{run.cell.seed}"
        name = run.cell.formulation.partition("[")[0]
        place = modelled.setdefault(name, {}) if name else direct
        place.setdefault(key, []).append(run)
    found = []
    for name, instances in sorted(modelled.items()):
        shared = [(group, direct[key]) for key, group in instances.items() if key in direct]
        if shared:
            found.append(_detour(name, shared))
    return found


def _detour(name: str, shared: list[tuple[list[Run], list[Run]]]) -> Detour:
    counts = {-1: 0, 0: 0, 1: 0}
    extra, per_row, ratios = [], [], []
    for group, rivals in shared:
        mine, theirs = _best(group), _best(rivals)
        sign = _compared(mine, theirs)
        if sign is not None:
            counts[sign] += 1
        if math.isfinite(mine) and math.isfinite(theirs):
            extra.append(mine - theirs)
            per_row.append((mine - theirs) / max(1, group[0].record.rows))
        if sign == 0:
            fastest = min(run.time_to(mine) for run in rivals)
            own = min(run.time_to(mine) for run in group)
            ratios.append(max(own, INSTANT) / max(fastest, INSTANT))
    everybody = [run for group, _ in shared for run in group]
    return Detour(
        formulation=name,
        solvers=tuple(dict.fromkeys(r.cell.solver.partition("[")[0] for r in everybody)),
        better=counts[-1],
        level=counts[0],
        worse=counts[1],
        extra=_median(extra),
        extra_per_row=_median(per_row),
        slower=geometric_mean(ratios),
        variables=_median(list(_variables(everybody))),
    )


def _best(group: list[Run]) -> float:
    return min((r.objective for r in group if r.objective is not None), default=math.inf)


def _compared(mine: float, theirs: float) -> int | None:
    """-1, 0 or 1 for better, level or worse; None when neither side has a network."""
    if math.isinf(mine) and math.isinf(theirs):
        return None
    near = LEVEL * max(1.0, abs(theirs)) if math.isfinite(theirs) else 0.0
    if math.isfinite(mine) and abs(mine - theirs) <= near:
        return 0
    return -1 if mine < theirs else 1


def _variables(group: Iterable[Run]) -> Iterator[float]:
    for run in group:
        for key in SIZES:
            value = run.record.claims.info.get(key)
            if isinstance(value, (int, float)):
                yield float(value)
                break


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else math.nan
