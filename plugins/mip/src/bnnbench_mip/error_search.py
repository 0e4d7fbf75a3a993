"""Local search for few errors in threshold form: one weight of one unit, with its best threshold.

With the other units fixed, a unit matters only on samples where exactly T - 1 of them fire, and
there it should be a half-space by itself. Its errors for every threshold are a running sum of
signed sample weights in the order of x w. One step tries all values of all weights of a unit, so
O(features x values x samples log samples). Equal moves are taken too; after some idle sweeps the
search restarts from the best net with weights redrawn.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnnbench_mip.error_run import Run
from bnnbench_mip.lattice import Int64
from bnnbench_mip.sorted_cuts import SignedWeights
from bnnbench_mip.threshold_form import Firing, ThresholdForm

IDLE = 4
"""Steps per unit without gain before a restart."""
STEP, MOVES = 8e-5, 1.3e8
"""About the seconds of a step, and the changes of a weight times samples in a second on top."""


class LocalSearch:
    """A local search that goes on where it stopped, for a run.

    Args:
        run: hears of nets that are better than its incumbent.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._steps = local_search(run.form, np.random.Generator(np.random.PCG64(run.seed)))

    def go_on(self, seconds: float) -> None:
        """Steps worth some seconds, counted in work, or fewer when the run is over."""
        form = self.run.form
        step = STEP + form.X.size * len(form.values) / MOVES
        for _ in range(max(1, round(seconds / step))):
            if self.run.over:
                return
            net, errors = next(self._steps)
            if errors < self.run.best:
                self.run.found(net)


def local_search(form: ThresholdForm, rng: np.random.Generator) -> Iterator[tuple[Firing, int]]:
    """The net at the end of every step, with its errors beyond the base; never ends.

    Args:
        form: the samples.
        rng: the only randomness.
    """
    signed = np.where(form.positive, form.weight, -form.weight)
    units = form.units
    best: tuple[int, Firing] | None = None
    start = 0
    while True:
        votes = 1 + start % units
        net = _drawn(form, rng, votes, best[1] if best and start % 3 else None)
        start += 1
        least, idle = form.excess(net), 0
        while idle < IDLE * units:
            net, cost = _step(form, signed, net, int(rng.integers(units)), rng)
            idle = 0 if cost < least else idle + 1
            least = min(least, cost)
            if best is None or cost < best[0]:
                best = cost, net
            yield net, cost


def _drawn(
    form: ThresholdForm, rng: np.random.Generator, votes: int, near: Firing | None
) -> Firing:
    """A random net, or one near another: a third of its weights redrawn."""
    shape = form.X.shape[1], form.units
    weights = rng.choice(form.values, shape)
    if near is not None:
        weights = np.where(rng.random(shape) < 1 / 3, weights, near.weights)
        votes = near.votes
    z = form.X @ weights
    rows = rng.integers(len(z), size=form.units)
    return Firing(weights, z[rows, np.arange(form.units)], votes)


def _step(
    form: ThresholdForm, signed: Int64, net: Firing, unit: int, rng: np.random.Generator
) -> tuple[Firing, int]:
    """The best change of one weight of a unit, with its threshold; ties are drawn."""
    X, values = form.X, form.values
    z = X @ net.weights
    others = (z >= net.thresholds).sum(axis=1) - (z[:, unit] >= net.thresholds[unit])
    pivotal = others == net.votes - 1
    settled = ~pivotal & ((others >= net.votes) != form.positive)
    fixed = int(form.weight[settled].sum())
    if not pivotal.any():
        return net, fixed
    own = net.weights[:, unit]
    # Every value of every weight; the present ones repeat the present vector.
    moves = (values - own[:, None])[:, :, None] * X[pivotal].T[:, None, :]
    sums = z[pivotal, unit] + moves.reshape(-1, int(pivotal.sum()))
    carried = SignedWeights.of(signed[pivotal])
    keys = carried.keys(sums, int(np.abs(sums).max()))
    gains = carried.running(keys)
    negatives = -int(np.minimum(signed[pivotal], 0).sum())
    lines = np.arange(len(sums))
    at = gains.argmin(axis=1)
    costs = np.minimum(gains[lines, at], 0)
    pick = int(rng.choice(np.flatnonzero(costs == costs.min())))
    level = carried.sums(keys[pick])
    threshold = int(level[0]) if gains[pick, at[pick]] >= 0 else int(level[at[pick]]) + 1
    weights, thresholds = net.weights.copy(), net.thresholds.copy()
    feature, value = divmod(pick, len(values))
    weights[feature, unit], thresholds[unit] = values[value], threshold
    return Firing(weights, thresholds, net.votes), fixed + negatives + int(costs[pick])
