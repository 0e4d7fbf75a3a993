"""Importing this compiles every kernel, or loads it from numba's cache on disk.

Named as the module that ``ising-sa`` preloads, so that no cell pays for compilation.
"""

from __future__ import annotations

import numpy as np

from bnnbench.models import Qubo
from bnnbench_qubo.replicas import DenseGroup, SparseGroup
from bnnbench_qubo.spin_model import SpinModel


def warm() -> None:
    """Run every kernel once with every type of its arguments."""
    rows, cols = np.array([0, 0, 1]), np.array([1, 2, 2])
    for values in ([1.0, 2.0, 3.0], [1.0, 0.12345, 3.0]):
        model = SpinModel.of(Qubo(np.ones(3), rows, cols, np.array(values)))
        for kind in (SparseGroup, DenseGroup):
            group = kind(model, 0, 0, 1)
            group.run(np.ones(1))
            group.energies()


warm()
