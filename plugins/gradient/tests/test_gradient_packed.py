"""Packed inference equals the dense integer forward pass, bit by bit; sizes equal the formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from bnnbench_gradient.cost import LayerCost, NetworkCost, kernel_bits
from bnnbench_gradient.packed import PackedLayer, PackedNetwork, pack
from bnnbench_gradient.popcount import xor_counts
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import layered
from bnnbench.errors import NetworkError
from bnnbench.network import Layer, Network


@pytest.mark.parametrize("activation", ["sign", "step"])
@pytest.mark.parametrize(("alpha", "beta"), [(-1, 1), (0, 1), (-3, 5), (-4, 4), (7, 15), (-2, -1)])
def test_equals_the_dense_product_for_every_width(activation, alpha, beta):
    rng = np.random.default_rng(abs(alpha) * 31 + beta)
    low = -1 if activation == "sign" else 0
    for n in range(1, 201):
        weights = np.where(rng.random((n, 3)) < 0.3, beta, alpha)
        bias = rng.integers(-9, 10, 3)
        x = np.where(rng.random((5, n)) < 0.5, 1, low)
        packed = PackedLayer.of(Layer(weights, bias, 8, 8), activation)
        assert (packed(pack(x > 0)) == x @ weights + bias).all()


def test_equals_the_forward_pass_of_torch():
    rng = np.random.default_rng(0)
    weights = np.where(rng.random((1024, 256)) < 0.1, 11, -3)
    x = np.where(rng.random((16, 1024)) < 0.5, 1, -1)
    packed = PackedLayer.of(Layer(weights, np.zeros(256, dtype=np.int64)), "sign")
    dense = torch.from_numpy(x).double() @ torch.from_numpy(weights).double()
    assert (packed(pack(x > 0)) == dense.numpy()).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 70), min_size=1, max_size=3),
    st.integers(1, 4),
    st.sampled_from(["sign", "step"]),
    st.integers(0, 2**32),
)
def test_whole_networks_with_free_thresholds(hidden, outputs, activation, seed):
    rng = np.random.default_rng(seed)
    arch = layered(6, tuple(hidden), outputs, activation)
    layers = []
    for k in range(1, arch.depth + 1):
        r = int(rng.integers(-8, 1))
        shape = (arch.fan_in(k), arch.widths[k])
        weights = np.where(rng.random(shape) < 0.25, r + 8, r)
        layers.append(Layer(weights, rng.integers(-40, 40, shape[1]), 8, int(rng.choice([8, 24]))))
    network = Network(arch, tuple(layers))
    X = rng.integers(-50, 50, (20, 6))
    assert (PackedNetwork.of(network).forward(X, 100) == network.forward(X, 100).output).all()


def test_a_pre_activation_of_zero_decides_for_plus_one():
    layer = PackedLayer.of(Layer(np.array([[1], [-1]]), np.array([0])), "sign")
    tie = pack(np.array([[True, True]]))
    assert layer(tie) == 0
    assert layer.decide(tie)[0, 0] == 1


def test_the_symmetric_domain_is_exclusive_or():
    rng = np.random.default_rng(3)
    mask, x = rng.random((4, 100)) < 0.5, rng.random((7, 100)) < 0.5
    layer = PackedLayer.of(Layer(np.where(mask, 1, -1).T, np.zeros(4, dtype=np.int64)), "sign")
    counts = np.empty((7, 4), dtype=np.int64)
    xor_counts(pack(x), pack(mask), counts)
    assert (layer(pack(x)) == 100 - 2 * counts).all()


def test_what_cannot_be_packed_is_refused():
    three = Layer(np.array([[-1], [0], [1]]), np.array([0]))
    with pytest.raises(NetworkError, match="two values, got 3"):
        PackedLayer.of(three, "sign")
    arch = layered(2, (3,), 1, skips=((0, 2),))
    layers = (
        Layer(np.ones((2, 3), int), np.zeros(3, int)),
        Layer(np.ones((5, 1), int), np.zeros(1, int)),
    )
    with pytest.raises(NetworkError, match="dense chain"):
        PackedNetwork.of(Network(arch, layers))


def test_sizes_of_the_specification():
    first = LayerCost(784, 16, 1254, input_bits=8)
    assert first.weights == 12_544
    assert first.entropy_bits == pytest.approx(5881.81, abs=0.01)
    assert first.enumeration_bits == 5876
    assert first.index_bits == 12_700
    last = LayerCost(16, 10, 16)
    assert (last.weights, last.enumeration_bits, last.index_bits) == (160, 72, 114)
    assert last.entropy_bits == pytest.approx(75.04, abs=0.01)
    pool = LayerCost(12_704, 1, 1270)
    assert pool.entropy_bits == pytest.approx(5956.9, abs=0.1)
    assert pool.enumeration_bits == 5951
    both = NetworkCost((first, last))
    assert both.sparsity == pytest.approx(1 - 1270 / 12_704)
    assert both.total("sparse_bops") == 8 * (1254 + 784) + 16 + 16
    assert both.total("dense_bops") == 8 * 12_544 + 160
    assert both.smallest_bits == 5876 + 72
    assert both.densest_and_sparsest == (0.1, 1254 / 12_544)


def test_large_layers_are_counted_by_the_gamma_function():
    exact = math.log2(math.comb(30_000, 3000))
    assert LayerCost(30_000, 1, 3000).enumeration_bits == math.ceil(exact)


def test_thresholds_take_the_bits_of_their_range():
    assert LayerCost(4, 3, 2, reach=0).threshold_bits == 0
    assert LayerCost(4, 3, 2, reach=4).threshold_bits == 3 * math.ceil(math.log2(9))


def test_kernels_are_coded_by_frequency_without_empty_filters():
    masks = np.zeros((4, 2, 3, 3), dtype=bool)
    masks[0, 0, 1, 1] = masks[1, 0, 1, 1] = masks[1, 1, 0, 0] = True
    # kept kernels: twice the centre, once the corner, once nothing
    assert kernel_bits(masks) == pytest.approx(2 * 1 + 2 * 2)
    assert kernel_bits(np.zeros((2, 2, 3, 3), dtype=bool)) == 0
