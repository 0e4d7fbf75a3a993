from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, Connection, skip_connections
from bnnbench.domain import Binary, Integer, TwoValued
from bnnbench.errors import NetworkError
from bnnbench.exact import INT64_MAX
from bnnbench.network import Layer, Network


def one_layer(weights, bias, scale=1, bias_scale=1):
    W = np.array(weights, dtype=np.int64)
    layer = Layer(W, np.array(bias, dtype=np.int64), scale, bias_scale)
    return Network(Architecture(W.shape[0], (), W.shape[1]), (layer,))


@st.composite
def any_network(draw, architectures):
    arch = draw(architectures(draw(st.integers(1, 3)), draw(st.integers(1, 2))))
    size = draw(st.sampled_from([3, 100, 2**40]))
    layers = []
    for k in range(1, arch.depth + 1):
        mask = arch.mask(k)
        cells = st.integers(-size, size)
        W = draw(st.lists(cells, min_size=mask.size, max_size=mask.size))
        b = draw(st.lists(cells, min_size=arch.widths[k], max_size=arch.widths[k]))
        scales = [draw(st.sampled_from([1, 2, 6, 10, 7**5])) for _ in range(2)]
        W = np.where(mask, np.array(W, dtype=np.int64).reshape(mask.shape), 0)
        layers.append(Layer(W, np.array(b, dtype=np.int64), *scales))
    return Network(arch, tuple(layers))


@given(st.data())
def test_forward_is_the_naive_forward(draws, oracle, data):
    """Skips, masks, both activations, mixed scales: all equal, in Fractions."""
    network = data.draw(any_network(draws.architectures))
    n, d = data.draw(st.integers(0, 4)), network.architecture.inputs
    X = data.draw(
        st.lists(st.lists(st.integers(-50, 50), min_size=d, max_size=d), min_size=n, max_size=n)
    )
    scale = data.draw(st.sampled_from([1, 4, 10**4]))
    forward = network.forward(np.array(X, dtype=np.int64).reshape(n, d), scale)
    expected = oracle.forward(network, X, scale)
    for pre, unit, rows in zip(forward.pre, forward.units, expected, strict=True):
        assert [[Fraction(v, unit) for v in row] for row in pre.tolist()] == rows
    assert forward.output is forward.pre[-1]
    assert forward.output_unit == forward.units[-1]


EDGE = st.one_of(
    st.integers(-(2**62), 2**62),
    st.sampled_from([0, 1, -1, 2**53, -(2**53) - 1, INT64_MAX, -INT64_MAX, INT64_MAX - 1]),
)


@given(
    st.lists(EDGE, min_size=1, max_size=3),
    st.lists(EDGE, min_size=3, max_size=3),
    EDGE,
)
@example([INT64_MAX], [1, 0, 0], 0)
@example([INT64_MAX], [1, 0, 0], 1)
@example([1], [INT64_MAX - 1, 0, 0], 1)
@example([1, 1], [2**62, 2**62, 0], 0)
@example([2**31], [2**32 - 1, 0, 0], 2**31 - 1)
def test_overflow_is_refused_exactly_when_a_sum_could_leave_64_bits(x, w, b):
    """With one unit and one row the worst case is the sum of the absolute terms."""
    w = w[: len(x)]
    network = one_layer([[v] for v in w], [b])
    reach = sum(abs(u * v) for u, v in zip(x, w, strict=True)) + abs(b)
    if reach > INT64_MAX:
        with pytest.raises(NetworkError, match="beyond exact 64-bit"):
            network.forward(np.array([x], dtype=np.int64))
        return
    z = network.forward(np.array([x], dtype=np.int64)).output
    assert z.tolist() == [[sum(u * v for u, v in zip(x, w, strict=True)) + b]]


@given(st.data())
def test_scales_beyond_64_bits_are_exact_or_refused(data):
    big = st.sampled_from([1, 3**30, 2**62, 2**63, 2**64 - 1, 10**25])
    small = st.integers(-1, 1)
    network = one_layer([[data.draw(small)]], [data.draw(small)], data.draw(big), data.draw(big))
    x, scale = data.draw(small), data.draw(big)
    try:
        forward = network.forward(np.array([[x]]), scale)
    except NetworkError:
        return
    layer = network.layers[0]
    expected = Fraction(x * int(layer.weights[0, 0]), scale * layer.scale)
    expected += Fraction(int(layer.bias[0]), layer.bias_scale)
    assert Fraction(int(forward.output[0, 0]), forward.output_unit) == expected


