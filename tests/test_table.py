from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.errors import DataError
from bnnbench.table import Table, finish, fixed


def table(X, y=(0, 1), **rest):
    return Table(np.asarray(X), np.asarray(y), **rest)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), st.integers(0, 6))
def test_fixed_is_the_nearest_grid_point(values, decimals):
    t = fixed(table([[v] for v in values]), decimals=decimals)
    for v, x in zip(values, t.X[:, 0].tolist(), strict=True):
        error = abs(Fraction(x, t.scale) - Fraction(v))
        assert error <= Fraction(1, 2 * 10**decimals) + Fraction(abs(v)) / 2**50


def test_fixed_rounds_half_to_even():
    assert fixed(table([[0.5], [1.5]]), decimals=0).X.tolist() == [[0], [2]]


def test_integers_stay_as_they_are():
    t = table([[1], [300]], scale=7)
    assert fixed(t) is t


def test_truth_values_become_numbers():
    data = finish(table([[True], [False]]), "bits")
    assert [Fraction(int(v), data.scale) for v in data.X[:, 0]] == [1, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_named(bad):
    t = table([[1.0, 2.0], [3.0, bad]], rows=np.array([10, 42]))
    with pytest.raises(DataError, match=rf"Row 42, column 1 is {bad}"):
        fixed(t)


def test_a_feature_beyond_64_bits():
    with pytest.raises(DataError, match="too large for exact arithmetic"):
        fixed(table([[1e16], [0.0]]))


def test_finish_orders_rows_by_part_and_remembers_where_they_came_from():
    data = finish(table([[5], [6], [7], [8]], [0, 1, 0, 0], part=np.array([2, 0, 1, 0])), "t")
    assert data.rows.tolist() == [1, 3, 2, 0]
    assert data.sizes == (2, 1, 1)
    assert data.X[:, 0].tolist() == [6, 8, 7, 5]
    assert data.X.dtype == np.uint8


def test_finish_refuses_useless_training_rows():
    with pytest.raises(DataError, match="one class only"):
        finish(table([[1], [2]], [1, 1]), "t")
    with pytest.raises(DataError, match="no training rows"):
        finish(table([[1], [2]], [0, 1], part=np.array([1, 2])), "t")


def test_keep_takes_everything_along():
    t = table([[1], [2], [3]], [0, 1, 2], part=np.array([0, 1, 2])).note(a="b").note(c="d")
    kept = t.keep(np.array([2, 0]))
    assert kept.X.tolist() == [[3], [1]]
    assert kept.y.tolist() == [2, 0]
    assert kept.part.tolist() == [2, 0]
    assert kept.source_rows.tolist() == [2, 0]
    assert kept.keep(np.array([True, False])).source_rows.tolist() == [2]
    assert dict(kept.notes) == {"a": "b", "c": "d"}
    assert t.train.tolist() == [True, False, False]
    assert table([[1], [2]]).train.all()


@pytest.mark.parametrize(("top", "dtype"), [(255, np.uint8), (256, np.int16), (2**40, np.int64)])
def test_features_take_the_smallest_type(top, dtype):
    assert finish(table([[0], [top]]), "t").X.dtype == dtype
    assert finish(table([[-128], [0]]), "t").X.dtype == np.int8
