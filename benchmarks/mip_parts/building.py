"""Building and hand-over: by a formulation, in plain numpy, with a Pyomo part, all in Pyomo."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bnnbench_mip.highs import pass_model
from bnnbench_mip.pyomo_model import collector_paused, compiled
from bnnbench_mip.pyomo_solver import expand

from bnnbench.models import MatrixMILP
from bnnbench.registry import Registry
from mip_parts.in_pyomo import by_rules, hybrid
from mip_parts.instances import BUILT, digits, quiet
from mip_parts.plain import by_hand, lines_of

if TYPE_CHECKING:
    import highspy

Ways = dict[str, Callable[[], "highspy.Highs"]]


def build(registry: Registry, script: str, repeats: int) -> None:
    """Building and hand-over of every program in two sizes."""
    for name in BUILT:
        for n in (200, 1000):
            built(registry, script, name, n, repeats)


def built(registry: Registry, script: str, name: str, n: int, repeats: int) -> None:
    """Building and hand-over of one program, medians in turn."""
    ways = ways_of(registry, name, n)
    if n > 200:
        ways = {way: work for way, work in ways.items() if not way.startswith("Pyomo pure")}
    base = ways["plain"]()
    for way in ways:
        if way not in ("plain", "Pyomo hybrid") and not same(ways[way](), base):
            raise SystemExit(f"{way} and plain build different programs.")
    lp = base.getLp()
    size = f"{lp.num_row_} rows, {lp.num_col_} columns, {base.getNumNz()} coefficients"
    print(f"{name}, digits-N{n} 64-16-10: {size}")
    taken = timed(ways, repeats)
    plain = taken["plain"]
    for way, seconds in taken.items():
        print(f"  {way:18} {seconds:.4f} s, ratio {seconds / plain:.2f}", flush=True)
    words = [sys.executable, script, "--peak", str(n), name]
    extra = subprocess.run(words, capture_output=True, text=True).stdout.strip()
    print(f"  extra peak memory of the direct way {extra} MB", flush=True)


def ways_of(registry: Registry, name: str, n: int) -> Ways:
    """The ways, each of which ends with HiGHS holding the program."""
    problem, form = digits(registry, n, name), BUILT[name][1]
    X, targets = problem.dataset.part("train")[0].astype(np.int64), problem.targets()
    lines, ready = lines_of(problem), form.build(problem).data
    return {
        "direct": lambda: handed_over(form.build(problem).data),
        "plain": lambda: handed_over(by_hand(X, targets, 16, lines)),
        "hand-over alone": lambda: handed_over(ready),
        "Pyomo hybrid": lambda: handed_over(hybrid(problem, form)),
        "Pyomo pure": lambda: whole(lambda: by_rules(X, targets, 16, lines)),
        "Pyomo pure, rows": lambda: whole(lambda: expand(ready)),
    }


def whole(write: Callable[[], object]) -> highspy.Highs:
    """A whole model, written and compiled."""
    with collector_paused():
        model = write()
        solver = handed_over(compiled(model))
    # An author keeps the model: taking it apart again is not timed.
    solver.written = model
    return solver


def timed(ways: Ways, repeats: int) -> dict[str, float]:
    """Medians of CPU seconds; Pyomo's whole models three times at most."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(repeats):
        for way, work in ways.items():
            if way.startswith("Pyomo pure") and turn > 2:
                continue
            gc.collect()
            start = time.process_time()
            solver = work()
            taken[way].append(time.process_time() - start)
            del solver
    return {way: statistics.median(seconds) for way, seconds in taken.items()}


def handed_over(milp: MatrixMILP) -> highspy.Highs:
    """A solver that holds the program."""
    solver = quiet()
    pass_model(solver, milp)
    return solver


def same(one: highspy.Highs, other: highspy.Highs) -> bool:
    """Whether two solvers hold as many rows and columns, and equal numbers but for signs.

    A row may be written the other way round.
    """
    parts = []
    for lp in (one.getLp(), other.getLp()):
        sides = np.abs(np.concatenate([lp.row_lower_, lp.row_upper_]))
        values = np.sort(np.abs(lp.a_matrix_.value_)), np.sort(sides[np.isfinite(sides)])
        parts.append((lp.num_row_, lp.num_col_, *(v.round(9).tolist() for v in values)))
    return parts[0] == parts[1]


def peak(registry: Registry, n: int, name: str) -> None:
    """Extra megabytes of building and handing over, in this process."""
    problem = digits(registry, n, name)
    before = most_resident()
    solver = handed_over(BUILT[name][1].build(problem).data)
    print(round((most_resident() - before) / 1024))
    del solver


def most_resident() -> int:
    """Kilobytes; getrusage would give those of the process that started this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])
