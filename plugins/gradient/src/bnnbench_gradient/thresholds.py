"""Free thresholds folded from batch normalisation with population statistics (sbnn.md B.3).

Unit: ``z - mu + d sigma >= 0`` with mu and sigma over all training rows. For an integer z this is
``z + b >= 0``, b = floor(d sigma - mu), formed from the stored floating-point numbers as exact
rationals. Layers are folded first to last, each on the integer values that the folded ones before
it give.
Complexity: one integer forward pass over the training rows per layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench_gradient.forward import EPS

Floats = npt.NDArray[np.floating[Any]]


def population_thresholds(
    problem: Problem,
    matrices: Sequence[npt.NDArray[np.int64]],
    shifts: Sequence[Floats],
    last: npt.NDArray[np.int64],
) -> Network:
    """The integer network of given weights and latent thresholds.

    Args:
        problem: gives training rows, scales and architecture.
        matrices: per layer weight numerators, shape (fan_in, width).
        shifts: per hidden layer d, shape (width,).
        last: numerators of the output biases, over the unit of the output pre-activation.
    """
    X, _ = problem.dataset.part("train")
    scale, S = problem.domain.scale, problem.dataset.scale
    layers = [Layer(m, np.zeros(m.shape[1], dtype=np.int64), scale, scale) for m in matrices]
    for k, d in enumerate(shifts):
        forward = Network(problem.architecture, tuple(layers)).forward(X, S)
        unit = forward.units[k]
        layers[k] = Layer(matrices[k], folded(forward.pre[k], d, unit), scale, unit)
    unit = Network(problem.architecture, tuple(layers)).forward(X[:1], S).output_unit
    layers[-1] = Layer(matrices[-1], last, scale, unit)
    return Network(problem.architecture, tuple(layers))


def folded(pre: npt.NDArray[np.int64], d: Floats, unit: int) -> npt.NDArray[np.int64]:
    """floor(d sigma - mu) per unit, numerators over ``unit``.

    Args:
        pre: pre-activations without bias over ``unit``, shape (n, width).
        d: latent thresholds in units of sigma, shape (width,).
        unit: denominator.
    """
    mean = pre.mean(axis=0)
    sigma = pre.std(axis=0) + EPS * unit if len(pre) > 1 else np.full(pre.shape[1], float(unit))
    exact = zip(d.tolist(), sigma.tolist(), mean.tolist(), strict=True)
    bias = [math.floor(Fraction(s) * Fraction(w) - Fraction(m)) for s, w, m in exact]
    return np.array(bias, dtype=np.int64)
