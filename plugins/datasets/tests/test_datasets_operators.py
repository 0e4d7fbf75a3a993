from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from bnnbench_datasets.binarise import median, thermometer, threshold
from bnnbench_datasets.columns import dead_drop, first_features, onehot
from bnnbench_datasets.draws import few_shot
from bnnbench_datasets.images import downscale
from bnnbench_datasets.scaling import fixed, minmax
from bnnbench_datasets.selection import dedup
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.errors import DataError
from bnnbench.table import TEST, TRAIN, Table, finish

PART = np.array([0, 0, 0, 2])


def table(X, y=(0, 1, 0, 1), part=PART, **more):
    return Table(X=np.array(X), y=np.array(y), part=part, **more)


def test_minmax_uses_training_rows_and_keeps_values_outside():
    t = minmax(table([[0.0, 3.0], [4.0, 3.0], [2.0, 3.0], [8.0, 5.0]]))
    assert t.X.tolist() == [[0.0, 0.0], [1.0, 0.0], [0.5, 0.0], [2.0, 0.0]]
    assert minmax(table([[0.0], [4.0], [2.0], [8.0]]), clip=True).X[3, 0] == 1.0
    assert "leaks_test_statistics" not in t.notes


def test_minmax_over_all_rows_is_flagged():
    t = minmax(table([[0.0], [4.0], [2.0], [8.0]]), fit="all")
    assert t.X.ravel().tolist() == [0.0, 0.5, 0.25, 1.0]
    assert "leaks_test_statistics" in t.notes


def test_pool_is_everything_but_test_rows():
    t = minmax(table([[0.0], [4.0], [2.0], [8.0]], part=np.array([0, 1, 0, 2])), fit="pool")
    assert t.X.ravel().tolist() == [0.0, 1.0, 0.5, 2.0]
    assert "leaks_test_statistics" not in t.notes


def test_minmax_whole_uses_one_range_for_all_columns():
    t = minmax(table([[0, 10], [4, 20], [2, 0], [8, 40]]), fit="whole")
    assert t.X.tolist() == [[0.0, 0.5], [0.2, 1.0], [0.1, 0.0], [0.4, 2.0]]


def test_a_statistic_before_the_draw_of_a_test_part_is_flagged(table_of):
    late = table_of("wine | split[train=0.7,seed=1] | minmax")
    early = table_of("wine | minmax | split[train=0.7,seed=1]")
    assert "leaks_test_statistics" not in late.notes
    assert "minmax" in early.notes["leaks_test_statistics"]
    assert late.notes["fitted"] == "minmax(fit=train) on 125 rows"


@pytest.mark.parametrize(
    "operator",
    [
        minmax,
        median,
        dead_drop,
        lambda t: thermometer(t, b=3),
        lambda t: onehot(t, columns=(0, 2)),
        lambda t: dead_drop(t, rule="constant"),
    ],
)
@given(data=st.data())
def test_no_test_row_influences_training_rows(operator, data):
    values = st.integers(0, 4)
    X = np.array(data.draw(st.lists(st.lists(values, min_size=3, max_size=3), min_size=9)))
    X[0] = 1
    part = np.zeros(len(X), dtype=int)
    part[6:] = TEST
    other = X.copy()
    other[6:] = np.array(data.draw(st.lists(values, min_size=3, max_size=3)))[None, :]
    y = np.arange(len(X)) % 2
    one, two = (operator(Table(X=values, y=y, part=part)) for values in (X, other))
    assert np.array_equal(one.X[one.part == TRAIN], two.X[two.part == TRAIN])


def test_fixed_rounds_half_to_even():
    t = fixed(table([[0.125], [0.375], [-0.125], [1.0]]), decimals=2)
    assert (t.X.ravel().tolist(), t.scale) == ([12, 38, -12, 100], 100)


@given(st.lists(st.integers(-5000, 5000), min_size=4, max_size=4), st.integers(2, 800))
def test_fixed_rounds_fractions_exactly(values, scale):
    t = fixed(table([[v] for v in values], scale=scale), decimals=1)
    assert t.X.ravel().tolist() == [round(Fraction(v, scale) * 10) for v in values]


def test_median_and_signs():
    t = table([[1], [2], [3], [9]])
    assert median(t).X.ravel().tolist() == [0, 0, 1, 1]
    assert median(t, pm1=True).X.ravel().tolist() == [-1, -1, 1, 1]
    assert median(t, fit="all").X.ravel().tolist() == [0, 0, 1, 1]


def test_threshold_compares_the_written_decimal():
    t = table([[29], [30], [31], [0]], scale=100)
    assert threshold(t, t=0.3).X.ravel().tolist() == [0, 1, 1, 0]
    assert threshold(t, t=0.3, pm1=True).X.ravel().tolist() == [-1, 1, 1, -1]
    assert threshold(table([[0.1], [0.3], [0.5], [0.2]]), t=0.3).X.ravel().tolist() == [0, 1, 1, 0]


def test_thermometer_bits_fall_and_count_quantiles():
    t = Table(X=np.arange(9)[:, None], y=np.arange(9) % 2, features=("a",))
    coded = thermometer(t, b=3)
    assert coded.X.shape == (9, 3)
    assert (np.diff(coded.X.astype(int), axis=1) <= 0).all()
    assert coded.X.sum(axis=0).tolist() == [6, 4, 2]
    assert coded.features == ("a>1/4", "a>2/4", "a>3/4")


