import numpy as np
import pytest
from bnnbench_datasets.images import downscale
from bnnbench_datasets.selection import dedup

from bnnbench.table import TEST, TRAIN, Table, finish


def counts(table: Table, part: int | None = None) -> list[int]:
    y = table.y if part is None else table.y[table.part == part]
    return np.bincount(y).tolist()


def error_bound(table: Table) -> int:
    """Least number of errors that equal rows with different labels force."""
    groups = finish(Table(X=table.X, y=table.y, scale=table.scale), "whole").group_counts
    return int((groups.sum(axis=1) - groups.max(axis=1)).sum())


def test_mnist(raw):
    t = raw("mnist")
    train, test = t.X[:60000], t.X[60000:]
    assert t.X.shape == (70000, 784)
    expected = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert counts(t, TRAIN) == expected
    assert counts(t, TEST) == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert t.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert t.y[60000:60010].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert (int(train.sum(dtype=np.int64)), int(test.sum(dtype=np.int64))) == (
        1567298545,
        264923200,
    )
    assert (int(train.any(axis=0).sum()), int(test.any(axis=0).sum())) == (717, 668)


def test_mnist_with_four_decimals(raw):
    t = raw("mnist[unit4=true] | take[n=1,part=test]")
    assert t.scale == 10**4
    assert int(t.X[t.train].sum(dtype=np.int64)) == 61463285344
    assert np.unique(t.X[:2000])[:6].tolist() == [0, 39, 78, 118, 157, 196]


def test_mnist_binarised_has_no_contradiction(raw):
    t = raw("mnist | take[n=1,part=test] | threshold[t=128]")
    packed = Table(X=np.packbits(t.X[t.train], axis=1), y=t.y[t.train])
    assert len(np.unique(packed.X, axis=0)) == 59984 == len(dedup(packed).y)


def test_mnist_downscaled_check_values(raw):
    first = raw("mnist").keep(np.array([0]))
    assert downscale(first, k=3).X.tolist() == [
        [7008, 62736, 19533, 834, 57655, 8546, 24594, 63317, 3502]
    ]
    assert int(downscale(first, k=7).X.sum()) == 1348725


def test_mnist_few_shot_check_values(table_of, raw):
    raw("mnist")
    rows = raw("mnist | few-shot[k=10,seed=0]").source_rows
    assert rows[:3].tolist() == [8533, 9287, 37837]
    assert rows[90:93].tolist() == [36104, 13278, 21091]
    assert int(rows[:100].sum()) == 3010568
    one = raw("mnist | few-shot[k=1,seed=1]")
    expected = [13217, 28516, 7484, 48014, 22933, 614, 3115, 55603, 25455, 40508]
    assert one.source_rows[:10].tolist() == expected
    assert one.source_rows[10:].tolist() == list(range(60000, 70000))


def test_mnist_sets_of_toro_icarte(raw):
    for index, rows in ((0, [0, 1, 2, 3, 4, 5, 7, 13, 15, 17]), (1, [6, 9, 10, 11, 16, 18])):
        t = raw(f"mnist | consecutive[k=1,index={index}]")
        assert t.source_rows[: len(rows)].tolist() == rows
    for k, pixels in ((1, 385), (2, 414), (5, 478), (10, 509)):
        t = raw(f"mnist | take[n=1,part=test] | consecutive[k={k}] | dead-drop[rule=constant]")
        assert t.X.shape[1] == pixels


def test_adult(raw):
    t = raw("adult")
    assert t.X.shape == (48842, 108)
    assert (counts(t, TRAIN), counts(t, TEST)) == ([24720, 7841], [12435, 3846])
    assert (t.features[64], t.features[65]) == ("sex=Female", "sex=Male")
    assert (t.X[:, 0].min(), t.X[:, 0].max()) == (17, 90)
    assert (t.X[:, 1].min(), t.X[:, 1].max()) == (12285, 1490400)
    unknown = [t.features.index(f"{c}=?") for c in ("workclass", "occupation", "native-country")]
    assert t.X[t.train][:, unknown].sum(axis=0).tolist() == [1836, 1843, 583]
    dutch = t.X[:, t.features.index("native-country=Holand-Netherlands")]
    assert (dutch[t.train].sum(), dutch[~t.train].sum()) == (1, 0)
    parts = [t.keep(np.flatnonzero(t.part == code)) for code in (TRAIN, TEST)]
    assert [len(p.y) - len(dedup(p).y) for p in parts] == [24, 5]
    assert [error_bound(p) for p in parts] == [1, 1]
    complete = raw("adult[missing=drop]")
    assert np.bincount(complete.part)[[TRAIN, TEST]].tolist() == [32561 - 2399, 16281 - 1221]


