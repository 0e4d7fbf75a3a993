from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from bnnbench_gradient.adam import Adam
from bnnbench_gradient.losses import LOSSES
from bnnbench_gradient.rounds import Round
from bnnbench_gradient.ste import Ste
from bnnbench_gradient.thresholds import folded
from bnnbench_gradient.training import Trainer
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, random_masks, skip_connections
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.objectives import Errors, SquaredHinge
from bnnbench.problem import Problem

DOMAINS = [
    Integer(P=1),
    Integer(P=3, bias="asymmetric"),
    Integer(P=1, bias="none"),
    Binary(),
    Binary(bias="asymmetric"),
    FixedPoint(decimals=1),
    TwoValued(bias="same"),
    TwoValued(bias="none", ones=0.3),
]
FREE = [Integer(P=1, bias="free"), Binary(bias="free"), TwoValued(), TwoValued(ones=0.25)]


def trained(problem: Problem, seed: int = 0, models: int = 3, **fields) -> Round:
    solver = Ste(**{"epochs": 3, "batch": 16, **fields})
    current = Trainer(problem, solver.recipe(problem)).start(seed, range(models))
    assert current.run()
    return current


@st.composite
def topologies(draw, inputs: int, outputs: int) -> Architecture:
    hidden = tuple(draw(st.lists(st.integers(1, 5), max_size=3)))
    depth = len(hidden) + 1
    pairs = [(s, t) for s in range(depth) for t in range(s + 2, depth + 1)]
    skips = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    activation = draw(st.sampled_from(["sign", "step"]))
    plain = Architecture(inputs, hidden, outputs, activation, skip_connections(depth, skips))
    if not draw(st.booleans()):
        return plain
    masks = random_masks(plain, draw(st.floats(0.3, 0.9)), draw(st.integers(0, 99)))
    return Architecture(inputs, hidden, outputs, activation, masks)


