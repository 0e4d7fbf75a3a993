"""All networks of a small problem class, and the optimum among them: ground truth for tests.

Enumerates per layer: every grid of the domain, every assignment of weights to existing arcs, every
bias of the rule. Free biases are enumerated over the range in which they can matter, from below
the least to above the greatest sum that the training rows and any weights of the layer reach.
Only the number of networks bounds what is feasible: about 10 000 take seconds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from bnnbench.domain import Grid
from bnnbench.network import Layer, Network
from bnnbench.objectives import Objective, Outcome, Score
from bnnbench.problem import Problem


def enumerate_networks(problem: Problem) -> Iterator[Network]:
    """Every network of the problem's class; of equal ones (overlapping grids) each copy.

    Free biases beyond the range that can matter are left out: see :func:`free_biases`.
    """
    depth = problem.architecture.depth
    layers = [list(enumerate_layers(problem, k)) for k in range(1, depth + 1)]
    for chosen in itertools.product(*layers):
        network = Network(problem.architecture, chosen)
        if problem.domain.budget(1) is None or not network.outside(problem.domain):
            yield network


def count_networks(problem: Problem) -> int:
    """How many networks :func:`enumerate_networks` looks at."""
    total = 1
    for k in range(1, problem.architecture.depth + 1):
        arcs, width = int(problem.architecture.mask(k).sum()), problem.architecture.widths[k]
        total *= sum(
            g.size**arcs * len(bias_values(problem, k, g)) ** width for g in problem.domain.grids()
        )
    return total


def enumerate_layers(problem: Problem, k: int) -> Iterator[Layer]:
    """Every layer k of the class."""
    domain, mask = problem.domain, problem.architecture.mask(k)
    for grid in domain.grids():
        biases = bias_values(problem, k, grid)
        scale = bias_unit(problem, k) if domain.bias == "free" else grid.scale
        for values in itertools.product(grid.values.tolist(), repeat=int(mask.sum())):
            weights = np.zeros(mask.shape, dtype=np.int64)
            weights[mask] = values
            for bias in itertools.product(biases, repeat=mask.shape[1]):
                yield Layer(weights, np.array(bias, dtype=np.int64), grid.scale, scale)


def bias_values(problem: Problem, k: int, grid: Grid) -> list[int]:
    """The biases of a unit of layer k with this grid."""
    if problem.domain.bias == "none":
        return [0]
    if problem.domain.bias == "free":
        return free_biases(problem, k)
    biases = problem.domain.bias_grid(grid)
    assert biases is not None
    return [int(v) for v in biases.values]


def bias_unit(problem: Problem, k: int) -> int:
    """Denominator of the pre-activations of layer k."""
    reads = any(c.source == 0 for c in problem.architecture.sources(k))
    return problem.domain.scale * (problem.dataset.scale if reads else 1)


def free_biases(problem: Problem, k: int) -> list[int]:
    """All integers up to the greatest absolute sum + 1, in the output plus what a margin needs.

    A hidden bias beyond that changes no activation; an output bias beyond it, with the margin
    added, is saturated for every objective that compares a single output with a threshold.
    """
    arch, unit = problem.architecture, bias_unit(problem, k)
    reach = Fraction(0)
    for c in arch.sources(k):
        values = [1] * arch.widths[c.source]
        if c.source == 0:
            X = np.abs(problem.dataset.part("train")[0].astype(np.int64)).sum(axis=1)
            reach += Fraction(int(X.max()), problem.dataset.scale) * problem.domain.largest
        else:
            reach += len(values) * problem.domain.largest
    if k == arch.depth:
        reach += max(Fraction(1), problem.output_scale / 4)
    most = math.ceil(reach * unit) + 1
    return list(range(-most, most + 1))


def optimum(problem: Problem) -> Score:
    """The best score of all networks; infeasible when none is feasible."""
    return optima(problem, [problem.objective])[0]


def optima(problem: Problem, objectives: Sequence[Objective]) -> list[Score]:
    """The best scores of several objectives over one class: one pass over its networks."""
    X, y = problem.dataset.part("train")
    best = [Score(False) for _ in objectives]
    for network in enumerate_networks(problem):
        forward = network.forward(X, problem.dataset.scale)
        outcome = Outcome(network, forward, problem.targets(), y, problem.output_scale)
        for i, objective in enumerate(objectives):
            score = objective.evaluate(outcome)
            if score < best[i]:
                best[i] = score
    return best
