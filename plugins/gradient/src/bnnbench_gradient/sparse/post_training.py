"""Masks after training in floating point: closed form, new batch statistics (sbnn.md A.5.5).

The latents of every binarised layer are replaced by their best approximation in a domain under the
budget of ones: {alpha, beta} with one budget per layer or one for all layers, or a rival. Weight
error is no measure of accuracy across domains: score the network.
Complexity: that of :mod:`closed_form` and :mod:`layer_budget`.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bnnbench_gradient.closed_form import quantise
from bnnbench_gradient.layer_budget import allocate
from bnnbench_gradient.rivals import Rival, approximate
from bnnbench_gradient.sbnn import Scope
from bnnbench_gradient.sparse.fitting import reestimate
from bnnbench_gradient.sparse.layers import Binarised, binarised
from bnnbench_gradient.sparse.values import Kind

Weights = npt.NDArray[np.floating]
_RIVALS: dict[Kind, Rival] = {
    "symmetric": "symmetric",
    "zero-one": "zero-one",
    "ternary": "ternary",
}


def use_real_weights(model: nn.Module, real: bool = True) -> None:
    """Let binarised layers use their latents as weights, for training in floating point."""
    for layer in binarised(model):
        layer.real = real


def quantise_model(
    model: nn.Module, kind: Kind, share: float, inputs: Tensor, scope: Scope = "layer"
) -> float:
    """Fix all binarised weights to the best few values under a budget, in place.

    Args:
        model: a model trained with real weights.
        kind: the domain.
        share: EC.
        inputs: training rows to re-estimate batch statistics on.
        scope: what the budget spans; ``network`` for two-valued weights only.

    Returns:
        The squared error, relative to the sum of squared weights.

    Raises:
        ValueError: for a budget over the network in another domain.
    """
    layers = binarised(model)
    vectors = [a.latent.detach().reshape(-1).double().numpy() for a in layers]
    found = _approximations(vectors, kind, Fraction(str(share)), scope)
    error = total = 0.0
    for layer, vector, (mask, values) in zip(layers, vectors, found, strict=True):
        _fix(layer, mask, values)
        error += float(np.square(vector - values).sum())
        total += float(np.square(vector).sum())
    reestimate(model, inputs)
    return error / total if total else 0.0


def _approximations(
    vectors: list[npt.NDArray[np.float64]], kind: Kind, share: Fraction, scope: Scope
) -> list[tuple[npt.NDArray[np.bool_], Weights]]:
    if scope == "network":
        if kind != "two-valued":
            raise ValueError(f"One budget for all layers needs two-valued weights, not {kind}.")
        budget = int(share * sum(len(v) for v in vectors))
        return [(a.mask, a.values) for a in allocate(vectors, budget, normalise=True).layers]
    sizes = [int(share * len(v)) for v in vectors]
    if kind == "two-valued":
        each = [quantise(v, k) for v, k in zip(vectors, sizes, strict=True)]
        return [(a.mask, a.values) for a in each]
    scaled = [approximate(v, _RIVALS[kind], k) for v, k in zip(vectors, sizes, strict=True)]
    if kind == "ternary":
        return [(a.codes != 0, a.values) for a in scaled]
    return [(a.codes > 0, a.values) for a in scaled]


def _fix(layer: Binarised, mask: npt.NDArray[np.bool_], values: Weights) -> None:
    latent = layer.latent.detach()
    layer.mask = torch.as_tensor(mask).view_as(latent)
    layer.fixed = torch.as_tensor(values).to(latent.dtype).view_as(latent)
