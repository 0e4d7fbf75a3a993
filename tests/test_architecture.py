from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, Connection, random_masks, skip_connections
from bnnbench.errors import ProblemError


def test_a_plain_chain():
    arch = Architecture(30, (16, 4), 2)
    assert arch.widths == (30, 16, 4, 2)
    assert arch.depth == 3
    assert arch.dense
    assert arch.n_weights == 30 * 16 + 16 * 4 + 4 * 2
    assert [arch.fan_in(k) for k in (1, 2, 3)] == [30, 16, 4]
    assert arch.text == "30-16-4-2"
    assert arch.mask(2).shape == (16, 4)


def test_skips_stack_their_sources():
    arch = Architecture(3, (2, 2), 1, "step", skip_connections(3, [(0, 3), (1, 3)]))
    assert [c.source for c in arch.sources(3)] == [0, 1, 2]
    assert arch.fan_in(3) == 3 + 2 + 2
    assert not arch.dense
    assert arch.text == "3-2-2-1+step+0>3+1>3"
    assert arch.n_weights == 6 + 4 + 7


def test_a_chain_may_be_broken():
    arch = Architecture(2, (2,), 1, connections=(Connection(0, 1), Connection(0, 2)))
    assert arch.text == "2-2-1+0>2+no1>2"


def test_masks_tell_topologies_apart():
    one, other = np.eye(2, dtype=bool), ~np.eye(2, dtype=bool)
    texts = {
        Architecture(2, (), 2, connections=(Connection(0, 1, m),)).text for m in (one, other, None)
    }
    assert len(texts) == 3
    arch = Architecture(2, (), 2, connections=(Connection(0, 1, one),))
    assert arch.n_weights == 2
    assert arch.mask(1).tolist() == one.tolist()


def test_the_order_of_connections_means_nothing():
    pairs = skip_connections(2, [(0, 2)])
    assert Architecture(2, (2,), 1, "sign", pairs).text == (
        Architecture(2, (2,), 1, "sign", pairs[::-1]).text
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, (0,), 1), r"at least one unit, got widths \(2, 0, 1\)"),
        ((0, (), 1), "at least one unit"),
        ((2, (), 1, "tanh"), "must be one of 'sign', 'step', 'relu', got 'tanh'"),
        ((2, (), 1, "sign", (Connection(1, 1),)), r"forward between layers 0\.\.1, got 1 -> 1"),
        ((2, (), 1, "sign", (Connection(0, 2),)), "forward between layers"),
        ((2, (), 1, "sign", (Connection(-1, 1),)), "forward between layers"),
        ((2, (2,), 1, "sign", (Connection(0, 2),)), "Layer 1 has no incoming"),
        ((2, (), 1, "sign", (Connection(0, 1), Connection(0, 1))), "Two connections join"),
        (
            (2, (), 1, "sign", (Connection(0, 1, np.ones((1, 2), bool)),)),
            r"shape \(2, 1\), got \(1, 2\)",
        ),
    ],
)
def test_topologies_that_make_no_sense(arguments, message):
    with pytest.raises(ProblemError, match=message):
        Architecture(*arguments)


@given(st.data())
def test_n_weights_counts_the_arcs(draws, data):
    arch = data.draw(draws.architectures(2, 2))
    arcs = 0
    for c in arch.connections:
        full = arch.widths[c.source] * arch.widths[c.target]
        arcs += full if c.mask is None else int(c.mask.sum())
    assert arch.n_weights == arcs


@given(st.floats(0.01, 1), st.integers(0, 99), st.integers(1, 6), st.integers(1, 6))
def test_random_masks_leave_every_unit_an_arc(density, seed, inputs, width):
    plain = Architecture(inputs, (width,), 2)
    first = random_masks(plain, density, seed)
    again = random_masks(plain, density, seed)
    for c, d in zip(first, again, strict=True):
        assert c.mask.any(axis=0).all()
        assert (c.mask == d.mask).all()
    if density == 1:
        assert all(c.mask.all() for c in first)


def test_random_masks_keep_about_the_share_asked_for():
    mask = random_masks(Architecture(100, (), 100), 0.3, 1)[0].mask
    assert 0.27 < mask.mean() < 0.34


@pytest.mark.parametrize("density", [0, -1, 1.5])
def test_densities_out_of_range(density):
    with pytest.raises(ProblemError, match=r"\(0, 1\]"):
        random_masks(Architecture(2, (), 2), density, 0)
