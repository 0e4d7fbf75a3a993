"""Latency of one layer on bits beside float32: the reason for weights of two values.

A layer of 1024 x 1024 weights, a share of them beta, one sample at a time on one core:

* float32: torch's matrix product, the base case;
* xnor: exclusive or and popcount, for weights {-1, +1} (the sparsity changes nothing);
* and: AND-popcount with the shared popcount, for {alpha, beta}; outputs are the same integers;
* packing: the time to turn 1024 activations into bits, which a chain of layers does once each.

    python benchmarks/packed.py [--size 1024] [--sparsity 0.9] [--repeats 9]

Rounds of all methods alternate; figures are medians over rounds, ratios are paired within a round.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from bnnbench_gradient.cost import LayerCost
from bnnbench_gradient.packed import PackedLayer, pack
from bnnbench_gradient.popcount import xor_counts

from bnnbench.network import Layer

CALLS = 200


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--size", type=int, default=1024)
    arguments.add_argument("--sparsity", type=float, default=0.9)
    arguments.add_argument("--repeats", type=int, default=9)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    methods = layer_methods(given.size, given.sparsity)
    rounds: dict[str, list[float]] = {name: [] for name in methods}
    for call in methods.values():
        seconds(call)
    for _ in range(given.repeats):
        for name, call in methods.items():
            rounds[name].append(seconds(call))
    print(f"{given.size} x {given.size}, {given.sparsity:.0%} sparse, batch 1, one core")
    for name, found in rounds.items():
        ratios = [a / b for a, b in zip(found, rounds["float32"], strict=True)]
        low, high = min(ratios), max(ratios)
        print(
            f"{name:<10}{1e6 * statistics.median(found):9.2f} us"
            f"   {statistics.median(ratios):.4f} of float32 [{low:.4f}, {high:.4f}]"
        )
    ones = round(given.size**2 * (1 - given.sparsity))
    cost = LayerCost(given.size, given.size, ones)
    print(
        f"bits: dense {cost.weights:,}, entropy {cost.entropy_bits:,.0f}, index"
        f" {cost.index_bits:,}; bit operations: dense {cost.dense_bops:,}, sparse"
        f" {cost.sparse_bops:,}"
    )


def layer_methods(size: int, sparsity: float) -> dict[str, Callable[[], object]]:
    """One call of each, on the same mask and the same sample; their outputs are compared first."""
    rng = np.random.default_rng(0)
    mask = rng.random((size, size)) < 1 - sparsity
    signs = np.where(rng.random((1, size)) < 0.5, 1, -1)
    rho, step = -3, 8
    weights = np.where(mask, rho + step, rho)
    layer = PackedLayer.of(Layer(weights.T, np.zeros(size, dtype=np.int64)), "sign")
    dense = torch.from_numpy(np.ascontiguousarray(weights)).float()
    x = torch.from_numpy(signs).float()
    rows = pack(signs > 0)
    counts = np.empty((1, size), dtype=np.int64)
    assert (layer(rows) == torch.nn.functional.linear(x, dense).numpy()).all()
    return {
        "float32": lambda: torch.nn.functional.linear(x, dense),
        "xnor": lambda: xor_counts(rows, layer.masks, counts),
        "and": lambda: layer(rows),
        "packing": lambda: pack(signs > 0),
    }


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds per call."""
    begin = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - begin) / CALLS


if __name__ == "__main__":
    main()
