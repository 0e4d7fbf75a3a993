"""Test accuracy, size and operations of sparse networks: {alpha, beta} against its rivals.

Per data set, sparsity and domain a network is trained from several seeds under the same budget of
ones (of values that are not 0 for ternary): {alpha, beta} and {0, beta} with learnt values,
{-beta, +beta}, ternary. The base case is {-beta, +beta} without a budget, printed first. The last
iterate is scored on test rows; nothing is chosen on them. Seeds set latents and the order of rows,
not the split. Printed per cell: mean accuracy with Student's 95 % interval over seeds, the share of
ones reached, how many runs were feasible, bits of the binarised weights (dense / entropy /
enumeration; ternary codes have log2(3) bits, and a sign per non-zero in the coded forms), bit
operations per row (dense / sparse). Then how far {alpha, beta} is ahead of each rival, with
Student's interval of the differences paired by seed; at the end what is not shown to be ahead.

Digits and MNIST have a hidden layer of 64. CIFAR-10 is the JPEG copy, its images averaged to 16x16
pixels, with ``cnn-s`` at half width.

``--reference`` runs the budget row of sbnn.md A.9.3 instead, through the training code of the
solver ``sbnn``.

Run with ``python benchmarks/sparse.py``; BNNBENCH_DATA must hold mnist and cifar10-jpeg for the
data sets of these names. One thread; about five CPU minutes for digits and MNIST, ten for CIFAR-10.
``--rows`` and ``--epochs`` change the sizes, ``--domains`` leaves rivals out.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from bnnbench_gradient.cost import NetworkCost
from bnnbench_gradient.sparse.fitting import Training, errors, fit
from bnnbench_gradient.sparse.masks import MaskRule
from bnnbench_gradient.sparse.networks import cnn_s, mlp
from bnnbench_gradient.sparse.recipes import CIFAR10, cost
from bnnbench_gradient.sparse.values import KINDS, Kind, Values
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

from bnnbench.data import make_dataset
from bnnbench.registry import Registry

NAMES = {
    "two-valued": "{alpha,beta}",
    "symmetric": "{-1,+1}",
    "zero-one": "{0,beta}",
    "ternary": "ternary",
}
REFERENCE = {
    0.25: (0.969, 0.957, 0.947),
    0.10: (0.937, 0.919, 0.915),
    0.05: (0.900, 0.847, 0.867),
}
"""EC to {alpha, beta}, {-1, +1}, {0, 1}: means of sbnn.md A.9.3."""


@dataclass(frozen=True)
class Task:
    """A data set with its network and recipe.

    Attributes:
        text: the data set; ``{rows}`` stands for training and test rows.
        scale: what features are divided by.
        build: a network from a domain.
        training: the recipe without a budget.
        rows: training rows and test rows.
        bits: bits per input value.
        shape: of one row.
        pool: pixels that are averaged to one, in each direction.
    """

    text: str
    scale: int
    build: Callable[[Kind], nn.Module]
    training: Training
    rows: tuple[int, int]
    bits: int
    shape: tuple[int, ...]
    pool: int = 1


TASKS = {
    "digits": Task(
        "digits | split[train=0.7,test=0.3]",
        16,
        lambda kind: mlp(64, (64,), 10, lambda: Values(kind)),
        Training(epochs=60),
        (1257, 540),
        5,
        (64,),
    ),
    "mnist": Task(
        "mnist",
        255,
        lambda kind: mlp(784, (64,), 10, lambda: Values(kind)),
        Training(epochs=10),
        (3000, 3000),
        8,
        (784,),
    ),
    "cifar10-jpeg": Task(
        "cifar10-jpeg",
        255,
        lambda kind: cnn_s(3, 10, lambda: Values(kind), width=16),
        Training(epochs=3, mean=CIFAR10.training.mean, sd=CIFAR10.training.sd),
        (10_000, 5_000),
        8,
        (3, 32, 32),
        pool=2,
    ),
}


def rows(task: Task, registry: Registry, limits: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
    """Training and test rows: the first of a fixed random order of each part."""
    data = make_dataset(registry, task.text)
    parts = []
    for part, limit in zip(("train", "test"), limits, strict=True):
        X, y = data.part(part)
        chosen = np.random.default_rng(0).permutation(len(y))[:limit]
        inputs = torch.tensor(np.asarray(X)[chosen] / (task.scale * data.scale))
        inputs = inputs.float().reshape(-1, *task.shape)
        if inputs.dim() == 4:
            inputs = functional.avg_pool2d(inputs, task.pool)
            # as the convolutions want it: a third quicker on one core
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        parts.append((inputs, torch.tensor(np.asarray(y)[chosen])))
    return parts


def bits(figures: NetworkCost, kind: Kind) -> tuple[float, float, float]:
    """Dense, entropy and enumeration bits of the binarised weights."""
    signs = figures.total("ones") if kind == "ternary" else 0.0
    dense = figures.total("weights") * (math.log2(3) if kind == "ternary" else 1)
    return dense, figures.total("entropy_bits") + signs, figures.total("enumeration_bits") + signs


def student(values: np.ndarray) -> tuple[float, float, float]:
    """A mean and the ends of its interval; a bootstrap of five values would be too short."""
    mean = float(values.mean())
    reach = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return mean, mean - reach, mean + reach


def cell(
    task: Task,
    kind: Kind,
    rule: MaskRule,
    parts: list[tuple[Tensor, Tensor]],
    seeds: int,
) -> tuple[np.ndarray, str]:
    """Accuracies of one domain under one budget, and the printed row."""
    train, test = parts
    training = replace(task.training, rule=rule)
    accuracies, reached, feasible, start = [], [], 0, time.process_time()
    for seed in range(seeds):
        torch.manual_seed(seed)
        model = task.build(kind).to(memory_format=torch.channels_last)
        fitted = fit(model, train, training, seed=seed)
        accuracies.append(1 - errors(model, training, test))
        reached.append(fitted.reached.overall)
        feasible += fitted.reached.feasible
    taken = (time.process_time() - start) / seeds
    figures = cost(model, test[0][:1].clone(), task.bits)
    found = np.array(accuracies)
    mean, low, high = student(found)
    size = " / ".join(f"{b:,.0f}" for b in bits(figures, kind))
    work = f"{figures.total('dense_bops'):,.0f} / {figures.total('sparse_bops'):,.0f}"
    text = (
        f"{NAMES[kind]} | {mean:.3f} [{low:.3f}, {high:.3f}]"
        f" | {np.mean(reached):.4f} | {feasible}/{seeds} | {size} | {work} | {taken:.1f}"
    )
    return found, text


def compare(name: str, arguments: argparse.Namespace, registry: Registry) -> list[str]:
    """Print one data set's tables; return where {alpha, beta} is not better."""
    task = TASKS[name]
    epochs = arguments.epochs or task.training.epochs
    task = replace(task, training=replace(task.training, epochs=epochs))
    limits = (arguments.rows, task.rows[1]) if arguments.rows else task.rows
    parts = rows(task, registry, limits)
    sizes = " and ".join(str(len(part[0])) for part in parts)
    print(f"\n{name}: {sizes} training and test rows, {epochs} epochs,", end=" ")
    print(f"{arguments.seeds} seeds, budget per {arguments.scope}")
    print("sparsity | domain | accuracy | ones | feasible | bits | bit operations | CPU s per run")
    _, text = cell(task, "symmetric", MaskRule(), parts, arguments.seeds)
    print(f"no budget | {text}", flush=True)
    found, remarks = {}, []
    for kind in arguments.domains:
        for share in arguments.shares:
            rule = MaskRule(share, arguments.scope)
            found[kind, share], text = cell(task, kind, rule, parts, arguments.seeds)
            print(f"{1 - share:.0%} | {text}", flush=True)
        if kind == KINDS[0] or KINDS[0] not in arguments.domains:
            continue
        for share in arguments.shares:
            mean, low, high = student(found[KINDS[0], share] - found[kind, share])
            lead = f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
            print(f"{1 - share:.0%} | {{alpha,beta}} ahead of {NAMES[kind]} by {lead}", flush=True)
            if not low > 0:
                word = "worse than" if high < 0 else "not shown better than"
                remarks.append(f"{name} {1 - share:.0%}: {word} {NAMES[kind]}, {lead}")
    return remarks


