from __future__ import annotations

import pytest

from bnnbench.data import make_dataset
from bnnbench.errors import DataError, SpecError, UnknownNameError
from bnnbench.registry import Registry


def test_a_source_and_its_steps(toys):
    data = make_dataset(toys, "xor[copies=2] | half")
    assert data.name == "xor[copies=2] | half"
    assert data.X.tolist() == [[0, 0], [1, 0]] * 2
    assert data.rows.tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("xro", UnknownNameError, "no dataset 'xro'"),
        ("xor | hlaf", UnknownNameError, "no transform 'hlaf'"),
        ("xor[copies=many]", SpecError, "Expected `int`"),
        ("xor | half[step=1]", SpecError, "'half' has no parameter 'step'"),
        ("xor |", SpecError, "expected a name"),
    ],
)
def test_texts_that_name_nothing(toys, text, error, message):
    with pytest.raises(error, match=message):
        make_dataset(toys, text)


def test_loaders_that_return_something_else(bare, plugin_file):
    path = plugin_file("""
        def number(): return 3
        def done(): return Dataset("d", np.array([[1], [2]]), np.array([0, 1]), (2, 0, 0))
        def table(): return Table(np.array([[1], [2]]), np.array([0, 1]))
        def lose(table): return None
        def fail(table):
            from bnnbench.errors import DataError
            raise DataError("a hole in row 3")
        @hookimpl
        def bnnbench_datasets(): return [number, done, table]
        @hookimpl
        def bnnbench_transforms(): return [lose, fail]
    """)
    registry = Registry.load([path])
    assert make_dataset(registry, "done").name == "d"
    for text, message in (
        ("number", "'number' returned a int; expected a Table or a Dataset"),
        ("done | lose", "Transform 'lose' returned a NoneType, not a Table"),
        ("table | lose", "Transform 'lose' returned a NoneType, not a Table"),
        ("table | fail", "step fail: a hole in row 3"),
    ):
        with pytest.raises(DataError, match=message):
            make_dataset(registry, text)
