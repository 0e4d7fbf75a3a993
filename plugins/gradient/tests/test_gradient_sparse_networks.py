"""Networks, recipes and the training loop of the sparse torch modules."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from bnnbench_gradient.closed_form import QuantisationError
from bnnbench_gradient.sparse.augment import Augment, mixup
from bnnbench_gradient.sparse.codebook import Codebook
from bnnbench_gradient.sparse.fitting import Training, errors, fit
from bnnbench_gradient.sparse.layers import binarised
from bnnbench_gradient.sparse.masks import MaskRule, Reached
from bnnbench_gradient.sparse.networks import cnn_s, mlp, network
from bnnbench_gradient.sparse.post_training import quantise_model, use_real_weights
from bnnbench_gradient.sparse.recipes import CIFAR10, CIFAR100, cost
from bnnbench_gradient.sparse.values import Values
from torch.nn import functional

COUNTS = {
    "cnn-s": (3, 129_024),
    "vgg-small": (5, 4_571_136),
    "resnet-18": (16, 10_985_472),
    "reactnet-18": (16, 10_985_472),
}


@pytest.fixture(scope="module")
def digit_rows(digits):
    """Training, validation and test rows as tensors."""
    X = torch.tensor(np.asarray(digits.X) / 16, dtype=torch.float32)
    y = torch.tensor(np.asarray(digits.y))
    n = digits.sizes[0]
    return (X[: n - 200], y[: n - 200]), (X[n - 200 : n], y[n - 200 : n]), (X[n:], y[n:])


@pytest.mark.parametrize("name", COUNTS)
def test_shapes_counts_and_one_step(name):
    torch.manual_seed(0)
    model = network(name, 10, lambda: Values())
    layers = binarised(model)
    assert (len(layers), sum(a.latent.numel() for a in layers)) == COUNTS[name]
    MaskRule(0.05, "network").apply(model)
    assert Reached.of(model, 0.05).feasible
    outputs = model(torch.randn(2, 3, 32, 32))
    assert outputs.shape == (2, 10)
    functional.cross_entropy(outputs, torch.tensor([0, 1])).backward()
    for layer in layers:
        assert torch.isfinite(layer.latent.grad).all()
        assert layer.values.raw.grad is not None
        assert layer.values.shift.grad is not None
    assert sum(bool(layer.latent.grad.any()) for layer in layers) == len(layers)


def test_unknown_networks_are_refused():
    with pytest.raises(ValueError, match="cnn-s, vgg-small"):
        network("vgg-19", 10, lambda: Values())


def test_published_recipes():
    assert CIFAR10.trained_for(0.05).gamma == 0.07
    assert CIFAR10.trained_for(None).gamma is None
    assert CIFAR100.trained_for(0.01).gamma == 0.07
    assert CIFAR100.training.augment.rotation == 15
    assert (CIFAR10.training.epochs, CIFAR100.training.epochs) == (500, 300)
    with pytest.raises(KeyError):
        CIFAR10.trained_for(0.07)
    rates = [CIFAR10.training.rate(s, 10) for s in (0, 9, 10, 2500)]
    assert rates[0] == rates[1] == 1e-3
    assert rates[1] > rates[2]
    assert rates[3] == pytest.approx(5e-4)
    assert {a.values.surrogate for a in binarised(CIFAR10.build())} == {"ede"}


def images(rows):
    """The digits as images of one channel."""
    return rows[0].reshape(-1, 1, 8, 8), rows[1]


def test_a_short_run_of_the_small_convolutional_network(digit_rows):
    torch.manual_seed(0)
    model = cnn_s(1, 10, lambda: Values())
    rule = MaskRule(0.1, "network", floor=True)
    training = Training(epochs=4, rule=rule, mean=(0.3,), sd=(0.4,))
    fitted = fit(model, images(digit_rows[0]), training)
    assert fitted.reached.feasible
    assert fitted.raw == fitted.reached
    assert errors(model, training, images(digit_rows[2])) < 0.5  # 0.9 by chance


def test_a_penalty_that_fails_is_projected_and_both_are_reported(digit_rows):
    torch.manual_seed(0)
    model = mlp(64, (32,), 10, lambda: Values())
    training = Training(epochs=2, rule=MaskRule(0.05), gamma=0.05)
    fitted = fit(model, digit_rows[0], training)
    assert not fitted.raw.feasible
    assert fitted.raw.overall > 0.3
    assert fitted.reached.feasible
    assert fitted.reached.overall <= 0.05
    assert max(float(a.latent.detach().abs().max()) for a in binarised(model)) <= 1.5


def test_budgets_leave_latents_unclamped_and_keep_to_the_budget(digit_rows):
    torch.manual_seed(0)
    model = mlp(64, (32,), 10, lambda: Values())
    fitted = fit(model, digit_rows[0], Training(epochs=6, lr=0.05, rule=MaskRule(0.1)))
    assert fitted.raw.feasible
    assert max(float(a.latent.detach().abs().max()) for a in binarised(model)) > 1.5
    assert errors(model, Training(1), digit_rows[2]) < 0.2  # ten classes


def test_the_epoch_is_chosen_on_validation_rows(digit_rows):
    train, validation, _ = digit_rows
    training = Training(epochs=5, lr=0.1, rule=MaskRule(0.1))
    torch.manual_seed(1)
    model = mlp(64, (16,), 10, lambda: Values())
    fitted = fit(model, train, training, validation)
    assert 0 <= fitted.epoch < 5
    assert fitted.errors is not None
    torch.manual_seed(1)
    without = fit(mlp(64, (16,), 10, lambda: Values()), train, training)
    assert (without.epoch, without.errors) == (4, None)


def test_a_seed_decides_a_run(digit_rows):
    weights = []
    for _ in range(2):
        torch.manual_seed(3)
        model = mlp(64, (16,), 10, lambda: Values())
        fit(model, digit_rows[0], Training(epochs=1, rule=MaskRule(0.1), mixup=1.0), seed=4)
        weights.append(torch.cat([a.weight().reshape(-1) for a in binarised(model)]))
    assert torch.equal(*weights)


def test_a_codebook_trains_inside_a_network(digit_rows):
    torch.manual_seed(0)
    model = cnn_s(1, 10, lambda: Values())
    for layer in binarised(model):
        layer.codebook = Codebook(5)
    fitted = fit(model, images(digit_rows[0]), Training(epochs=2))
    assert fitted.raw.overall == pytest.approx(fitted.reached.overall, abs=0.01)
    with pytest.raises(QuantisationError, match="codebook"):
        fit(model, images(digit_rows[0]), Training(epochs=1, rule=MaskRule(0.1)))
    for layer in binarised(model):
        kernels = {tuple(k) for k in layer.mask.reshape(-1, 9).tolist()}
        assert len(kernels) <= 32
    assert errors(model, Training(1), images(digit_rows[2])) <= 0.3


@pytest.mark.parametrize("scope", ["layer", "network"])
def test_a_codebook_keeps_to_a_budget_after_the_penalty(digit_rows, scope):
    torch.manual_seed(0)
    model = cnn_s(1, 10, lambda: Values(), width=16)
    for layer in binarised(model):
        layer.codebook = Codebook(6)
    recipe = Training(epochs=2, rule=MaskRule(0.3, scope), gamma=0.3)
    fitted = fit(model, images(digit_rows[0]), recipe)
    assert fitted.raw.overall <= 0.45
    assert fitted.reached.feasible
    assert fitted.reached.overall >= 0.25
    for layer in binarised(model):
        assert len(layer.weight().unique()) == 2
        assert len({tuple(k) for k in layer.mask.reshape(-1, 9).tolist()}) <= 64
    assert errors(model, recipe, images(digit_rows[2])) <= 0.5
    with pytest.raises(QuantisationError, match="sparsest patterns"):
        MaskRule(0.01).charge(binarised(model))


def test_closed_form_after_float_training_keeps_order_of_domains(digit_rows):
    """At 90 % sparsity {alpha, beta} stays well above {-1, +1} (sbnn.md A.9.1)."""
    train, _, test = digit_rows
    found = {}
    torch.manual_seed(0)
    real = mlp(64, (64,), 10, lambda: Values())
    use_real_weights(real)
    fit(real, train, Training(epochs=10))
    for kind in ("two-valued", "symmetric", "ternary"):
        model = copy.deepcopy(real)
        sse = quantise_model(model, kind, 0.1, train[0])
        assert Reached.of(model, 0.1).feasible
        assert len(model[0].weight().unique()) == (3 if kind == "ternary" else 2)
        found[kind] = 1 - errors(model, Training(1), test), sse
    assert found["two-valued"][0] > found["symmetric"][0] + 0.1
    assert found["two-valued"][1] < found["symmetric"][1]
    assert found["ternary"][1] < found["two-valued"][1]


def test_one_closed_form_budget_for_all_layers(digit_rows):
    model = mlp(64, (16,), 10, lambda: Values())
    quantise_model(model, "two-valued", 0.1, digit_rows[0][0], scope="network")
    assert Reached.of(model, 0.1).feasible
    with pytest.raises(ValueError, match="not ternary"):
        quantise_model(model, "ternary", 0.1, digit_rows[0][0], scope="network")


def test_augmentation_keeps_shape_and_pixels():
    X = torch.arange(2 * 3 * 32 * 32, dtype=torch.float32).reshape(2, 3, 32, 32) + 1
    views = Augment()(X.repeat(8, 1, 1, 1), torch.Generator().manual_seed(0))
    assert views.shape == (16, 3, 32, 32)
    assert set(views.unique().tolist()) <= set(X.unique().tolist()) | {0.0}
    assert len({tuple(v.reshape(-1)[:40].tolist()) for v in views}) > 8
    turned = Augment(rotation=15.0)(torch.ones(4, 3, 32, 32), torch.Generator().manual_seed(0))
    assert turned.shape == (4, 3, 32, 32)
    assert turned[:, :, 16, 16].mean() > 0.9


def test_mixup_is_a_convex_combination_with_its_loss():
    X, y = torch.randn(8, 3), torch.arange(8) % 3
    mixed = mixup(X, y, 1.0, torch.Generator().manual_seed(0))
    assert 0 < mixed.lam < 1
    outputs = torch.randn(8, 3)
    each = [functional.cross_entropy(outputs, labels) for labels in (mixed.first, mixed.second)]
    expected = mixed.lam * each[0] + (1 - mixed.lam) * each[1]
    assert mixed.loss(outputs).item() == pytest.approx(expected.item())
    plain = mixup(X, y, 0, torch.Generator())
    assert torch.equal(plain.inputs, X)
    assert plain.lam == 1


def test_costs_of_a_convolutional_network():
    model = cnn_s(3, 10, lambda: Values())
    MaskRule(0.05).apply(model)
    figures = cost(model, torch.randn(1, 3, 32, 32))
    assert [a.positions for a in figures.layers] == [256, 256, 64]
    assert figures.total("dense_bops") == 256 * 288 * 64 + 256 * 576 * 64 + 64 * 576 * 128
    assert figures.sparsity == pytest.approx(0.95, abs=1e-3)
    plain = cost(mlp(64, (16,), 10, lambda: Values()), torch.randn(1, 64), input_bits=4)
    assert [a.input_bits for a in plain.layers] == [4, 1]
