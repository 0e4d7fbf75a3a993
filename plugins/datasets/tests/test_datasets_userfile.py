import hashlib
from pathlib import Path

import numpy as np
import pytest
from bnnbench_datasets.userfile import file

from bnnbench.errors import DataError
from bnnbench.table import finish


def write(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def test_header_is_found_and_the_last_column_is_the_label(tmp_path):
    path = write(tmp_path / "a.csv", "\ufeffa,b,label\r\n1,2.5,yes\r\n3,-4,no\r\n\r\n")
    t = file(path=path)
    assert t.X.tolist() == [[1.0, 2.5], [3.0, -4.0]]
    assert (t.features, t.classes, t.y.tolist()) == (("a", "b"), ("no", "yes"), [1, 0])
    assert t.notes["sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert finish(t, path).X.tolist() == [[10000, 25000], [30000, -40000]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separator_is_sniffed_and_target_chosen(tmp_path, separator):
    text = "10,1.5,7\n9,2.5,8\n10,3.5,9\n".replace(",", separator)
    t = file(path=write(tmp_path / "b.csv", text), target=0)
    assert t.classes == ("9", "10")
    assert t.y.tolist() == [1, 0, 1]
    assert t.X.tolist() == [[1.5, 7.0], [2.5, 8.0], [3.5, 9.0]]


def test_categorical_columns_and_missing_levels(tmp_path, table_of):
    path = write(tmp_path / "c.csv", "colour,size,y\nred,1,a\n?,2,b\n blue ,3,a\n")
    with pytest.raises(DataError, match=r"line 3, column 'colour': '\?' is missing"):
        file(path=path, categorical=("colour",))
    t = table_of(f'file[path="{path}",categorical=colour,missing=level]')
    assert t.features == ("size", "colour=?", "colour=blue", "colour=red")
    assert t.X.tolist() == [[1, 0, 0, 1], [2, 1, 0, 0], [3, 0, 1, 0]]
    dropped = file(path=path, categorical="colour", missing="drop")
    assert dropped.source_rows.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,y\n1,0\n2\n", "line 3: 1 fields, expected 2"),
        ("a,y\n1,0\nx,1\n", "line 3, column 'a': 'x' is not a finite number"),
        ("a,y\n1,0\ninf,1\n", "'inf' is not a finite number"),
        ("a,y\n1,0\nNaN,1\n", "'NaN' is missing"),
        ("a,y\n1,0\n2,\n", "column 'y': '' is missing"),
        ("a,y\n", "no rows"),
        ("", "no rows"),
        ("y\n0\n1\n", "no column besides the label"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, text, match):
    with pytest.raises(DataError, match=match):
        file(path=write(tmp_path / "d.csv", text))


def test_wrong_columns_and_files(tmp_path):
    path = write(tmp_path / "e.csv", "width,y\n1,0\n2,1\n")
    with pytest.raises(DataError, match="'width'"):
        file(path=path, target="widht")
    with pytest.raises(DataError, match="no column 5"):
        file(path=path, target=5)
    with pytest.raises(DataError, match="cannot be read"):
        file(path=str(tmp_path / "none.csv"))


def test_npz(tmp_path):
    path = tmp_path / "f.npz"
    np.savez(path, X=np.array([[1, 2], [3, 4]]), y=np.array([5, 3]))
    t = file(path=str(path))
    assert (t.X.tolist(), t.y.tolist(), t.classes) == ([[1, 2], [3, 4]], [1, 0], ("3", "5"))
    np.savez(path, X=np.array([[1, 2], [3, 4]], dtype=object), y=np.array([5, 3]))
    with pytest.raises(DataError, match="expected plain arrays"):
        file(path=str(path))
    np.savez(path, X=np.zeros((2, 2)), y=np.zeros(3))
    with pytest.raises(DataError, match="no data set"):
        file(path=str(path))
    path.write_bytes(b"PK but no archive")
    with pytest.raises(DataError, match="expected plain arrays"):
        file(path=str(path))
