from __future__ import annotations

import numpy as np
import pytest
import torch
from bnnbench_gradient.quantise import Quantiser, Quota, grid_quantiser
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench.domain import Binary, FixedPoint, Grid, Integer, TwoValued


def quantiser(grid: Grid, **more) -> Quantiser:
    return grid_quantiser(torch.tensor([[float(grid.lo)]], dtype=torch.float64), grid, **more)


def test_integers_round_halves_up_and_are_clipped():
    values = quantiser(Integer(P=2).grids()[0])
    latents = torch.tensor([[-3.0, -1.5, -0.5, -0.49, 0.5, 1.49, 1.5, 9.0]], dtype=torch.float64)
    assert values(latents).tolist() == [[-2, -1, 0, 0, 1, 1, 2, 2]]


def test_two_values_take_the_upper_one_at_zero():
    latents = torch.tensor([[-1e-9, 0.0, 1e-9]], dtype=torch.float64)
    assert quantiser(Binary().grids()[0])(latents).tolist() == [[-1, 1, 1]]
    assert quantiser(TwoValued(rhos=-3).grids()[0])(latents).tolist() == [[-3, 5, 5]]


GRIDS = [
    Integer(P=1).grids()[0],
    Integer(P=15).grids()[0],
    Binary().grids()[0],
    FixedPoint(decimals=2).grids()[0],
    TwoValued(rhos=-1).grids()[0],
    Integer(P=1, bias="asymmetric").bias_grid(Grid(-1, 1)),
    Binary(bias="asymmetric").bias_grid(Grid(-1, 1, 2)),
]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@given(latents=st.lists(st.floats(-40, 40), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_values_are_on_the_grid_before_and_after_clipping(grid, latents):
    values, V = quantiser(grid), torch.tensor([latents], dtype=torch.float64)
    before = values(V)
    assert grid.contains(before.to(torch.int64).numpy())
    values.clip_(V)
    assert torch.equal(values(V), before)


def test_every_value_of_a_grid_can_be_reached():
    for grid in GRIDS:
        values, V = quantiser(grid), torch.linspace(-16, 16, 20001, dtype=torch.float64)[None]
        values.clip_(V)
        assert set(np.unique(values(V).numpy())) == set(grid.values.tolist())


@given(seed=st.integers(0, 10**6), budget=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_a_budget_goes_to_the_largest_positive_latents_of_existing_arcs(seed, budget):
    rng = np.random.default_rng(seed)
    V, arcs = rng.normal(size=(3, 10)), rng.random(10) < 0.7
    quotas = (Quota(slice(0, 10), budget),)
    values = quantiser(Grid(0, 8, 8, 8), quotas=quotas, arcs=torch.tensor(arcs, dtype=torch.double))
    got = values(torch.tensor(V)).numpy()
    for row, latents in zip(got, V, strict=True):
        ranked = sorted(latents[arcs & (latents >= 0)])[-budget:]
        assert sorted(latents[row == 8]) == ranked


def test_exact_quotas_are_spent_per_block_whatever_the_sign():
    V = torch.tensor([[-3.0, -1.0, -2.0, 5.0, 4.0, 3.0]], dtype=torch.float64)
    quotas = (Quota(slice(0, 3), 1, exactly=True), Quota(slice(3, 6), 2, exactly=True))
    values = quantiser(Grid(-4, 4, 8, 8), quotas=quotas)
    assert values(V).tolist() == [[-4, 4, -4, 4, 4, -4]]
    values.clip_(V)
    assert V.max() == 5
