"""The training loop of sparse binary modules (sbnn.md A.3, A.5, A.9.3).

Adam at one rate on everything, cosine to 0 per step or per epoch. Before every forward pass a mask
rule sets the masks, or the penalty pushes latents down and they are clamped; what the penalty
leaves above the budget is projected away at the end. Batch statistics are re-estimated on training
data afterwards. The loop sees training and validation rows only: with validation rows the epoch of
the fewest errors on them is kept, feasible ones first; without them the last.
Complexity: epochs x rows x operations of the network, three times.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from bnnbench_gradient.sparse.augment import Augment, mixup
from bnnbench_gradient.sparse.layers import binarised
from bnnbench_gradient.sparse.masks import MaskRule, Reached
from bnnbench_gradient.sparse.penalty import clamp, counted, penalty
from bnnbench_gradient.sparse.surrogates import Sign, ede_sharpness
from bnnbench_gradient.sparse.values import Values

Rows = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Training:
    """How a module is trained.

    Attributes:
        epochs: passes over the training rows.
        batch: rows per mini-batch; the last partial one is dropped.
        lr: initial rate of Adam.
        rule: the budget of ones. With ``gamma`` it is the target, and the projection at the end.
        gamma: share of the penalty in the loss; None for the rule at every step.
        per_epoch: whether the rate falls per epoch instead of per step.
        mixup: parameter of the Beta distribution; 0 for none.
        augment: draws other views of images; None for none.
        mean: subtracted from every channel.
        sd: divides every channel; empty for features as they are.
    """

    epochs: int
    batch: int = 64
    lr: float = 0.01
    rule: MaskRule = field(default_factory=MaskRule)
    gamma: float | None = None
    per_epoch: bool = False
    mixup: float = 0.0
    augment: Augment | None = None
    mean: tuple[float, ...] = ()
    sd: tuple[float, ...] = ()

    def normalised(self, x: Tensor) -> Tensor:
        """Inputs as the network reads them."""
        if not self.sd:
            return x
        mean, sd = (torch.tensor(v, dtype=x.dtype)[:, None, None] for v in (self.mean, self.sd))
        return (x - mean) / sd

    def rate(self, step: int, steps_per_epoch: int) -> float:
        """The rate of a step counted from 0."""
        done = step // steps_per_epoch / self.epochs
        if not self.per_epoch:
            done = step / (self.epochs * steps_per_epoch)
        return self.lr / 2 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a training run found.

    Attributes:
        raw: ones reached by training itself.
        reached: ones after the projection; the same unless the penalty missed the target.
        epoch: the epoch that was kept, from 0.
        errors: share of wrong validation rows in it; None without validation rows.
    """

    raw: Reached
    reached: Reached
    epoch: int
    errors: float | None


def fit(
    model: nn.Module, train: Rows, training: Training, validation: Rows | None = None, seed: int = 0
) -> Fitted:
    """Train a module in place.

    Args:
        model: any module with binarised layers.
        train: inputs (n, ...) and class labels (n,).
        training: the recipe.
        validation: rows to choose the epoch on.
        seed: of the order of rows, of augmentation and of mixup.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=training.lr, fused=True)
    steps, best, chosen, kept = 0, None, training.epochs - 1, None
    for epoch in range(training.epochs):
        _sharpen(model, ede_sharpness(epoch, training.epochs))
        model.train()
        for inputs, labels in _batches(train, training.batch, generator):
            for group in optimiser.param_groups:
                group["lr"] = training.rate(steps, max(1, len(train[0]) // training.batch))
            _step(model, optimiser, training, inputs, labels, generator)
            steps += 1
        if validation is not None:
            key = _key(model, training, validation)
            if best is None or key < best:
                best, chosen, kept = key, epoch, copy.deepcopy(model.state_dict())
    if kept is not None:
        model.load_state_dict(kept)
    raw = _masked(model, training)
    project(model, training.rule)
    reestimate(model, training.normalised(train[0]))
    reached = Reached.of(model, training.rule.share)
    return Fitted(raw, reached, chosen, None if best is None else best[1])


def _batches(rows: Rows, size: int, generator: torch.Generator) -> Iterator[Rows]:
    inputs, labels = rows
    order = torch.randperm(len(inputs), generator=generator)
    size = min(size, len(inputs))
    for start in range(0, len(inputs) - size + 1, size):
        chosen = order[start : start + size]
        yield inputs[chosen], labels[chosen]


def _step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    training: Training,
    inputs: Tensor,
    labels: Tensor,
    generator: torch.Generator,
) -> None:
    """One update."""
    if training.augment is not None:
        inputs = training.augment(inputs, generator)
    mixed = mixup(training.normalised(inputs), labels, training.mixup, generator)
    _masked(model, training)
    loss = mixed.loss(model(mixed.inputs))
    layers = binarised(model)
    share, gamma = training.rule.share, training.gamma
    if gamma is not None and share is not None:
        loss = loss + penalty(loss, [counted(layer) for layer in layers], share, gamma)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    if gamma is not None:
        clamp([layer.latent for layer in layers])


def _masked(model: nn.Module, training: Training) -> Reached:
    """Set the masks of training; codebooks have masks of their own."""
    rule = training.rule if training.gamma is None else MaskRule()
    rule.apply(model)
    return Reached.of(model, training.rule.share)


def project(model: nn.Module, rule: MaskRule) -> None:
    """Make masks keep to a rule's budget where they exceed it; see :meth:`MaskRule.charge`."""
    books = [layer for layer in binarised(model) if layer.codebook is not None]
    if rule.share is not None and books and len(books) == len(binarised(model)):
        model.eval()
        rule.charge(books)
    elif not Reached.of(model, rule.share).feasible:
        rule.apply(model)


def _key(model: nn.Module, training: Training, validation: Rows) -> tuple[bool, float]:
    infeasible = not _masked(model, training).feasible
    return infeasible, errors(model, training, validation)


@torch.no_grad()
def errors(model: nn.Module, training: Training, rows: Rows, batch: int = 500) -> float:
    """Share of rows whose largest output is not the label's; the first of equal outputs counts."""
    model.eval()
    inputs, labels = rows
    wrong = 0
    for start in range(0, len(inputs), batch):
        part = slice(start, start + batch)
        outputs = model(training.normalised(inputs[part]))
        wrong += int((outputs.argmax(dim=1) != labels[part]).sum())
    return wrong / len(inputs)


@torch.no_grad()
def reestimate(model: nn.Module, inputs: Tensor, batch: int = 500) -> None:
    """Batch statistics as means over the batches of these inputs, which are read once."""
    model.eval()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for start in range(0, len(inputs), batch):
        model(inputs[start : start + batch])
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    model.eval()


def _sharpen(model: nn.Module, sharpness: float) -> None:
    for module in model.modules():
        if isinstance(module, Sign | Values):
            module.sharpness = sharpness
