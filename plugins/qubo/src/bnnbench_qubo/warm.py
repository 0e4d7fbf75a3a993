"""Importing this compiles every kernel, or loads it from numba's cache on disk.

Named as the module that our own Ising machines preload, so that no cell pays for compilation.
"""

from __future__ import annotations

import numpy as np

from bnnbench.models import Qubo
from bnnbench_qubo.bifurcation import BifurcationGroup
from bnnbench_qubo.replicas import DenseGroup, Group, SparseGroup
from bnnbench_qubo.spin_model import SpinModel


def warm() -> None:
    """Run every kernel once with every type of its arguments."""
    rows, cols = np.array([0, 0, 1]), np.array([1, 2, 2])
    for values in ([1.0, 2.0, 3.0], [1.0, 0.12345, 3.0]):
        model = SpinModel.of(Qubo(np.ones(3), rows, cols, np.array(values)))
        for kind in (SparseGroup, DenseGroup):
            group: Group = kind(model, 0, 0, 1)
            group.run(np.ones(1))
            group.energies()
        for dense in (False, True):
            BifurcationGroup(
                model, 0, 0, 1, dense=dense, discrete=False, step=1.0, strength=1.0
            ).run(np.ones(1))


warm()