def test_adult_of_the_inn_paper(raw):
    t = raw("adult[preprocess=inn2023]")
    assert (t.X.shape, t.scale) == ((48840, 108), 10**4)
    sums = [int(t.X[t.part == code].sum(dtype=np.int64)) for code in (TRAIN, TEST)]
    assert sums == [3078339329, 1539420597]
    assert "leaks_test_statistics" in t.notes


ADULT = [
    ([21452, 22427, 17655, 30134, 2781], [59, 64, 68, 75, 76, 78, 79, 90], 1615),
    ([14750, 3709, 25154, 25697, 14540], [47, 57, 59, 64, 69, 72, 75, 91], 1505),
    ([2661, 9102, 30025, 16900, 24549], [55, 58, 65, 69, 74, 78, 79, 90], 1526),
    ([4146, 28166, 18989, 28787, 4409], [50, 63, 68, 71, 75, 76, 78, 92], 1568),
    ([22186, 21691, 18496, 4096, 21191], [56, 62, 69, 72, 73, 76, 78, 92], 1587),
]
ADULT_ONES = [
    [15, 23, 28, 38, 51, 65, 73, 203],
    [11, 22, 34, 39, 49, 55, 65, 199],
    [10, 20, 29, 37, 47, 62, 70, 203],
    [14, 24, 31, 40, 52, 64, 73, 198],
    [13, 21, 30, 41, 48, 54, 61, 193],
]


@pytest.mark.parametrize("replicate", range(5))
def test_published_split_of_adult(raw, replicate):
    from bnnbench_datasets.published import inn2023_split

    first, live, validation_ones = ADULT[replicate]
    t = inn2023_split(raw("adult[preprocess=inn2023]"), n=800, replicate=replicate)
    # The published row numbers count from the second record, the first one being lost.
    assert (t.source_rows[:5] - 1).tolist() == first
    sizes = (40, 80, 120, 160, 200, 240, 280, 800)
    assert [int(t.X[:n].any(axis=0).sum()) for n in sizes] == live
    assert [int(t.y[:n].sum()) for n in sizes] == ADULT_ONES[replicate]
    assert np.bincount(t.part).tolist() == [800, 6512, 16280]
    assert int(t.y[t.part == 1].sum()) == validation_ones
    assert t.source_rows[-1] == 48841


HEART = [
    ([179, 126, 43, 1, 92], [19, 20, 20, 20, 21], [24, 45, 72, 95, 116], 28),
    ([260, 152, 289, 226, 100], [20, 20, 21, 21, 21], [22, 44, 63, 86, 109], 34),
    ([43, 157, 184, 201, 260], [18, 20, 20, 21, 21], [18, 40, 61, 83, 104], 36),
    ([66, 208, 176, 7, 19], [20, 20, 21, 21, 21], [25, 45, 66, 91, 107], 32),
    ([243, 212, 1, 275, 177], [20, 20, 20, 21, 21], [20, 44, 67, 84, 109], 32),
]


@pytest.mark.parametrize("replicate", range(5))
def test_published_split_of_heart(raw, replicate):
    first, live, ones, test_ones = HEART[replicate]
    t = raw(f"heart[preprocess=inn2023] | inn2023-split[n=200,replicate={replicate}]")
    assert t.source_rows[:5].tolist() == first
    assert [int(t.X[:n].any(axis=0).sum()) for n in (40, 80, 120, 160, 200)] == live
    assert [int(t.y[:n].sum()) for n in (40, 80, 120, 160, 200)] == ones
    assert np.bincount(t.part).tolist() == [200, 24, 61]
    assert int(t.y[t.part == TEST].sum()) == test_ones


MNIST = [
    ([23934, 19696, 7861, 18246, 24339], 531),
    ([51951, 42255, 54798, 15508, 34741], 512),
    ([23955, 26709, 880, 43420, 44023], 506),
    ([52902, 55141, 31362, 2320, 21686], 527),
    ([15773, 47592, 2289, 13773, 7689], 513),
]


@pytest.mark.parametrize("replicate", range(5))
def test_published_split_of_mnist(raw, replicate):
    from bnnbench_datasets.published import inn2023_split

    first, live = MNIST[replicate]
    t = inn2023_split(raw("mnist"), n=100, replicate=replicate)
    assert t.source_rows[:5].tolist() == first
    assert int(t.X[:100].any(axis=0).sum()) == live
    assert np.bincount(t.y[:100]).tolist() == [10] * 10
    assert np.bincount(t.part).tolist() == [100, 59900, 10000]