def test_large_products_are_exact_beyond_float():
    """2**53 + 1 is no float64: rounding would lose the last unit."""
    z = one_layer([[2**53], [1]], [0]).forward(np.array([[1, 1]])).output
    assert z.tolist() == [[2**53 + 1]]


def test_many_rows_are_cut_into_blocks():
    rng = np.random.default_rng(0)
    X = rng.integers(-5, 6, (300, 20_000), dtype=np.int8)
    W = rng.integers(-1, 2, (20_000, 2))
    assert (one_layer(W, [1, 2]).forward(X).output == X.astype(int) @ W + [1, 2]).all()


@pytest.mark.parametrize("activation", ["sign", "step"])
def test_zero_counts_as_positive(activation):
    arch = Architecture(1, (1,), 1, activation)
    network = Network(arch, (Layer(np.array([[1]]), np.array([0])),
                             Layer(np.array([[5]]), np.array([0]))))  # fmt: skip
    low = -5 if activation == "sign" else 0
    assert network.forward(np.array([[0], [-1], [1]])).output[:, 0].tolist() == [5, low, 5]


def test_relu_units_pass_exact_fractions_on():
    rng = np.random.default_rng(0)
    arch = Architecture(3, (4, 2), 2, "relu", skip_connections(3, [(0, 3), (1, 3)]))
    scales = ((10, 4), (7, 1), (100, 6))
    network = Network(
        arch,
        tuple(
            Layer(
                rng.integers(-20, 21, (arch.fan_in(k), arch.widths[k])),
                rng.integers(-20, 21, arch.widths[k]),
                *scales[k - 1],
            )
            for k in (1, 2, 3)
        ),
    )
    X = rng.integers(-9, 10, (20, 3))
    forward = network.forward(X, 5)
    for i, row in enumerate(X.tolist()):
        values = [[Fraction(x, 5) for x in row]]
        for k, layer in enumerate(network.layers, start=1):
            read = [v for c in arch.sources(k) for v in values[c.source]]
            z = [
                sum(v * Fraction(w, layer.scale) for v, w in zip(read, column, strict=True))
                + Fraction(b, layer.bias_scale)
                for column, b in zip(layer.weights.T.tolist(), layer.bias.tolist(), strict=True)
            ]
            assert z == [Fraction(v, forward.units[k - 1]) for v in forward.pre[k - 1][i].tolist()]
            values.append([max(v, Fraction(0)) for v in z])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: one_layer([[1.5]], [0]).layers, None),
        (lambda: Layer(np.array([[1.5]]), np.array([0])), "Weights must be integers, got float64"),
        (lambda: Layer(np.array([[1]]), np.array([0.5])), "Biases must be integers"),
        (lambda: Layer(np.array([1]), np.array([0])), "needs weights"),
        (lambda: Layer(np.array([[1]]), np.array([0, 1])), "needs weights"),
        (lambda: Layer(np.array([[1]]), np.array([0]), 0), "positive integers"),
        (lambda: Layer(np.array([[1]]), np.array([0]), 1, -2), "positive integers"),
        (lambda: Layer(np.array([[2**63]], dtype=np.uint64), np.array([0])), "64 bits"),
        (lambda: Network(Architecture(1, (1,), 1), ()), "1-1-1 needs 2 layers, got 0"),
        (
            lambda: Network(Architecture(2, (), 1), (Layer(np.array([[1]]), np.array([0])),)),
            r"Layer 1 of 2-1 needs weights \(2, 1\), got \(1, 1\)",
        ),
        (
            lambda: Network(
                Architecture(1, (), 2, "sign", (Connection(0, 1, np.array([[True, False]])),)),
                (Layer(np.array([[1, 1]]), np.array([0, 0])),),
            ),
            "weight on a missing arc",
        ),
    ][1:],
)
def test_malformed_networks(make, message):
    with pytest.raises(NetworkError, match=message):
        make()


@pytest.mark.parametrize("X", [np.zeros((2, 3), int), np.zeros(2, int)])
def test_the_wrong_number_of_features(X):
    with pytest.raises(NetworkError, match="reads 2 features"):
        one_layer([[1], [1]], [0]).forward(X)


