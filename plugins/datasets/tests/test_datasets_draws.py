import numpy as np
import pytest
from bnnbench_datasets.draws import few_shot, split, stratified
from bnnbench_datasets.sequences import consecutive
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.errors import DataError
from bnnbench.table import TEST, VALIDATION, Table


def table(y, part=None):
    y = np.array(y)
    return Table(X=np.arange(len(y))[:, None], y=y, part=part)


def test_few_shot_without_official_test_part(dataset_of):
    data = dataset_of("digits | few-shot[k=16,seed=3]")
    assert data.sizes == (160, 0, 1637)
    assert data.part("train")[1].tolist() == np.repeat(np.arange(10), 16).tolist()
    assert sorted(data.rows.tolist()) == list(range(1797))


def test_few_shot_keeps_an_official_test_part():
    y = np.arange(40) % 2
    part = np.where(np.arange(40) < 30, 0, TEST)
    drawn = few_shot(table(y, part), k=3, seed=0)
    assert drawn.train.sum() == 6
    assert drawn.source_rows[6:].tolist() == list(range(30, 40))


def test_few_shot_takes_the_smallest_uniforms():
    u = np.random.Generator(np.random.PCG64(5)).random(12)
    drawn = few_shot(table([0] * 7 + [1] * 5), k=2, seed=5)
    assert drawn.source_rows[:2].tolist() == np.argsort(u[:7])[:2].tolist()
    assert drawn.source_rows[2:4].tolist() == (7 + np.argsort(u[7:])[:2]).tolist()


def test_few_shot_needs_enough_rows_of_each_class():
    with pytest.raises(DataError, match="k=6, but class '1' has 5"):
        few_shot(table([0] * 7 + [1] * 5), k=6)
    with pytest.raises(DataError, match="k=0"):
        few_shot(table([0] * 7 + [1] * 5), k=0)


@given(
    n=st.integers(2, 60),
    percent=st.tuples(st.integers(1, 60), st.integers(0, 40)),
    seed=st.integers(0, 9),
)
def test_split_is_a_partition_with_floored_sizes(n, percent, seed):
    train, validation = (p / 100 for p in percent)
    t = split(table(np.arange(n) % 2), train=train, validation=validation, seed=seed)
    sizes = np.bincount(t.part, minlength=3)
    assert sorted(t.source_rows.tolist()) == list(range(n))
    assert sizes[VALIDATION] == n * percent[1] // 100
    assert sizes[TEST] == n * (100 - sum(percent)) // 100
    order = np.argsort(np.random.Generator(np.random.PCG64(seed)).random(n), kind="stable")
    assert t.source_rows.tolist() == order.tolist()


def test_split_of_a_set_with_official_test_part():
    part = np.where(np.arange(20) < 16, 0, TEST)
    t = split(table(np.arange(20) % 2, part), train=0.5)
    assert np.bincount(t.part).tolist() == [8, 8, 4]
    assert t.source_rows[16:].tolist() == [16, 17, 18, 19]
    with pytest.raises(DataError, match="official test part"):
        split(table(np.arange(20) % 2, part), train=0.5, test=0.5)


def test_fractions_must_add_up():
    with pytest.raises(DataError, match="add up to 1"):
        split(table([0, 1]), train=0.5, validation=0.5, test=0.5)
    with pytest.raises(DataError, match="add up to 1"):
        stratified(table([0, 1]), train=1.5)


def test_nothing_left_for_training():
    with pytest.raises(DataError, match="No row is left"):
        split(table([0, 1]), train=0, validation=0.5, test=0.5)


@given(seed=st.integers(0, 9), counts=st.tuples(st.integers(4, 30), st.integers(4, 30)))
def test_stratified_cuts_every_class(seed, counts):
    y = np.repeat([0, 1], counts)
    t = stratified(table(y), train=0.5, validation=0.25, seed=seed)
    for c, count in enumerate(counts):
        sizes = np.bincount(t.part[t.y == c], minlength=3)
        assert sizes[1:].tolist() == [count // 4, count // 4]
    rng = np.random.Generator(np.random.PCG64(seed))
    u = rng.random(sum(counts))
    for code in range(3):
        assert (np.diff(u[t.source_rows[t.part == code]]) >= 0).all()


def test_draws_differ_by_seed_and_repeat():
    y = np.arange(50) % 2
    one, two, again = (split(table(y), train=0.5, seed=s).source_rows.tolist() for s in (0, 1, 0))
    assert one == again
    assert one != two


def test_consecutive_blocks_are_disjoint_and_in_file_order():
    y = np.arange(40) % 4
    seen: set[int] = set()
    for index in range(3):
        t = consecutive(table(y), k=2, index=index, skip=1)
        rows = t.source_rows[t.train].tolist()
        assert rows == sorted(rows)
        assert np.bincount(t.y[t.train]).tolist() == [2, 2, 2, 2]
        assert not seen & set(rows)
        seen |= set(rows)
    with pytest.raises(DataError, match="11 are needed"):
        consecutive(table(y), k=2, index=4, skip=1)


@pytest.mark.parametrize(
    ("draw", "first", "total"),
    [
        ("split[train=0.7,validation=0.1,seed=3]", [1636, 1432, 186, 1546, 20], 1125022),
        ("stratified[train=0.7,validation=0.1,seed=3]", [199, 1694, 85, 1057, 185], 1144229),
        ("few-shot[k=2,seed=3]", [185, 1677, 85, 1394, 1142], 19886),
        ("sample[n=5,seed=3]", [1636, 1432, 186, 1546, 20], 4820),
    ],
)
def test_draws_are_pinned(table_of, draw, first, total):
    t = table_of(f"digits | {draw}")
    assert t.source_rows[:5].tolist() == first
    assert int(t.source_rows[t.train].sum()) == total
