from __future__ import annotations

import itertools

import numpy as np
import pytest
from bnnbench_qubo.counter import Counter, slack_bits


def counter(reach: int, unit: int = 2) -> Counter:
    values = np.ones((1, reach), dtype=np.int64)
    return Counter(values, np.ones((reach, 1), dtype=bool), np.zeros(reach, dtype=bool), unit)


@pytest.mark.parametrize("reach", range(1, 40))
def test_the_slack_bits_reach_every_value_and_nothing_else(reach):
    c = counter(reach)
    coefficients = c.slack[0, 0]
    sums = {int(np.dot(b, coefficients)) for b in itertools.product((0, 1), repeat=len(b_of(c)))}
    assert sums == set(range(int(c.levels[0, 0])))


def b_of(c: Counter) -> list[int]:
    return c.slack[0, 0].tolist()


@pytest.mark.parametrize("reach", range(1, 40))
def test_slack_states_stand_for_their_values(reach):
    c = counter(reach)
    s = np.arange(int(c.levels[0, 0])).reshape(-1, 1, 1)
    assert np.array_equal((c.slack_states(s) * c.slack).sum(axis=-1), s)


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
    c = Counter(values, np.ones((3, 2), dtype=bool), np.zeros(3, dtype=bool), 2)
    assert not c.tieless.any()
    assert Counter(values[:1], c.mask, c.hidden, 2).tieless.all()