def test_layers_cannot_be_written_and_do_not_follow_their_source():
    W = np.array([[1]])
    network = one_layer(W, [0])
    W[0, 0] = 9
    layer = Layer(W, np.array([0]))
    W[0, 0] = 7
    assert layer.weights[0, 0] == 9
    for array in (layer.weights, network.layers[0].bias):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 2


@given(st.data())
def test_sizes(draws, data):
    network = data.draw(any_network(draws.architectures))
    cells = [(int(v), a.scale) for a in network.layers for v in a.weights.ravel()]
    cells += [(int(v), a.bias_scale) for a in network.layers for v in a.bias]
    assert network.nonzeros == sum(v != 0 for v, _ in cells)
    assert network.l1 == sum(Fraction(abs(v), s) for v, s in cells)


def test_digest_sees_every_part():
    networks = [
        one_layer([[1], [2]], [3]),
        one_layer([[1], [2]], [4]),
        one_layer([[1], [3]], [3]),
        one_layer([[1], [2]], [3], scale=2),
        one_layer([[1], [2]], [3], bias_scale=2),
        one_layer([[1, 2]], [3, 3]),
    ]
    assert len({n.digest for n in networks}) == len(networks)
    assert one_layer([[1], [2]], [3]).digest == networks[0].digest


@given(st.data())
def test_networks_of_a_class_are_inside(draws, data):
    """Whatever is drawn is in the domain, its budget of upper values included."""
    problem = data.draw(draws.problems())
    network = data.draw(draws.network_of(problem))
    assert problem.outside(network) is None
    budget = problem.domain.budget(problem.architecture.n_weights)
    if budget is not None:
        # every layer on its own grid: with the fewest upper values if several fit
        upper = 0
        for k, layer in enumerate(network.layers, start=1):
            arcs = layer.weights[problem.architecture.mask(k)]
            upper += min(
                int((arcs == g.hi).sum()) for g in problem.domain.grids() if g.contains(arcs)
            )
        assert upper <= budget


@pytest.mark.parametrize(
    ("network", "domain", "reason"),
    [
        (one_layer([[2]], [0]), Integer(P=1), "layer 1 has weights outside integer[P=1] (scale 1)"),
        (one_layer([[0]], [1]), Binary(), "weights outside binary"),
        (one_layer([[1]], [0], scale=2), Integer(P=1), "weights outside integer[P=1] (scale 2)"),
        (one_layer([[1]], [2]), Integer(P=1), "layer 1 has biases outside integer[P=1]"),
        (one_layer([[1]], [-2]), Integer(P=1), "biases outside"),
        (one_layer([[1]], [-2]), Integer(P=1, bias="asymmetric"), None),
        (one_layer([[1]], [-3]), Integer(P=1, bias="asymmetric"), "biases outside"),
        (one_layer([[1]], [1], bias_scale=2), Integer(P=1), "biases outside"),
        (one_layer([[1]], [1]), Integer(P=1, bias="none"), "biases outside"),
        (one_layer([[1]], [999], bias_scale=7), Integer(P=1, bias="free"), None),
        (one_layer([[0]], [0]), Binary(bias="none"), "weights outside"),
        (one_layer([[0, 1]], [0, 0]), TwoValued(d=0, rhos=(-1, 0)), None),
        (one_layer([[-1, 1]], [0, 0]), TwoValued(d=0, rhos=(-1, 0)), "weights outside"),
        (
            one_layer([[1, 1]], [0, 0]),
            TwoValued(d=0, rhos=(0,), ones=0.5),
            "2 weights take the upper value",
        ),
        (one_layer([[0, 0]], [0, 0]), TwoValued(d=0, rhos=(-1, 0), ones=0.5), None),
        (
            # the biases single out the grid {-1, 0}, on which every weight is the upper value
            one_layer([[0, 0]], [-1, 0]),
            TwoValued(d=0, rhos=(-1, 0), ones=0.5, bias="same"),
            "2 weights take the upper value, two-valued",
        ),
    ],
)
def test_outside_says_what_is_wrong(network, domain, reason):
    found = network.outside(domain)
    assert found is None if reason is None else reason in found
