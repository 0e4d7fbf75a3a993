"""Exported models give the network's own outputs, to the last integer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import layered
from bnnbench.errors import NetworkError
from bnnbench.export import Features, differences, to_onnx, to_qonnx, trial_rows
from bnnbench.network import Layer, Network

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def drawn(architecture, rng, largest, scale=1, bias_scale=1, largest_bias=5):
    layers = []
    for k in range(1, architecture.depth + 1):
        shape = (architecture.fan_in(k), architecture.widths[k])
        weights = rng.integers(-largest, largest, shape, endpoint=True) * architecture.mask(k)
        bias = rng.integers(-largest_bias, largest_bias, shape[1], endpoint=True)
        layers.append(Layer(weights, bias, scale, bias_scale))
    return Network(architecture, tuple(layers))


@st.composite
def networks(draw):
    depth = draw(st.integers(0, 3))
    hidden = tuple(draw(st.integers(1, 6)) for _ in range(depth))
    pairs = [(s, t) for s in range(depth + 1) for t in range(s + 2, depth + 2)]
    skips = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    architecture = layered(
        draw(st.integers(1, 7)),
        hidden,
        draw(st.integers(1, 3)),
        draw(st.sampled_from(["sign", "step"])),
        skips,
        draw(st.sampled_from([1.0, 0.6])),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    largest = draw(st.sampled_from([1, 3, 64, 65, 127, 1000, 10**6]))
    return drawn(
        architecture,
        rng,
        largest,
        draw(st.sampled_from([1, 2, 10])),
        draw(st.sampled_from([1, 4, 10, 30])),
        draw(st.sampled_from([0, 3, 500])),
    )


RANGES = [(0, 1), (0, 255), (-128, 127), (-1, 300), (-(10**9), 10**9), (-(2**40), 2**40)]


@settings(max_examples=120, deadline=None)
@given(networks(), st.sampled_from(RANGES), st.sampled_from([1, 16, 10_000]))
def test_every_output_is_that_of_the_forward_pass(network, bounds, scale):
    features = Features(*bounds, scale)
    model = to_onnx(network, features)
    rows = trial_rows(features, network.architecture.inputs, 64)
    assert differences(model, network, rows, scale) == 0
    assert not {node.op_type for node in model.graph.node} & {"Sign"}


@settings(max_examples=60, deadline=None)
@given(networks(), st.sampled_from([(0, 1), (0, 255), (-1, 300)]))
def test_quantised_models_too_wherever_floats_hold_all_sums(network, bounds):
    features = Features(*bounds)
    try:
        model = to_qonnx(network, features)
    except NetworkError as error:
        assert "below 2^24" in str(error)
        return
    rows = trial_rows(features, network.architecture.inputs, 64)
    assert differences(model, network, rows, 1) == 0


def test_a_zero_pre_activation_is_plus_one():
    arch = layered(2, (2,), 1)
    network = Network(
        arch,
        (
            Layer(np.array([[1, -1], [1, 1]]), np.array([0, 0])),
            Layer(np.array([[1], [1]]), np.array([0])),
        ),
    )
    tie = np.array([[1, -1], [1, 1], [0, 0]])
    assert (network.forward(tie).pre[0] == 0).any()
    for write in (to_onnx, to_qonnx):
        assert differences(write(network, Features(-1, 1)), network, tie, 1) == 0


def test_a_model_with_one_flipped_weight_is_found_out():
    rng = np.random.default_rng(0)
    network = drawn(layered(9, (8,), 3), rng, 1)
    first, last = network.layers
    weights = last.weights.copy()
    weights[0, 0] += 1
    other = Network(network.architecture, (first, Layer(weights, last.bias)))
    features = Features(0, 16)
    rows = trial_rows(features, 9)
    for write in (to_onnx, to_qonnx):
        assert differences(write(other, features), network, rows, 1) == len(rows)


def test_byte_features_and_small_weights_stay_bytes():
    rng = np.random.default_rng(1)
    network = drawn(layered(64, (32,), 10), rng, 1)
    model = to_onnx(network, Features(0, 16))
    products = [n.op_type for n in model.graph.node if n.op_type.startswith("MatMul")]
    assert products == ["MatMulInteger", "MatMulInteger"]
    assert len(model.SerializeToString()) < 2 * network.architecture.n_weights


def test_weights_that_byte_kernels_could_saturate_are_widened():
    rng = np.random.default_rng(2)
    network = drawn(layered(64, (4,), 2), rng, 127)
    model = to_onnx(network, Features(0, 255))
    assert [n.op_type for n in model.graph.node].count("MatMulInteger") == 0


def test_metadata_say_how_to_read_the_file():
    rng = np.random.default_rng(3)
    network = drawn(layered(4, (3,), 2), rng, 3, scale=2, bias_scale=5)
    model = to_onnx(network, Features(-7, 9, 100))
    notes = {entry.key: entry.value for entry in model.metadata_props}
    unit = network.forward(np.zeros((1, 4), dtype=np.int64), 100).output_unit
    assert notes["output_scale"] == str(unit)
    assert notes["feature_range"] == "-7..9"
    assert notes["feature_scale"] == "100"
    assert notes["network_sha256"] == network.digest


@pytest.mark.parametrize("write", [to_onnx, to_qonnx])
def test_units_that_are_no_thresholds_are_refused(write):
    layer = Layer(np.array([[1]]), np.array([0]))
    network = Network(layered(1, (1,), 1, "relu"), (layer, layer))
    with pytest.raises(NetworkError, match="sign or step units"):
        write(network, Features(-1, 1))


def test_sums_beyond_64_bits_are_refused():
    network = drawn(layered(3, (), 1), np.random.default_rng(4), 10**6)
    with pytest.raises(NetworkError, match="beyond 64 bits"):
        to_onnx(network, Features(-(2**62), 2**62))


def test_impossible_features_are_refused():
    with pytest.raises(NetworkError, match="low <= high"):
        Features(2, 1)
