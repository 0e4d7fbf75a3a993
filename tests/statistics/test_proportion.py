from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bnnbench.statistics import proportion, time_to_solution


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson"])
@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 20), (3, 20), (19, 20), (20, 20), (99, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_intervals_are_scipys(method, k, n, level):
    found = proportion(k, n, level, method=method)
    name = "exact" if method == "clopper-pearson" else method
    reference = stats.binomtest(k, n).proportion_ci(level, method=name)
    assert found.interval.low == pytest.approx(reference.low, abs=1e-12)
    assert found.interval.high == pytest.approx(reference.high, abs=1e-12)
    assert found.value == k / n


def test_tts99_by_the_formula():
    """p = 0.099 with reads of 2.72 ms gives 0.12 s."""
    found = time_to_solution(99, 1000, 0.00272)
    assert found.value == pytest.approx(0.00272 * math.log(0.01) / math.log(1 - 0.099))
    assert found.value == pytest.approx(0.12, abs=0.001)
    assert found.interval.low < found.value < found.interval.high
    p = proportion(99, 1000).interval
    assert found.interval.high == pytest.approx(0.00272 * math.log(0.01) / math.log(1 - p.low))


def test_never_less_than_one_read():
    assert time_to_solution(1000, 1000, 0.5).value == 0.5
    assert time_to_solution(999, 1000, 0.5).value == 0.5


def test_rule_of_three_when_nothing_succeeded():
    found = time_to_solution(0, 100, 1.0)
    assert found.value == math.inf
    assert found.interval.high == math.inf
    three = math.log(0.01) / math.log(1 - 3 / 100)
    assert found.interval.low == pytest.approx(three, rel=0.02)


def test_no_reads_and_impossible_counts():
    assert math.isnan(time_to_solution(0, 0, 1.0).value)
    assert math.isnan(proportion(0, 0).value)
    with pytest.raises(ValueError, match="0 <= successes <= 3"):
        proportion(4, 3)


@given(st.integers(1, 60), st.integers(0, 60))
def test_more_successes_are_never_slower(n, k):
    k = min(k, n - 1)
    fewer, more = time_to_solution(k, n, 1.0), time_to_solution(k + 1, n, 1.0)
    assert more.value <= fewer.value
    assert more.interval.low <= fewer.interval.low + 1e-12
