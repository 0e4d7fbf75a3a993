from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.dataset import Dataset
from bnnbench.errors import DataError

GOOD = {"name": "d", "X": np.arange(6).reshape(3, 2), "y": np.array([0, 1, 1]), "sizes": (2, 0, 1)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((3, 2))}, r"integer matrix.*float64 \(3, 2\).*fixed"),
        ({"X": np.arange(3)}, "integer matrix"),
        ({"y": np.array([0, 1])}, "must hold 3 integers"),
        ({"y": np.array([0.0, 1.0, 1.0])}, "must hold 3 integers, got float64"),
        ({"sizes": (1, 0, 1)}, "must hold all 3 rows"),
        ({"sizes": (0, 1, 2)}, "train at least one"),
        ({"sizes": (4, -1, 0)}, "must hold all 3 rows"),
        ({"scale": 0}, "positive integer, got 0"),
        ({"classes": ("a",)}, r"labels must lie in 0\.\.0"),
        ({"y": np.array([0, -1, 1])}, "labels must lie in"),
        ({"features": ("a",)}, "1 names for 2 features"),
        ({"rows": np.array([1])}, "one source index per row"),
    ],
)
def test_parts_that_do_not_fit(change, message):
    with pytest.raises(DataError, match=rf"^d: .*{message}"):
        Dataset(**GOOD | change)


def test_parts_are_views_in_order():
    data = Dataset(**GOOD | {"sizes": (1, 1, 1)})
    for i, part in enumerate(("train", "validation", "test")):
        X, y = data.part(part)
        assert X.tolist() == [GOOD["X"][i].tolist()]
        assert y.tolist() == [GOOD["y"][i]]
        assert np.shares_memory(X, data.X)
    assert data.rows.tolist() == [0, 1, 2]
    assert data.classes == ("0", "1")
    assert (data.n_features, data.n_classes) == (2, 2)


def test_arrays_cannot_be_written():
    data = Dataset(**GOOD)
    for array in (data.X, data.y, data.rows, data.part("train")[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_the_callers_arrays_stay_writeable():
    X = np.zeros((3, 2), dtype=int)
    Dataset(**GOOD | {"X": X})
    X[0, 0] = 1


@given(st.data())
def test_group_counts(draws, data):
    d = data.draw(draws.datasets())
    X, y = d.part("train")
    groups = defaultdict(Counter)
    for row, label in zip(X.tolist(), y.tolist(), strict=True):
        groups[tuple(row)][label] += 1
    expected = sorted([c[k] for k in range(d.n_classes)] for c in groups.values())
    assert sorted(d.group_counts.tolist()) == expected


def test_rows_without_features_are_all_equal():
    d = Dataset("none", np.zeros((3, 0), dtype=int), np.array([0, 1, 1]), (3, 0, 0))
    assert d.group_counts.tolist() == [[1, 2]]


def test_digest_sees_what_a_method_sees_and_nothing_else():
    base = Dataset(**GOOD)
    for same in ({"name": "e"}, {"notes": {"a": "b"}}, {"rows": np.array([7, 8, 9])},
                 {"X": GOOD["X"].astype(np.uint8)}, {"features": ("a", "b")},
                 {"X": np.asfortranarray(GOOD["X"])}):  # fmt: skip
        assert Dataset(**GOOD | same).digest == base.digest
    for other in ({"X": GOOD["X"] + 1}, {"y": np.array([1, 1, 1])}, {"sizes": (3, 0, 0)},
                  {"scale": 2}, {"classes": ("a", "b", "c")}):  # fmt: skip
        assert Dataset(**GOOD | other).digest != base.digest


def test_a_saved_data_set_is_mapped_with_its_digest(tmp_path):
    data = Dataset(**GOOD, scale=4, classes=("no", "yes"), features=("u", "v"), notes={"k": "w"})
    data.save(tmp_path / "deep" / "d")
    back = Dataset.load(tmp_path / "deep" / "d")
    base = back.X
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert base is not None, "the features were read instead of mapped"
    assert back.X.tolist() == data.X.tolist()
    for key in ("name", "sizes", "scale", "classes", "features", "digest"):
        assert getattr(back, key) == getattr(data, key), key
    assert dict(back.notes) == {"k": "w"}
    assert back.group_counts.tolist() == data.group_counts.tolist()