def test_heart(raw):
    t = raw("heart")
    assert (t.X.shape, counts(t), t.scale) == ((303, 13), [138, 165], 10)
    assert t.y[:165].tolist() == [1] * 165
    levels = {"cp": [143, 50, 87, 23], "ca": [175, 65, 38, 20, 5], "thal": [2, 18, 166, 117]}
    for name, expected in levels.items():
        assert np.bincount(t.X[:, t.features.index(name)] // 10).tolist() == expected
    assert np.flatnonzero(t.X[:, t.features.index("ca")] == 40).tolist() == [92, 158, 163, 164, 251]
    assert len(dedup(t).y) == 302
    assert error_bound(t) == 0
    inn = raw("heart[preprocess=inn2023]")
    assert (inn.X.shape, int(inn.X.sum())) == ((303, 21), 19788355)


def test_heart_undone_is_cleveland(raw):
    kaggle, uci = raw("heart"), raw("cleveland[missing=level]")
    undo = {"cp": [4, 2, 3, 1], "restecg": [2, 0, 1], "slope": [3, 2, 1], "thal": [-1, 6, 3, 7]}
    undo["ca"] = [0, 1, 2, 3, -1]
    back = kaggle.X.copy()
    for name, values in undo.items():
        column = kaggle.features.index(name)
        back[:, column] = 10 * np.array(values)[back[:, column] // 10]
    known = {(*row, y) for row, y in zip(uci.X.tolist(), uci.y.tolist(), strict=True)}
    restored = {(*row, 1 - y) for row, y in zip(back.tolist(), kaggle.y.tolist(), strict=True)}
    assert restored < known


def test_bcw_kurtz_bah(raw):
    t = raw("bcw-kurtz-bah")
    assert (t.X.shape, counts(t), t.scale) == ((699, 9), [458, 241], 1)
    assert t.X.sum(axis=0).tolist() == [3088, 2191, 2242, 1962, 2248, 2485, 2403, 2004, 1111]
    assert set(t.X[683:, 5].tolist()) == {4}
    assert len(np.unique(t.X, axis=0)) == 463
    assert error_bound(t) == 0
    assert counts(raw("bcw-kurtz-bah[missing=drop]")) == [444, 239]


def test_credit_default(raw):
    t = raw("credit-default")
    assert (t.X.shape, counts(t)) == ((30000, 23), [23364, 6636])
    assert int(t.X[:, 0].sum(dtype=np.int64)) == 5024529680
    assert np.bincount(t.X[:, 2]).tolist() == [14, 10585, 14030, 4917, 123, 280, 51]
    assert np.bincount(t.X[:, 3]).tolist() == [54, 13659, 15964, 323]
    assert (t.X[:, 11:17].min(), t.X[:, 11:17].max()) == (-339603, 1664089)
    assert (t.X[:, 17:].min(), t.X[:, 17:].max()) == (0, 1684259)
    assert len(np.unique(t.X, axis=0)) == 29944
    assert error_bound(t) == 21


def test_a1a(raw):
    t = raw("a1a")
    assert (t.X.shape, counts(t), int(t.X.sum())) == ((1605, 123), [1210, 395], 22249)
    ones = [3, 11, 14, 19, 39, 42, 55, 64, 67, 73, 75, 76, 80, 83]
    assert (np.flatnonzero(t.X[0]) + 1).tolist() == ones
    dead = np.flatnonzero(~t.X.any(axis=0)) + 1
    assert dead.tolist() == [12, 60, 89, 96, 111, 116, 120, 121, 122, 123]
    assert np.bincount(t.X.sum(axis=1)).tolist()[12:] == [94, 33, 1478]
    assert error_bound(t) == 14
    assert len(np.unique(t.X, axis=0)) == 1558


@pytest.mark.parametrize(
    ("subset", "distinct", "bound", "low"),
    [(3, 4, 395, None), (7, 28, 362, (0.3, 0.65)), (9, 51, 346, (0.3, 0.7)), (15, 315, 269, None)],
)
def test_a1a_subsets(raw, subset, distinct, bound, low):
    t = raw(f"a1a[subset={subset}]")
    assert len(np.unique(t.X, axis=0)) == distinct
    assert error_bound(t) == bound
    if low:
        mean = raw("a1a").X.mean(axis=0)
        chosen = np.flatnonzero((mean > low[0]) & (mean < low[1])) + 1
        assert [int(name) for name in t.features] == chosen.tolist()
