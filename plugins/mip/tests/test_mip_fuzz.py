"""Every program on every solver has the optimum that enumeration finds, on drawn tiny instances.

Each solver runs in a process of its own: highspy and ortools do not load into one. Instances differ
by solver, 210 in all.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

INSTANCES = 70
SOLVERS = ("highs", "scip", "cp-sat")

CODE = """
import sys
import numpy as np
from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.objectives import *
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Termination
from bnnbench.testing.exhaustive import class_size, optimum
from bnnbench_mip.plugin import bnnbench_formulations, bnnbench_solvers

name, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
solver = {cls.name: cls for cls in bnnbench_solvers()}[name]()
forms = [cls for cls in bnnbench_formulations()]
objectives = [Errors(), Errors(ties="wrong"), SignErrors(), SignErrors(strict=True), Hamming(),
    SaturatedMargin(), MinHinge(), SquaredHinge(), LinearHinge(), LinearHinge(margin=2),
    MinWeight(), MinWeight("l0"), MaxMargin()]
domains = [Integer(P=1), Integer(P=1, bias="asymmetric"), Integer(P=2, bias="none"), Binary(),
    Binary(bias="none"), FixedPoint(decimals=0), Integer(P=1, bias="free")]
done, refused = 0, 0
while done < count:
    seed += 1
    rng = np.random.default_rng(seed)
    d, n = int(rng.integers(1, 3)), int(rng.integers(3, 6))
    X = rng.integers(-1, 3, (n, d))
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    data = Dataset("drawn", X, y, (n, 0, 0), int(rng.integers(1, 3)))
    hidden = [(), (1,), (2,)][int(rng.integers(3))]
    activation = ["sign", "step"][int(rng.integers(2))]
    domain = domains[int(rng.integers(len(domains)))]
    arch = Architecture(d, hidden, int(rng.integers(1, 3)), activation)
    problem = Problem(data, arch, domain, objectives[int(rng.integers(len(objectives)))])
    if class_size(problem) > 3000:
        continue
    kinds = [f for f in forms if problem.objective.name in f.objectives]
    form = kinds[int(rng.integers(len(kinds)))]
    options = {"one_sided": bool(rng.integers(2)), "merge": bool(rng.integers(2))}
    if hasattr(form, "merge"):
        strong = form(**options, symmetry=bool(rng.integers(2)))
        form = strong if strong.accepts(problem) is None else form()
    else:
        form = form()
    if form.accepts(problem) is not None:
        continue
    model = form.build(problem)
    reason = solver.accepts(model)
    if reason is not None:
        refused += 1
        continue
    best = optimum(problem)[0]
    solution = solver.solve(model, Limits(time=60), 0, ignore_report)
    done += 1
    where = f"{name}, seed {seed}: {form} on {arch.text} {domain.spec} {problem.objective}"
    if not best.feasible:
        assert solution.termination is Termination.INFEASIBLE, where
        continue
    assert solution.termination is Termination.OPTIMAL, (where, solution)
    network = model.network(solution.answer)
    assert problem.outside(network) is None, where
    assert problem.evaluate(network) == best, where
    for claim in (solution.objective, solution.bound):
        assert abs(claim - float(best.values[0])) < 1e-5, (where, claim, best)
print(done, refused)
"""


@pytest.mark.parametrize("solver", SOLVERS)
def test_optimum_of_drawn_instances(solver: str) -> None:
    arguments = [solver, str(INSTANCES), str(10_000 * SOLVERS.index(solver))]
    run = subprocess.run([sys.executable, "-c", CODE, *arguments], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    done, refused = map(int, run.stdout.split())
    assert done == INSTANCES
    assert refused < INSTANCES // 5
