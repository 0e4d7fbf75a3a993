"""Importing this compiles every kernel, or loads it from numba's cache on disk.

Named as the module that solvers preload, so that no cell pays for compilation.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset
from bnnbench.domain import Integer
from bnnbench.objectives import Hamming
from bnnbench.problem import Problem
from bnnbench_heuristics.kernel import undo
from bnnbench_heuristics.kernel_search import anneal, descend, propose
from bnnbench_heuristics.kernel_tabu import tabu_steps
from bnnbench_heuristics.shallow_state import ShallowState
from bnnbench_heuristics.state import State


def warm() -> None:
    """Run every kernel once."""
    data = Dataset("warm", np.array([[0], [1]]), np.array([0, 1]), (2, 0, 0))
    state = State(Problem(data, Architecture(1, (1,), 1), Integer(), Hamming()))
    state.randomise(np.random.default_rng(0))
    t = state.tables
    anneal(t.ints, t.reals, 0, 1, 1.0, 1.0, 0.1, 0.5, -math.inf)
    descend(t.ints, t.reals, t["MOVABLE"], 4)
    tabu_steps(t.ints, t.reals, np.zeros(len(t["VALUE"]), np.int64), 0, 1, 1, 1, -math.inf)
    for scale in (1, 10**6):  # Numbers of 16 and of 32 bits.
        small = dataclasses.replace(state.problem, dataset=dataclasses.replace(data, scale=scale))
        shallow = ShallowState.of(small)
        if shallow is not None:
            shallow.randomise(np.random.default_rng(0))
            shallow.anneal(0, 1, 1.0, 1.0, 0.1, 0.5, -math.inf)
    if propose(t.ints, t.reals, 0.5):
        undo(t.ints, t.reals)


warm()
