from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.domain import DOMAINS, Binary, FixedPoint, Grid, Integer, TwoValued
from bnnbench.errors import ProblemError, SpecError
from bnnbench.network import Layer, Network, storage_bits
from bnnbench.suite.cell import parse_domain


def numbers(domain):
    """Per grid the values themselves."""
    return [[Fraction(int(v), g.scale) for v in g.values] for g in domain.grids()]


def test_values():
    half = Fraction(1, 2)
    assert numbers(Integer(P=2)) == [[-2, -1, 0, 1, 2]]
    assert numbers(Binary()) == [[-1, 1]]
    assert numbers(FixedPoint(bound=1, decimals=1))[0][::5] == [-1, -half, 0, half, 1]
    assert numbers(TwoValued(d=1, rhos=(-1, 0))) == [[-half, half], [0, 1]]


def test_bias_rules():
    grid = Integer(P=3).grids()[0]
    assert Integer(P=3).bias_grid(grid) == grid
    assert Integer(P=3, bias="asymmetric").bias_grid(grid).values.tolist() == list(range(-4, 4))
    assert Binary(bias="asymmetric").bias_grid(Grid(-1, 1, 2)).values.tolist() == [-3, -1, 1]
    assert Integer(bias="free").bias_grid(grid) is None
    assert Integer(bias="none").bias_grid(grid) is None


@given(st.data())
def test_a_spec_gives_the_domain_back(draws, data):
    domain = data.draw(draws.domains())
    assert parse_domain(str(domain.spec)) == domain


@given(st.data())
def test_grids(draws, data):
    domain = data.draw(draws.domains())
    largest = Fraction(0)
    for grid in domain.grids():
        assert grid.scale == domain.scale
        assert len(grid.values) == grid.size
        assert (grid.values[0], grid.values[-1]) == (grid.lo, grid.hi)
        assert grid.contains(grid.values)
        assert not grid.contains(np.array([grid.hi + grid.step]))
        assert not grid.contains(np.array([grid.lo - 1]))
        largest = max(largest, *(abs(Fraction(int(v), grid.scale)) for v in grid.values))
        assert domain.layer_grid(grid.values).contains(grid.values)
    assert domain.largest == largest


@pytest.mark.parametrize(
    ("domain", "bits"),
    [(Integer(P=1), 2), (Integer(P=3), 3), (Integer(P=7), 4), (Integer(P=15), 5), (Binary(), 1),
     (TwoValued(), 1), (FixedPoint(bound=1, decimals=0), 2), (FixedPoint(), 15)],
)  # fmt: skip
def test_bits(domain, bits):
    """For integers floor(log2 P) + 2 (inn.md section 1)."""
    assert domain.bits == bits


def test_published_memory_of_a_network():
    """108-16-2 has 1778 parameters: 444.5 B at P = 1 and 1111.25 B at P = 15 (inn.md section 1)."""
    from bnnbench.architecture import Architecture

    arch = Architecture(108, (16,), 2)
    layers = tuple(
        Layer(np.zeros((arch.fan_in(k), arch.widths[k]), int), np.zeros(arch.widths[k], int))
        for k in (1, 2)
    )
    network = Network(arch, layers)
    assert storage_bits(network, Integer(P=1)) / 8 == 444.5
    assert storage_bits(network, Integer(P=15)) / 8 == 1111.25
    assert storage_bits(network, Integer(P=1, bias="none")) == 2 * 1760


def test_free_thresholds_cost_the_bits_of_the_largest():
    from bnnbench.architecture import Architecture

    network = Network(Architecture(2, (), 2), (Layer(np.ones((2, 2), int), np.array([-5, 2])),))
    assert storage_bits(network, Binary(bias="free")) == 4 + 2 * (3 + 1)


@pytest.mark.parametrize(
    ("ones", "n", "budget"), [(1.0, 9, None), (0.5, 9, 4), (0.1, 30, 3), (0.29, 100, 29)]
)
def test_budget_is_rounded_down_exactly(ones, n, budget):
    assert TwoValued(ones=ones).budget(n) == budget


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("integer[P=0]", ProblemError, "positive integer, got 0"),
        ("integer[bias=odd]", SpecError, "bias"),
        ("integer[Q=1]", SpecError, "no parameter 'Q'. Known: P, bias"),
        ("fixed-point[decimals=10]", ProblemError, r"0\.\.9"),
        ("fixed-point[bound=0]", ProblemError, "positive integer"),
        ("two-valued[ones=0]", ProblemError, r"\(0, 1\]"),
        ("two-valued[d=13]", ProblemError, r"0\.\.12"),
        ("two-valued[rhos=()]", ProblemError, "must not be empty"),
        ("ternary", SpecError, "no weight domain 'ternary'"),
        ("intger", SpecError, "Did you mean 'integer'"),
    ],
)
def test_what_is_no_domain(text, error, message):
    with pytest.raises(error, match=message):
        parse_domain(text)


def test_a_wrong_bias_rule_by_hand():
    with pytest.raises(ProblemError, match="same, asymmetric, free or none, got 'odd'"):
        Integer(bias="odd")


def test_no_bias_is_written_as_a_word():
    assert parse_domain("integer[bias=none]") == Integer(bias="none")
    assert parse_domain('binary[bias="none"]') == Binary(bias="none")


def test_one_rho_needs_no_list():
    assert parse_domain("two-valued[rhos=(-4)]") == TwoValued(rhos=(-4,))
    assert TwoValued(rhos=-4) == TwoValued(rhos=(-4,))


def test_all_domains_are_known():
    assert set(DOMAINS) == {"integer", "binary", "fixed-point", "two-valued"}
