"""The least solver plugin: ``bnnbench run --plugin minimal.py --solver draw --dataset iris``."""

import numpy as np

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver
from bnnbench.solution import Solution


class Draw(Solver):
    name = "draw"

    def solve(self, model, limits, seed, report):
        return Solution.found(model.problem.random_network(np.random.default_rng(seed)))


@hookimpl
def bnnbench_solvers():
    return [Draw]