def test_thermometer_with_one_bit_is_the_median(table_of):
    one = table_of("breast-cancer | thermometer[b=1]")
    assert np.array_equal(one.X, table_of("breast-cancer | median").X)


def test_onehot_sorts_levels_as_strings_and_appends_blocks():
    t = table([[10, 5], [9, 6], [10, 7], [11, 8]], features=("a", "b"))
    coded = onehot(t, columns="a")
    assert coded.features == ("b", "a=10", "a=9")
    assert coded.X.tolist() == [[5, 1, 0], [6, 0, 1], [7, 1, 0], [8, 0, 0]]
    assert onehot(t, columns=0, fit="all").features == ("b", "a=10", "a=11", "a=9")


def test_onehot_keeps_the_grid():
    coded = onehot(table([[10, 5], [20, 5], [10, 5], [20, 5]], scale=10), columns=(0,))
    assert coded.scale == 10
    assert coded.X.tolist() == [[5, 10, 0], [5, 0, 10], [5, 10, 0], [5, 0, 10]]


def test_dead_columns_by_both_rules():
    t = table([[0, 1, 2], [0, 1, 3], [0, 1, 2], [7, 0, 2]])
    assert dead_drop(t).X.shape == (4, 2)
    assert dead_drop(t, rule="constant").X.ravel().tolist() == [2, 3, 2, 2]
    with pytest.raises(DataError, match="every column"):
        dead_drop(table([[0], [0], [0], [1]]))


def test_first_features():
    t = first_features(table(np.arange(12).reshape(4, 3), features=("a", "b", "c")), n=2)
    assert t.features == ("a", "b")
    with pytest.raises(DataError, match=r"1\.\.2"):
        first_features(t, n=3)


@pytest.mark.parametrize(("side", "k"), [(28, 3), (28, 7), (8, 3), (5, 5), (6, 4)])
def test_downscale_keeps_the_mean_and_agrees_with_reals(side, k):
    rng = np.random.default_rng(side + k)
    X = rng.integers(0, 256, (4, side * side))
    t = downscale(table(X), k=k)
    # k * k cells, each the mean over one k-th of the side squared.
    assert np.array_equal(t.X.sum(axis=1), X.sum(axis=1) * k * k)
    assert t.scale == side * side
    real = downscale(table(X.astype(float)), k=k)
    assert np.allclose(real.X, t.X / t.scale)


def test_downscale_needs_a_square():
    with pytest.raises(DataError, match="square"):
        downscale(table(np.zeros((4, 6), dtype=int)), k=2)


def test_classes_by_name_and_number(table_of):
    kept = table_of("digits | classes[keep=(8,3)]")
    assert kept.classes == ("8", "3")
    assert np.bincount(kept.y).tolist() == [174, 183]
    again = table_of("digits | classes[keep=(8,3)] | classes[keep=(3,8)]")
    assert again.classes == ("3", "8")
    assert table_of("iris | classes[keep=(virginica,0)]").classes == ("virginica", "setosa")


def test_unknown_class_names_the_near_one(table_of):
    with pytest.raises(DataError, match="virginica"):
        table_of("iris | classes[keep=(virginia,setosa)]")
    with pytest.raises(DataError, match="twice"):
        table_of("iris | classes[keep=(0,setosa)]")


def test_one_class_only_is_refused(dataset_of):
    with pytest.raises(DataError, match="one class only"):
        dataset_of("iris | classes[keep=(0)]")


def test_dedup_keeps_the_first_within_a_part():
    t = table([[1], [1], [1], [1]], y=(0, 0, 1, 0), rows=np.array([5, 6, 7, 8]))
    kept = dedup(t)
    assert kept.source_rows.tolist() == [5, 7, 8]


def test_take_by_part_and_class(table_of):
    t = table_of("digits | split[train=0.5] | take[n=3,per_class=true] | take[n=7,part=test]")
    assert np.bincount(t.y[t.train]).tolist() == [3] * 10
    assert (t.part == TEST).sum() == 7
    with pytest.raises(DataError, match="has 150 rows"):
        table_of("iris | take[n=151]")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "operator",
    [
        minmax,
        median,
        fixed,
        dead_drop,
        lambda t: threshold(t, t=1),
        lambda t: thermometer(t, b=2),
        lambda t: finish(t, "broken"),
    ],
)
def test_values_that_are_not_finite_are_named(operator, bad):
    t = table([[1.0, 2.0], [3.0, bad], [5.0, 6.0], [7.0, 8.0]], rows=np.array([40, 41, 42, 43]))
    with pytest.raises(DataError, match="Row 41, column 1"):
        operator(t)


def test_unknown_fit_and_rule():
    t = table([[1], [2], [3], [4]])
    with pytest.raises(DataError, match="'train'"):
        minmax(t, fit="trian")
    with pytest.raises(DataError, match="rule"):
        dead_drop(t, rule="none")


def test_operators_leave_their_input_alone():
    t = table([[1, 0], [2, 3], [3, 0], [4, 4]])
    before = t.X.copy()
    for operator in (minmax, median, dead_drop, lambda t: few_shot(replace(t, part=None), k=1)):
        operator(t)
    assert np.array_equal(t.X, before)
