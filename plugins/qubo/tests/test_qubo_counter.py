from __future__ import annotations

import itertools

import numpy as np
import pytest
from bnnbench_qubo.counter import Counter
from bnnbench_qubo.slack import bounded, bounded_states, slack_bits


def counter(reach: int, unit: int = 2) -> Counter:
    """A unit of ``reach`` inputs, or of ``step`` units, which move the sum by 1."""
    values = np.ones((1, reach), dtype=np.int64)
    hidden = np.full(reach, unit == 1)
    return Counter(values, np.ones((reach, 1), dtype=bool), hidden, low=0)


@pytest.mark.parametrize("reach", range(1, 40))
def test_the_slack_bits_reach_every_value_and_nothing_else(reach):
    levels = counter(reach).levels
    coefficients = bounded(levels)[0, 0]
    patterns = itertools.product((0, 1), repeat=len(coefficients))
    assert {int(np.dot(b, coefficients)) for b in patterns} == set(range(int(levels[0, 0])))


@pytest.mark.parametrize("reach", range(1, 40))
def test_slack_states_stand_for_their_values(reach):
    levels = counter(reach).levels
    s = np.arange(int(levels[0, 0])).reshape(-1, 1, 1)
    assert np.array_equal((bounded_states(s, levels) * bounded(levels)).sum(axis=-1), s)


def test_the_number_of_slack_bits_is_the_published_formula():
    """floor(log2(tau - 1)) + 1 with tau = (d + 1) / 2 (qubo.md section 1.3)."""
    for d in range(3, 201, 2):
        tau = (d + 1) // 2
        assert counter(d).levels[0, 0] == tau
        assert slack_bits(np.array(tau)) == int(np.floor(np.log2(tau - 1))) + 1


@pytest.mark.parametrize(("reach", "unit"), [(3, 2), (4, 2), (5, 1), (7, 2), (8, 2)])
def test_one_decomposition_per_count_and_its_activation_is_the_sign(reach, unit):
    c = counter(reach, unit)
    R, rest = int(c.levels[0, 0]), int(c.remainder[0, 0])
    for P in range(-reach, reach + 1, unit):
        steps = (P - rest) // unit
        found = [(a, s) for a in (0, 1) for s in range(R) if steps == R * a + s - R]
        assert [a for a, _ in found] == [int(P >= 0)]


def test_a_unit_with_an_even_reach_on_some_row_may_tie():
    values = np.array([[1, 1, 1], [1, 1, 0]])
    c = Counter(values, np.ones((3, 2), dtype=bool), np.zeros(3, dtype=bool))
    assert not c.tieless.any()
    assert Counter(values[:1], c.mask, c.hidden).tieless.all()
