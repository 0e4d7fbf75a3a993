r"""Simulated bifurcation of many replicas at once (Goto et al. 2021, ballistic and discrete).

Positions x_i in [-1, 1] and momenta y_i of all sites move together:

    y_i += dt [ -(1 - a) x_i + c F_i(z) ],   x_i += dt y_i,   x_i = sgn x_i, y_i = 0 if |x_i| > 1,

where a rises from 0 to 1, z = x (ballistic) or sgn x (discrete) and F = l + Q (1 - z) / 2 is what
a bit costs when it is 1, that is at x_i = -1. Here c = strength / rms(F), with the
root mean square over random states; the literature's 0.5 / (sqrt(n) sigma_J) for random couplings.
A step costs one product with the couplings for all replicas: n^2 on a full matrix at the speed of
sgemm, O(couplings) on compressed rows. It starts from x = 0 and y = -0.1 or 0.1 at random.

The pump reaches 1 only at the last step, so a run that is cut short says little (qubo.md section
4.3).
"""

from __future__ import annotations

import numpy as np

from bnnbench_qubo import annealing_kernel as kernel
from bnnbench_qubo.harvest import Floats
from bnnbench_qubo.replicas import Group
from bnnbench_qubo.spin_model import SpinModel

KICK = np.float32(0.1)


class BifurcationGroup(Group):
    """Replicas of one model; the control parameter of a step is the pump a.

    Args:
        model: what is sampled.
        seed: parent of the reads' seeds.
        first: number of the first read.
        reads: how many.
        dense: full matrix instead of compressed rows.
        discrete: forces from the signs of the positions.
        step: dt.
        strength: of the force against the detuning.
    """

    def __init__(
        self,
        model: SpinModel,
        seed: int,
        first: int,
        reads: int,
        *,
        dense: bool,
        discrete: bool,
        step: float,
        strength: float,
    ) -> None:
        super().__init__(model, seed, first, reads, np.float32)
        self._dense, self._discrete, self._step = dense, discrete, step
        self._momenta = KICK * self.spins
        self._positions = np.zeros_like(self.spins)
        self._products = np.empty_like(self.spins)
        self._signs = np.empty_like(self.spins)
        self._factor = strength * model.unit / model.scale
        self._bias = model.centre.astype(np.float32)

    def run(self, path: Floats) -> None:
        for pump in path:
            self._multiply()
            constants = np.array([self._step, pump - 1.0, self._factor], dtype=np.float32)
            kernel.bifurcate(self._positions, self._momenta, self._products, self._bias, constants)
            self.sweeps += 1
        self.spins = np.where(self._positions < 0, np.float32(-1), np.float32(1))

    def _multiply(self) -> None:
        source = self._positions
        if self._discrete:
            source = np.sign(self._positions, out=self._signs)
        if self._dense:
            np.matmul(self.model.matrix, source, out=self._products)
        else:
            kernel.products(*self.model.real_rows, source, self._products)
