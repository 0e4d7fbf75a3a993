"""Files of one's own in suites, and what may be wrong with them."""

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from bnnbench.data import make_dataset, resolve
from bnnbench.errors import DataError, SpecError, SuiteError, UnknownNameError
from bnnbench.registry import Registry
from bnnbench.suite import Cell, expand
from bnnbench.suite.schema import MethodTable, ProblemTable, SuiteFile

SOLVER = """
from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver


class Idle(Solver):
    name, kind = "idle", "direct"

    def solve(self, model, limits, seed, report):
        raise NotImplementedError


@hookimpl
def bnnbench_solvers():
    return [Idle]
"""
ROWS = "a,b,label\n1,2.5,yes\n3,-4,no\n2,2,yes\n"


@pytest.fixture
def registry(tmp_path) -> Registry:
    plugin = tmp_path / "idle.py"
    plugin.write_text(SOLVER)
    return Registry.load([plugin])


def cells(registry: Registry, text: str) -> tuple[Cell, ...]:
    file = SuiteFile(
        problem=[ProblemTable(data=text, objective="errors", hidden=[2])],
        method=[MethodTable(solver="idle")],
    )
    return expand(file, registry, name="own").cells


def test_a_file_is_named_by_its_path(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my-data").mkdir()
    path = Path("my-data/mine.csv")
    path.write_text(ROWS)
    short = make_dataset(registry, "file:my-data/mine.csv[target=label] | minmax")
    long = make_dataset(registry, 'file[path="my-data/mine.csv",target=label] | minmax')
    assert short.digest == long.digest
    assert short.name == "file:my-data/mine.csv[target=label] | minmax"
    assert short.classes == ("no", "yes")
    assert short.notes["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    other = make_dataset(registry, f"file:{path.resolve()}[target=a,categorical=label]")
    assert other.features == ("b", "label=no", "label=yes")


def test_a_changed_file_is_a_new_cell(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(ROWS)
    (before,) = cells(registry, "file:mine.csv")
    assert any(hashlib.sha256(ROWS.encode()).hexdigest() in v for v in before.versions)
    assert cells(registry, "file:mine.csv") == (before,)
    Path("mine.csv").write_text(ROWS.replace("2.5", "2.6"))
    (after,) = cells(registry, "file:mine.csv")
    assert (after.data, after.solver) == (before.data, before.solver)
    assert after.id != before.id


def test_a_missing_file_is_found_out_before_anything_runs(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SuiteError, match=r"problem\[0\].data: none.csv .*cannot be read"):
        cells(registry, "file:none.csv")


def test_names_after_a_colon_belong_to_data_sets_that_take_them(registry):
    with pytest.raises(UnknownNameError, match="'iris:3'"):
        resolve(registry, "iris:3")
    with pytest.raises(UnknownNameError, match="'fiel'"):
        resolve(registry, "fiel:a.csv")
    with pytest.raises(SpecError, match="no parameter 'targte'"):
        resolve(registry, "file:a.csv[targte=3]")


def own(registry: Registry, tmp_path: Path, content: bytes, more: str = "", name: str = "own.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return make_dataset(registry, f'file[path="{path}"{more}]')


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"a,y\n1,0\n2,0\n", "one class only"),
        (b"a,y\n", "no rows"),
        (b"", "no rows"),
        (b"\xef\xbb\xbf", "no rows"),
        (b"a,b,y\n1,2,0\n1,1\n", r"line 3: 2 fields, expected 3"),
        (b"a,b,y\n1,2,0\n,,\n", r"line 3, column 'a': '' is missing"),
        (b"a,y\nnan,0\n2,1\n", r"line 2, column 'a': 'nan' is missing"),
        (b"a,y\n1,0\n-inf,1\n", r"line 3, column 'a': '-inf' is not a finite number"),
        (b"a,y\n1,0\n1e999,1\n", r"line 3, column 'a': '1e999' is not a finite number"),
        (b"a,y\n1,0\n1e300,1\n", "too large for exact arithmetic"),
        ("a,y\n1,0\n2,ü\n".encode("latin-1"), "not UTF-8 text"),
        ("a,y\n1,0\n2,1\n".encode("utf-16"), "not UTF-8 text"),
        (b'a,y\n"1,0\n2,1\n', r"1 fields, expected 2"),
        (b"a,y\n1,0\n" + b"1" * 200_000 + b",1\n", "line 3: field larger than field limit"),
    ],
)
def test_damaged_text_is_a_clear_error(registry, tmp_path, content, match):
    with pytest.raises(DataError, match=match):
        own(registry, tmp_path, content)


def test_wrong_columns_are_named_with_the_nearest(registry, tmp_path):
    with pytest.raises(DataError, match=r"no column 'lable'.*'label'"):
        own(registry, tmp_path, ROWS.encode(), ",target=lable")
    with pytest.raises(DataError, match="3 columns, there is no column 7"):
        own(registry, tmp_path, ROWS.encode(), ",categorical=7")


def test_unicode_names_and_a_byte_order_mark(registry, tmp_path):
    text = '\ufeffgröße,"a, b",класс\r\n1,2,да\r\n2,3,нет\r\n'
    data = own(registry, tmp_path, text.encode(), name="mañana.csv")
    assert data.features == ("größe", "a, b")
    assert data.classes == ("да", "нет")
    data.save(tmp_path / "saved")
    assert type(data).load(tmp_path / "saved").features == data.features


def test_quoted_line_breaks_do_not_cut_rows(registry, tmp_path):
    text = b'a,colour,y\n1,"dark\x0bred",0\n2,"light\nblue",1\n'
    data = own(registry, tmp_path, text, ",categorical=colour")
    assert data.X.shape == (2, 3)


def test_a_million_columns(registry, tmp_path):
    d = 10**6
    rows = [",".join(map(str, np.arange(d) % (k + 2))) + f",{k % 2}" for k in range(3)]
    start = time.process_time()
    data = own(registry, tmp_path, "\n".join(rows).encode())
    assert data.X.shape == (3, d)
    assert data.X[2, :5].tolist() == [0, 10**4, 2 * 10**4, 3 * 10**4, 0]
    assert len(data.digest) == 64
    assert data.group_counts.shape == (3, 2)
    assert time.process_time() - start < 60


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_arrays_with_values_that_are_not_finite(registry, tmp_path, bad):
    np.savez(tmp_path / "a.npz", X=np.array([[1.0, 2.0], [bad, 3.0]]), y=np.array([0, 1]))
    with pytest.raises(DataError, match="Row 1, column 0"):
        make_dataset(registry, f"file:{tmp_path}/a.npz")


def test_truncated_arrays(registry, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, X=np.ones((50, 2)), y=np.arange(50) % 2)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="expected plain arrays"):
        make_dataset(registry, f"file:{path}")


def test_parquet(registry, tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {"x": [0.1, 2.5, -3.0], "colour": ["red", None, "blue"], "kind": ["b", "a", "b"]}
    )
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    with pytest.raises(DataError, match=r"row 1, column 'colour': '' is missing"):
        make_dataset(registry, f"file:{path}[categorical=colour]")
    data = make_dataset(registry, f"file:{path}[categorical=colour,missing=level]")
    assert data.features == ("x", "colour=", "colour=blue", "colour=red")
    assert data.X.tolist() == [[1000, 0, 0, 10000], [25000, 10000, 0, 0], [-30000, 0, 10000, 0]]
    assert data.classes == ("a", "b")
    path.write_bytes(b"PAR1 but no more")
    with pytest.raises(DataError, match="no Parquet file"):
        make_dataset(registry, f"file:{path}")