@given(data=st.data(), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_trained_networks_compute_what_was_trained(data, seed, small):
    """Every pre-activation of every layer on every training row, exactly; and the class is kept."""
    q = data.draw(st.sampled_from([2, 3]))
    outputs = data.draw(st.sampled_from([1, 2])) if q == 2 else q
    dataset = small(seed, n=50, q=q, scale=data.draw(st.sampled_from([1, 100])))
    domain = data.draw(st.sampled_from(DOMAINS))
    objective = data.draw(st.sampled_from([Errors(), SquaredHinge()]))
    problem = Problem(dataset, data.draw(topologies(5, outputs)), domain, objective)
    current = trained(problem, seed)
    trainer = current.trainer
    steps = trainer.stack.forward(*current.quantised(), trainer.X.expand(3, *trainer.X.shape))
    for k in range(3):
        network = current.network(k)
        assert problem.outside(network) is None
        exact = network.forward(dataset.part("train")[0], dataset.scale)
        for step, pre in zip(steps, exact.pre, strict=True):
            assert np.array_equal(step.pre[k].numpy(), pre)


@given(data=st.data(), seed=st.integers(0, 10**6), domain=st.sampled_from(FREE))
@settings(max_examples=30, deadline=None)
def test_free_thresholds_keep_the_decisions_of_population_normalisation(data, seed, domain, small):
    dataset = small(seed, n=50, scale=data.draw(st.sampled_from([1, 100])))
    problem = Problem(dataset, data.draw(topologies(5, 3)), domain, Errors())
    current = trained(problem, seed, precision="float64")
    trainer = current.trainer
    steps = trainer.stack.forward(*current.quantised(), trainer.X.expand(3, *trainer.X.shape))
    for k in range(3):
        network = current.network(k)
        assert problem.outside(network) is None
        exact = network.forward(dataset.part("train")[0], dataset.scale)
        for step, pre in zip(steps, exact.pre, strict=True):
            assert np.array_equal(step.pre[k].numpy() >= 0, pre >= 0)


@given(
    column=st.lists(st.integers(-50, 50), min_size=2, max_size=20),
    d=st.floats(-3, 3),
    unit=st.sampled_from([1, 8]),
)
@settings(deadline=None)
def test_folding_is_exact_for_every_integer(column, d, unit):
    pre = np.array(column)[:, None]
    b = int(folded(pre, np.array([d]), unit)[0])
    mean, sigma = Fraction(float(pre.mean())), Fraction(float(pre.std() + 1e-5 * unit))
    for z in range(-200, 201):
        assert (z + b >= 0) == (z - mean + Fraction(d) * sigma >= 0)


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-hinge"])
@pytest.mark.parametrize("domain", [Integer(P=1), Binary(), *FREE], ids=lambda d: str(d.spec))
def test_a_model_does_not_depend_on_its_neighbours(domain, loss, small):
    problem = Problem(small(3), Architecture(5, (6, 4), 3), domain, Errors())
    fields = {"loss": loss, "precision": "float64", "epochs": 8}
    together = trained(problem, seed=7, models=8, **fields)
    trainer = together.trainer
    for k in range(8):
        alone = trainer.start(7, [k])
        alone.run()
        assert alone.network(0).digest == together.network(k).digest


def test_batched_and_single_decisions_agree_in_float32_on_digits(digits, problem_of):
    problem = problem_of(digits, 16)
    together = trained(problem, models=32, epochs=1, batch=64)
    X, _ = digits.part("train")
    for k in (0, 13, 31):
        alone = together.trainer.start(0, [k])
        alone.run()
        same = together.network(k).forward(X).output == alone.network(0).forward(X).output
        assert same.mean() > 0.99


def test_the_update_is_adam_with_a_cosine_rate():
    rates, steps = torch.tensor([0.05, 0.003], dtype=torch.float64), 20
    start = torch.randn(2, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    stacked = start.clone()
    ours = Adam(stacked, rates, steps)
    rows = [start[k].clone().requires_grad_() for k in range(2)]
    theirs = [
        torch.optim.Adam([row], lr=rate.item()) for row, rate in zip(rows, rates, strict=True)
    ]
    cosine = [torch.optim.lr_scheduler.CosineAnnealingLR(each, steps) for each in theirs]
    for _ in range(steps):
        ours.step(torch.sin(3 * stacked))
        for row, optimiser, schedule in zip(rows, theirs, cosine, strict=True):
            row.grad = torch.sin(3 * row.detach())
            optimiser.step()
            schedule.step()
    torch.testing.assert_close(stacked, torch.stack(rows).detach(), rtol=1e-9, atol=1e-12)


class _Sign(torch.autograd.Function):
    """The activation of the reference: sign or step forward, a window of width sigma backward."""

    @staticmethod
    def forward(ctx, z, sigma, low):
        ctx.save_for_backward(z, sigma)
        ctx.low = low
        return torch.where(z >= 0, 1.0, float(low)).to(z.dtype)

    @staticmethod
    def backward(ctx, gradient):
        z, sigma = ctx.saved_tensors
        return gradient * ((z / sigma).abs() <= 1) / sigma * (1 - ctx.low) / 2, None, None


def reference_loss(problem, loss, weights, biases, theta, X, signs):
    """Loss of one model on feature values (not numerators), for automatic differentiation."""
    arch = problem.architecture
    low = -1 if arch.activation == "sign" else 0
    values = [X / problem.dataset.scale]
    for k in range(1, arch.depth + 1):
        a = torch.cat([values[c.source] for c in arch.sources(k)], dim=1)
        z = a @ (weights[k - 1] * torch.tensor(arch.mask(k))) + biases[k - 1]
        if k < arch.depth:
            sigma = (z.std(dim=0, correction=0) + 1e-5).detach()
            values.append(_Sign.apply(z, sigma, low))
    size = 1.0
    for c in arch.sources(arch.depth):
        everything = torch.as_tensor(problem.dataset.part("train")[0] / problem.dataset.scale)
        size += arch.widths[c.source] if c.source else everything.square().mean(0).sum().item()
    o = theta.exp() * z / size**0.5
    if loss == "squared-hinge":
        return (1 - signs * o).clamp(min=0).square().sum(1).mean()
    if o.shape[1] == 1:
        return torch.nn.functional.softplus(-signs * o).mean()
    return torch.nn.functional.cross_entropy(o, signs.argmax(1))


@given(data=st.data(), seed=st.integers(0, 10**6), loss=st.sampled_from(sorted(LOSSES)))
@settings(max_examples=40, deadline=None)
def test_gradients_are_those_of_automatic_differentiation(data, seed, loss, small):
    q = data.draw(st.sampled_from([2, 3]))
    arch = data.draw(topologies(5, 1 if q == 2 else 3))
    problem = Problem(small(seed, n=40, q=q, scale=10), arch, Integer(P=2), Errors())
    recipe = Ste(loss=loss, precision="float64").recipe(problem)
    trainer = Trainer(problem, recipe)
    current = trainer.start(seed, range(2))
    stack, X, signs = trainer.stack, trainer.X, trainer.signs
    weights, biases = current.quantised()
    theta = torch.tensor([0.3, -0.2], dtype=torch.float64)
    steps = stack.forward(weights, biases, X.expand(2, *X.shape))
    values, at_outputs = LOSSES[loss](stack.outputs(steps[-1], theta), signs.expand(2, -1, -1))
    factor = (theta.exp() / stack.output_divisor)[:, None, None]
    got = torch.zeros(2, trainer.layout.size, dtype=torch.float64)
    stack.backward(steps, at_outputs * factor, got)
    for k in range(2):
        places = trainer.layout.layers
        W = [weights[k, p.weights].reshape(p.shape).clone().requires_grad_() for p in places]
        B = [biases[k, p.biases].clone().requires_grad_() for p in places]
        wanted = reference_loss(problem, loss, W, B, theta[k], X, signs)
        wanted.backward()
        assert float(values[k]) == pytest.approx(wanted.item())
        n = trainer.layout.n_weights
        for layer, (p, w, b) in enumerate(zip(places, W, B, strict=True), start=1):
            mask = torch.tensor(arch.mask(layer))
            want = torch.zeros_like(w) if w.grad is None else w.grad
            block = got[k, p.weights].reshape(p.shape)
            torch.testing.assert_close(block * mask, want, rtol=1e-4, atol=1e-9)
            want = torch.zeros_like(b) if b.grad is None else b.grad
            shifts = got[k, n + p.biases.start : n + p.biases.stop]
            torch.testing.assert_close(shifts, want, rtol=1e-4, atol=1e-9)
