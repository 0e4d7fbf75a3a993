"""Layers, masks and the penalty of the sparse torch modules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bnnbench_gradient.closed_form import QuantisationError
from bnnbench_gradient.sparse.codebook import PERIOD, Codebook
from bnnbench_gradient.sparse.layers import BinaryConv2d, BinaryLinear
from bnnbench_gradient.sparse.masks import MaskRule, Reached, largest
from bnnbench_gradient.sparse.penalty import clamp, counted, penalty
from bnnbench_gradient.sparse.surrogates import Sign, ede_sharpness, slope, through
from bnnbench_gradient.sparse.values import KINDS, Values
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional


def layers_of(kind="two-valued", shapes=((4, 6), (3, 4)), seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(*(BinaryLinear(i, o, Values(kind)) for o, i in shapes))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_take_the_values_of_their_domain(kind):
    model = layers_of(kind)
    MaskRule(0.25).apply(model)
    for layer in model:
        W, mask, values = layer.weight().detach(), layer.mask, layer.values
        assert int(mask.sum()) == layer.latent.numel() // 4
        if kind == "ternary":
            assert torch.equal(W != 0, mask)
            assert torch.equal(W[mask], values.beta * layer.latent[mask].sign())
        else:
            assert set(W[mask].tolist()) == {values.beta}
            assert set(W[~mask].tolist()) == {values.alpha}
    start = {"two-valued": (-1, 1), "symmetric": (-1, 1), "zero-one": (0, 1), "ternary": (0, 1)}
    assert (values.alpha, values.beta) == start[kind]


def test_gradients_of_tau_phi_and_latents_are_those_of_the_parametrisation():
    """d/d tau = sum s g, d/d phi = sum g, and identity times tau to the latents (sbnn.md A.3)."""
    layer = BinaryLinear(6, 4, Values())
    with torch.no_grad():
        layer.values.raw.fill_(-2.0)
        layer.values.shift.fill_(0.5)
    g = torch.randn(4, 6)
    (layer.weight() * g).sum().backward()
    s = layer.mask.float() * 2 - 1
    assert layer.values.tau.item() == 2.0
    assert layer.values.raw.grad.item() == pytest.approx(-(s * g).sum().item(), rel=1e-5)
    assert layer.values.shift.grad.item() == pytest.approx(g.sum().item(), rel=1e-5, abs=1e-5)
    assert torch.allclose(layer.latent.grad, 2 * g)
    assert layer.values.beta > layer.values.alpha


def test_a_weight_of_zero_is_alpha_and_counts_as_alpha():
    layer = BinaryLinear(3, 1, Values())
    layer.latent.data = torch.tensor([[0.0, 1.0, -1.0]])
    MaskRule().apply(layer)
    assert layer.weight().tolist() == [[-1, 1, -1]]
    assert Reached.of(layer).ones == (1,)


@given(seed=st.integers(0, 999), share=st.sampled_from([0.05, 0.1, 0.3, 0.9]), tied=st.booleans())
@settings(max_examples=40, deadline=None)
def test_layer_and_network_budgets_take_the_largest_first_of_equal(seed, share, tied):
    model = layers_of(seed=seed)
    if tied:
        for layer in model:
            layer.latent.data = torch.round(layer.latent.data * 20)
    MaskRule(share).apply(model)
    for layer in model:
        w, k = layer.latent.detach().reshape(-1), int(share * layer.latent.numel() + 1e-9)
        order = sorted(range(len(w)), key=lambda i: (-float(w[i]), i))[:k]
        assert torch.nonzero(layer.mask.reshape(-1)).reshape(-1).tolist() == sorted(order)
    MaskRule(share, "network", scaled=False).apply(model)
    pool = torch.cat([layer.latent.detach().reshape(-1) for layer in model])
    mask = torch.cat([layer.mask.reshape(-1) for layer in model])
    assert int(mask.sum()) == int(share * 36 + 1e-9)
    if mask.any():
        assert pool[mask].min() >= pool[~mask].max()


def test_scaled_scores_let_a_layer_of_small_latents_have_its_share():
    model = layers_of(shapes=((10, 10), (10, 10)))
    model[0].latent.data *= 100
    MaskRule(0.1, "network", scaled=False).apply(model)
    assert Reached.of(model).fractions == (0.2, 0.0)
    assert Reached.of(model).smallest == 0
    MaskRule(0.1, "network").apply(model)
    assert 0.05 <= Reached.of(model).smallest <= 0.1


def test_a_floor_leaves_every_output_a_one():
    model = layers_of(shapes=((10, 10), (10, 10)))
    model[0].latent.data *= 100
    MaskRule(0.15, "network", scaled=False, floor=True).apply(model)
    assert all(layer.mask.any(dim=1).all() for layer in model)
    assert sum(Reached.of(model).ones) == 30
    with pytest.raises(QuantisationError, match="2 ones more"):
        MaskRule(0.09, "network", floor=True).apply(model)


def test_feasibility_is_counted_exactly_and_apart():
    reached = Reached((3, 0), (20, 10), 0.1)
    assert (reached.feasible, reached.excess, reached.smallest) == (True, 0, 0)
    over = Reached((4, 0), (20, 10), 0.1)
    assert not over.feasible
    assert over.excess == pytest.approx(1 / 30)
    assert Reached((30,), (30,)).feasible
    assert not Reached((30,), (30,), 0.5).feasible


def test_largest_breaks_ties_by_index():
    assert largest(torch.tensor([1.0, 2.0, 1.0, 1.0]), 2).tolist() == [True, True, False, False]
    assert not largest(torch.zeros(3), 0).any()


@given(
    gamma=st.floats(0.01, 0.9),
    share=st.sampled_from([0.05, 0.25, 0.5, 0.9]),
    loss=st.floats(0.01, 10.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_the_penalty_has_the_released_value_and_gradient(gamma, share, loss, seed):
    rng = np.random.default_rng(seed)
    latents = [torch.tensor(rng.normal(size=n), dtype=torch.float64) for n in (7, 13)]
    L = torch.tensor(loss, dtype=torch.float64, requires_grad=True)
    ones = sum(int((w > 0).sum()) for w in latents)
    h = ones / 20 - share
    layers = [BinaryLinear(1, len(w), Values()) for w in latents]
    for layer, w in zip(layers, latents, strict=True):
        layer.latent = nn.Parameter(w[:, None].detach())
    value = penalty(L, [counted(layer) for layer in layers], share, gamma)
    if h <= 1e-4:
        assert value.item() == 0
        return
    assert value.item() == pytest.approx(gamma / (1 - gamma) * loss)
    value.backward()
    for layer in layers:
        push = gamma * loss / (2 * (1 - gamma) * h * 20)
        grad = layer.latent.grad.reshape(-1).tolist()
        assert grad == pytest.approx([push] * len(grad))
    assert L.grad is None


def test_clamping_ties_latents_which_is_why_budgets_do_not_clamp():
    w = torch.tensor([3.0, 2.0, -4.0])
    clamp([w])
    assert w.tolist() == [1.5, 1.5, -1.5]


def test_surrogates_have_the_printed_slopes():
    t = torch.tensor([-1.5, -1.0, -0.25, 0.0, 0.5, 1.5], dtype=torch.float64)
    assert slope(t, "identity") is None
    assert slope(t, "hard").tolist() == [0, 1, 1, 1, 1, 0]
    assert slope(t, "react").tolist() == [0, 0, 1.5, 2, 1, 0]
    assert (ede_sharpness(0, 10), ede_sharpness(5, 10)) == pytest.approx((0.1, 1.0))
    for f in (0.1, 5.0):
        expected = max(1 / f, 1) * f * (1 - torch.tanh(f * t) ** 2)
        assert torch.allclose(slope(t, "ede", f), expected)


def test_the_sign_of_zero_is_one_and_the_gradient_is_the_surrogates():
    t = torch.tensor([-2.0, -0.5, 0.0, 0.5], requires_grad=True)
    signs = Sign("react")(t)
    assert signs.tolist() == [-1, -1, 1, 1]
    signs.sum().backward()
    assert t.grad.tolist() == [0, 1, 2, 1]
    codes = torch.tensor([1.0, 0.0, -1.0, 1.0])
    assert torch.equal(through(t, codes), codes)


def test_a_border_tap_counts_for_nothing():
    """Zero padding after the activation: sums over valid taps only (sbnn.md A.6)."""
    conv = BinaryConv2d(2, 3, Values())
    with torch.no_grad():
        conv.values.shift.fill_(0.7)
    x = torch.ones(1, 2, 4, 4)
    corner = conv(x)[0, :, 0, 0]
    assert torch.allclose(corner, conv.weight()[:, :, 1:, 1:].sum(dim=(1, 2, 3)))
    plain = functional.conv2d(x, conv.weight(), padding=1)
    assert torch.equal(conv(x), plain)


def test_codebook_kernels_are_the_nearest_patterns():
    book, latent = Codebook(4), torch.randn(5, 6, 3, 3)
    codes = book(latent).detach()
    patterns = book.signs
    assert len({tuple(p) for p in patterns.tolist()}) == 16
    distance = torch.cdist(latent.reshape(-1, 9), patterns)
    assert torch.equal(codes.reshape(-1, 9), patterns[distance.argmin(dim=1)])
    assert len({tuple(k) for k in codes.reshape(-1, 9).tolist()}) <= 16


def test_codebook_patterns_learn_every_25th_pass_and_duplicates_are_replaced():
    book = Codebook(4)
    latent = torch.randn(8, 8, 3, 3, requires_grad=True)
    taught = []
    for _ in range(PERIOD + 1):
        book.zero_grad()
        book(latent).sum().backward()
        taught.append(book.patterns.grad is not None)
    assert [i for i, t in enumerate(taught) if t] == [0, PERIOD]
    assert torch.equal(latent.grad != 0, latent.abs() <= 1)
    with torch.no_grad():
        book.patterns[1:5] = book.patterns[0]
    book.refresh()
    assert len({tuple(p) for p in book.signs.tolist()}) == 16


def test_a_pattern_entry_near_zero_keeps_its_last_sign():
    book = Codebook(4).eval()
    before = book.signs.clone()
    with torch.no_grad():
        book.patterns[0, 0] = -before[0, 0] * 5e-4
        book.patterns[0, 1] = -before[0, 1] * 9.0
    book(torch.randn(1, 1, 3, 3))
    assert book.signs[0, 0] == before[0, 0]
    assert book.signs[0, 1] == -before[0, 1]
    assert book.patterns[0, 1].abs() == 3


def test_a_codebook_needs_a_sensible_size():
    with pytest.raises(ValueError, match="1 to 9 bits"):
        Codebook(10)
