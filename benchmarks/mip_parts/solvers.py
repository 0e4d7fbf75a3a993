"""The same strengthened programs by every solver of kind milp, each in a process of its own."""

from __future__ import annotations

import math
import subprocess
import sys
import time

from bnnbench.interfaces import ignore_report
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Status
from bnnbench.spec import parse
from mip_parts.instances import EASY, FORMS, Instance, of

NAMES = ("highs", "scip", "cp-sat", "cp-sat[workers=8]", "gurobi", "copt", "cplex", "xpress")


def solvers(script: str, limits: Limits, seed: int) -> None:
    """The same strengthened programs by every solver, each in a process of its own."""
    for instance in EASY:
        base = math.nan
        for name in NAMES:
            words = [sys.executable, script, "--one", name, *map(str, instance)]
            words += ["--limit", str(limits.time), "--seed", str(seed)]
            line = subprocess.run(words, capture_output=True, text=True).stdout.strip()
            seconds = float(line.rpartition(" ")[2]) if line else math.nan
            base = seconds if name == "highs" else base
            print(f"{line or name + ' failed'}  ratio to highs {seconds / base:.2f}", flush=True)


def one(registry: Registry, name: str, instance: Instance, limits: Limits, seed: int) -> None:
    """One solver on one strengthened program; prints claims and CPU seconds."""
    solver = registry.solver(parse(name))
    model = FORMS["strengthened"].build(of(registry, *instance))
    reason = solver.available() or solver.accepts(model)
    label = "bc{}-N{}-H{}".format(*instance)
    if reason:
        print(f"{label:13} {name:18} {reason}: nan")
        return
    start = time.process_time()
    solution = solver.solve(model, limits, seed, ignore_report)
    seconds = time.process_time() - start
    proved = "" if solution.status is Status.OPTIMAL else "open "
    claims = f"{solution.objective} / {solution.bound}"
    print(f"{label:13} {name:18} {claims:>13} {proved}{seconds:.2f}")