def reference(registry: Registry, shares: list[float]) -> None:
    """The budget row of sbnn.md A.9.3, 8 models per cell."""
    from bnnbench_gradient.budgets import Sparse
    from bnnbench_gradient.training import Recipe, Trainer

    from bnnbench.architecture import Architecture
    from bnnbench.domain import TwoValued
    from bnnbench.metrics import part_metrics
    from bnnbench.objectives import Errors
    from bnnbench.problem import Problem

    data = make_dataset(registry, TASKS["digits"].text)
    print("EC scope | {alpha,beta} {-1,+1} {0,1} | reference (per layer) | CPU s per 8 models")
    for share in shares:
        figures = REFERENCE[share]
        for scope in ("layer", "network"):
            found, start = [], time.process_time()
            for rhos in ((-4, -3, -2, -1, 0), (-4,), (0,)):
                domain = TwoValued(rhos=rhos, ones=share)
                problem = Problem(data, Architecture(64, (64,), 10), domain, Errors())
                recipe = Recipe(
                    "cross-entropy", (0.01,), 57, 64, start=0.1, sparse=Sparse(0.5, scope)
                )
                current = Trainer(problem, recipe).start(0, range(8))
                current.run()
                nets = [current.network(k) for k in range(8)]
                found.append(np.mean([part_metrics(problem, n)["test"].argmax for n in nets]))
            taken = (time.process_time() - start) / 3
            row = " ".join(f"{value:.3f}" for value in found)
            expected = " ".join(f"{value:.3f}" for value in figures)
            print(f"{share} {scope} | {row} | {expected} | {taken:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--shares", type=float, nargs="+", default=[0.25, 0.10, 0.05], help="EC")
    parser.add_argument("--scope", choices=["layer", "network"], default="layer")
    parser.add_argument("--domains", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, help="training rows")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--reference", action="store_true", help="sbnn.md A.9.3")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    registry = Registry.load()
    if arguments.reference:
        reference(registry, arguments.shares)
        return
    remarks = []
    for name in arguments.data:
        remarks += compare(name, arguments, registry)
    print("\nWhere {alpha,beta} is not better, mean paired difference:")
    print("\n".join(remarks) or "nowhere")


if __name__ == "__main__":
    main()
