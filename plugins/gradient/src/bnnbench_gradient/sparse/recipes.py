"""The published training recipes (sbnn.md A.3), and what a trained model costs (A.7).

Budgets and penalty shares are those of the released code; EC = 0.5 stands for "no budget" there and
None does here. The recipes are for hundreds of epochs: on short runs their penalties leave the
budget broken, which is why a projection follows and feasibility is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from bnnbench_gradient.cost import LayerCost, NetworkCost
from bnnbench_gradient.sparse.augment import Augment
from bnnbench_gradient.sparse.fitting import Training
from bnnbench_gradient.sparse.layers import Binarised, binarised
from bnnbench_gradient.sparse.masks import MaskRule
from bnnbench_gradient.sparse.networks import Make, Name, network
from bnnbench_gradient.sparse.surrogates import Surrogate
from bnnbench_gradient.sparse.values import Values


@dataclass(frozen=True)
class Published:
    """A network with its published training.

    Attributes:
        network: its name.
        classes: of the data set.
        weights: surrogate of the weights' codes.
        training: the recipe without a budget.
        gammas: penalty share per EC; EC None has no penalty.
    """

    network: Name
    classes: int
    weights: Surrogate
    training: Training
    gammas: Mapping[float | None, float]

    def build(self) -> nn.Module:
        """The network with fresh weights in the domain {alpha, beta}."""
        make: Make = lambda: Values("two-valued", self.weights)  # noqa: E731
        return network(self.network, self.classes, make)

    def trained_for(self, share: float | None) -> Training:
        """The recipe of one EC.

        Raises:
            KeyError: for an EC that was not published.
        """
        if share is None:
            return self.training
        gamma = self.gammas[share]
        return replace(self.training, rule=MaskRule(share, "network"), gamma=gamma)


CIFAR10 = Published(
    network="resnet-18",
    classes=10,
    weights="ede",
    training=Training(
        epochs=500,
        batch=512,
        lr=1e-3,
        per_epoch=True,
        mixup=1.0,
        augment=Augment(),
        mean=(0.4914, 0.4822, 0.4465),
        sd=(0.2023, 0.1994, 0.2010),
    ),
    gammas={
        None: 0.0,
        **{0.25: 0.02, 0.10: 0.04, 0.05: 0.07, 0.04: 0.07},
        **{0.03: 0.08, 0.02: 0.08, 0.01: 0.10},
    },
)

CIFAR100 = Published(
    network="reactnet-18",
    classes=100,
    weights="identity",
    training=Training(
        epochs=300,
        batch=512,
        lr=1e-3,
        per_epoch=True,
        mixup=1.0,
        augment=Augment(rotation=15.0),
        mean=(0.5071, 0.4867, 0.4408),
        sd=(0.2675, 0.2565, 0.2761),
    ),
    gammas={None: 0.0, **{0.05: 0.05, 0.04: 0.05, 0.03: 0.05, 0.02: 0.06, 0.01: 0.07}},
)


@torch.no_grad()
def cost(model: nn.Module, example: Tensor, input_bits: int = 8) -> NetworkCost:
    """Size and operations of a model's binarised layers.

    A convolution is one layer whose operations are counted once per output position.

    Args:
        model: the model.
        example: one row, to find the positions with; (1, ...).
        input_bits: bits per value where a binarised layer reads the row itself.
    """
    found: list[LayerCost] = []
    handles = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, Binarised)
        bits = input_bits if inputs[0].data_ptr() == example.data_ptr() else 1
        places = output.shape[2:].numel()
        ones = int(layer.mask.sum())
        outputs = len(layer.latent)
        found.append(LayerCost(layer.fan_in, outputs, ones, bits, positions=places))

    handles = [layer.register_forward_hook(note) for layer in binarised(model)]
    model.eval()
    model(example)
    for handle in handles:
        handle.remove()
    return NetworkCost(tuple(found))
