from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnbench.errors import SpecError, SuiteError
from bnnbench.suite import SuiteFile, available, find, json_schema, read
from bnnbench.suite.units import seconds, size

HEAD = '[[problem]]\ndata="x"\nobjective="errors"\n'
TAIL = '[[method]]\nsolver="a"\n'


@pytest.fixture
def suite(tmp_path):
    def write(text):
        path = tmp_path / "s.toml"
        path.write_text(text)
        return path

    return write


def test_the_least_suite(suite):
    file = read(suite(HEAD + TAIL))
    assert isinstance(file, SuiteFile)
    assert (file.problem[0].data, file.method[0].solver, file.seeds) == ("x", "a", [0])
    assert (file.limits.time, file.limits.threads) == (60.0, 1)


def test_a_byte_order_mark_is_no_matter(tmp_path):
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + TAIL).encode())
    assert read(path).method


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # unknown keys, with the nearest
        ("problm = 1\n" + HEAD + TAIL, "key problm: the file has no such key. Did you mean 'prob"),
        (HEAD + "output='one'\n" + TAIL, "key problem[0].output: [problem[0]] has no such key. Did"
         " you mean 'outputs'?"),
        (HEAD + TAIL + "solvers='b'\n", "key method[0].solvers: [method[0]] has no such key. Did"
         " you mean 'solver'"),
        (HEAD + TAIL + "[limits]\ntimes=1\n", "key limits.times: [limits] has no such key. Did you"
         " mean 'time'"),
        (HEAD + TAIL + "[suite]\nquestions='?'\n", "key suite.questions: [suite] has no such key."),
        (HEAD + TAIL + "[[exclude]]\nseeds=1\n", "key exclude[0].seeds: [exclude[0]] has no such"
         " key. Did you mean 'seed'?"),
        # missing keys
        (HEAD, "key method is missing."),
        (TAIL, "key problem is missing."),
        ("[[problem]]\ndata='x'\n" + TAIL, "key problem[0].objective is missing."),
        (HEAD + TAIL + "[[method]]\nformulation='f'\n", "key method[1].solver is missing."),
        ("problem=[]\n" + TAIL, "key problem: expected array of length >= 1, got []."),
        # wrong types
        ("seeds=1\n" + HEAD + TAIL, "key seeds: expected array, got int."),
        ("seeds=[0.5]\n" + HEAD + TAIL, "key seeds[0]: expected int, got float."),
        ("problem=3\n" + TAIL, "key problem: expected array, got int."),
        (HEAD + "hidden=['a']\n" + TAIL, "key problem[0].hidden[0]: expected int | array,"
         " got str."),
        (HEAD + "skips=[[1]]\n" + TAIL, "key problem[0].skips[0]: expected array of length 2,"
         " got 1."),
        (HEAD + TAIL.replace('"a"', '["a",1]'), "key method[0].solver[1]: expected str, got int."),
        (HEAD + TAIL + "grid={x=1}\n", "key method[0].grid[...]: expected array, got int."),
        (HEAD + TAIL + "[limits]\ntime=true\n", "key limits.time: expected float | str, got bool."),
        (HEAD + TAIL + "[suite]\nplugins='p.py'\n", "key suite.plugins: expected array, got str."),
        # values out of range
        (HEAD + "outputs='two'\n" + TAIL, "key problem[0].outputs: expected classes or one, got"
         " 'two'."),
        (HEAD + "activation='relu'\n" + TAIL, "key problem[0].activation: expected sign or step,"
         " got 'relu'."),
        (HEAD + "hidden=[[4],[0]]\n" + TAIL, "key problem[0].hidden[1][0]: expected int >= 1,"
         " got 0"),
        (HEAD + "density=0\n" + TAIL, "key problem[0].density: expected float > 0.0, got 0."),
        (HEAD + "density=1.5\n" + TAIL, "key problem[0].density: expected float <= 1.0, got 1.5."),
        (HEAD + TAIL + "threads=0\n", "key method[0].threads: expected int >= 1, got 0."),
        (HEAD + TAIL + "[limits]\ntime=-1\n", "key limits.time: expected float > 0.0, got -1."),
        (HEAD + TAIL + "[limits]\nmemory=-1\n", "key limits.memory: expected int >= 0, got -1."),
        (HEAD + TAIL + "[limits]\ngrace=-1\n", "key limits.grace: expected float >= 0.0, got -1."),
    ],
)  # fmt: skip
def test_errors_name_file_key_expected_and_got(suite, text, message):
    path = suite(text)
    with pytest.raises(SuiteError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_what_is_no_toml(suite, tmp_path):
    with pytest.raises(SuiteError, match=r"s\.toml is not valid TOML: .*line 1"):
        read(suite("[suite\n"))
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SuiteError, match="is not valid TOML"):
        read(tmp_path / "b.toml")
    with pytest.raises(SuiteError, match=r"Cannot read .*No such file"):
        read(tmp_path / "none.toml")


def test_suites_are_found_by_path_and_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugin = tmp_path / "plugin"
    for folder in (tmp_path / "suites", plugin):
        folder.mkdir()
        (folder / "both.toml").write_text(HEAD + TAIL)
    (plugin / "theirs.toml").write_text(HEAD + TAIL)
    (tmp_path / "odd").write_text(HEAD + TAIL)
    assert find("both", [plugin]).resolve() == tmp_path / "suites" / "both.toml"
    assert find("theirs", [plugin]) == plugin / "theirs.toml"
    assert find("odd").name == "odd"
    assert find(str(plugin / "both.toml")) == plugin / "both.toml"
    assert {"both", "theirs"} <= set(available([plugin]))
    with pytest.raises(SuiteError, match=r"There is no suite 'thiers'\. Did you mean 'theirs'\?"):
        find("thiers", [plugin])
    with pytest.raises(SuiteError, match=r"There is no suite file none\.toml"):
        find("none.toml")


def test_the_schema_names_every_table():
    schema = json_schema()
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(schema["$defs"]) >= {"ProblemTable", "MethodTable", "LimitsTable", "ExcludeTable"}


@pytest.mark.parametrize(
    ("text", "value"),
    [(90, 90), ("90", 90), ("2 min", 120), ("1.5h", 5400), (".5 s", 0.5), ("100ms", 0.1),
     (" 1 d ", 86400), ("3 M", 180)],
)  # fmt: skip
def test_times(text, value):
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [(5, 5), ("2 GiB", 2 << 30), ("500 MB", 500 * 10**6), ("1k", 1024), ("1.5 KiB", 1536)],
)
def test_sizes(text, value):
    assert size(text) == value


@pytest.mark.parametrize("text", ["", "min", "-1 s", "1 fortnight", "1 s 2", "1e3 s", "0 s", 0])
def test_what_is_no_time(text):
    with pytest.raises(SpecError, match="expected a time"):
        seconds(text)


@pytest.mark.parametrize("text", ["2 min", "GiB", "x"])
def test_what_is_no_size(text):
    with pytest.raises(SpecError, match="expected a size"):
        size(text)


@given(st.integers(1, 10**6), st.sampled_from(["s", "min", "h"]))
def test_blanks_and_case_mean_nothing(number, unit):
    assert seconds(f"{number}{unit}") == seconds(f" {number}  {unit.upper()} ")
