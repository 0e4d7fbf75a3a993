"""What the commands say and their exit codes: 0 well, 1 bad cells, 2 bad input, 3 bad store."""

from __future__ import annotations

import json
import re
import sqlite3

import msgspec
import pytest

from bnnbench import __version__, netfile
from bnnbench.cli import COMMANDS
from bnnbench.record import Record
from bnnbench.store import Store


def ids(path, **where):
    with Store(path, create=False) as store:
        return [r.id for r in store.records() if all(getattr(r, k) == v for k, v in where.items())]


def test_help_lists_every_command(bnnbench):
    shown = bnnbench("--help")
    assert shown.code == 0
    assert all(name in shown.out for name in COMMANDS)
    assert "Exit codes:" in shown.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(bnnbench, name):
    shown = bnnbench(name, "--help")
    assert shown.code == 0
    assert "Usage: bnnbench " + name in shown.out


def test_version(bnnbench):
    assert bnnbench("--version").out.strip().endswith(__version__)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lsit"], "There is no command 'lsit'. Did you mean 'list'"),
        (["list", "solvers", "--jsn"], "No such option"),
        (["suite", "check", "nothing"], "There is no suite 'nothing'"),
        (["run"], "Give a SUITE, or at least --dataset and --solver"),
        (["run", "-d", "xor", "-s", "coim"], "There is no solver 'coim'. Did you mean 'coin'?"),
        (["run", "-d", "xor", "-s", "reader"], "add --formulation, one of program"),
        (["run", "-d", "xor", "-s", "coin", "--hidden", "x"], "expected widths such as 16 or 8,8"),
        (["run", "-d", "xor", "-s", "coin", "--seeds", "a"], "expected 0,1,2 or 0-7, got 'a'"),
        (["run", "toss", "-d", "xor"], "either a SUITE or an ad-hoc problem"),
        (["run", "-d", "xor", "-s", "coin", "--time-limit", "0"], "a time above 0, got '0'"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_bad_input(bnnbench, suite_file, arguments, words):
    refused = bnnbench(*arguments)
    assert refused.code == 2
    assert words in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    "command",
    [["show"], ["export", "{}", "out.csv"], ["merge", "new.bnnbench"], ["verify"],
     ["replay", "abc", "--store"]],
)  # fmt: skip
def test_bad_stores(bnnbench, tmp_path, command):
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("create table t (a)")
    db.close()
    arguments = [a.format(other) for a in command]
    refused = bnnbench(*arguments, *([] if str(other) in arguments else [other]))
    assert refused.code == 3
    assert "is an SQLite file but not a bnnbench store" in refused.err


def test_a_missing_store(bnnbench):
    refused = bnnbench("show", "none.bnnbench")
    assert refused.code == 3
    assert "There is no store at none.bnnbench. 'bnnbench run SUITE' makes one" in refused.err


def test_checking_a_suite(bnnbench, suite_file):
    for name in ("toss", suite_file):
        shown = bnnbench("suite", "check", name)
        assert shown.code == 0
        assert "toss.toml: 4 cells" in shown.out
        assert re.search(r"2\s+coin\[tries=2\]", shown.out)
        assert "at most 4.0 minutes" in shown.out
    suite_file.write_text(suite_file.read_text().replace('"coin"', '"coim"'))
    refused = bnnbench("suite", "check", "toss")
    assert refused.code == 2
    assert "toss.toml: key method[0].solver: There is no solver 'coim'" in refused.err


def test_checking_a_suite_with_its_own_plugin(bnnbench, suite_file, plugin_file):
    plugin_file(
        '''
        def dice(*, sides: int = 6):
            """A die."""
        @hookimpl
        def bnnbench_datasets(): return [dice]
        ''',
        "suites/dice.py",
    )
    text = suite_file.read_text().replace('"xor"', '"dice[sides=8]"')
    suite_file.write_text(text.replace("[suite]", '[suite]\nplugins = ["dice.py"]'))
    assert bnnbench("suite", "check", "toss").code == 0


def test_the_schema(bnnbench, tmp_path):
    schema = json.loads(bnnbench("suite", "schema").out)
    assert bnnbench("suite", "schema", "-o", tmp_path / "s.json").code == 0
    assert json.loads((tmp_path / "s.json").read_text()) == schema


def test_the_summary(bnnbench, store_file):
    shown = bnnbench("show", store_file)
    assert shown.code == 0
    assert "xor; 2; integer[P=1]; errors" in shown.out
    assert "1 crash" in shown.out
    assert "crash x1 coin[tries=2]: signal SIGSEGV" in shown.out
    empty = bnnbench("show", store_file, "--suite", "other")
    assert "holds no records of suite other" in empty.out


def test_one_line_per_cell(bnnbench, store_file):
    lines = bnnbench("show", store_file, "--cells").out.splitlines()
    assert [line.split()[0] for line in lines] == [i[:10] for i in ids(store_file)]
    assert "crash" in lines[3]
    raw = bnnbench("show", store_file, "--json").out.splitlines()
    assert [msgspec.json.decode(line, type=Record).id for line in raw] == ids(store_file)


def test_one_cell(bnnbench, store_file, tmp_path):
    key = ids(store_file)[0]
    shown = bnnbench("show", store_file, key[:12], "--save-network", tmp_path / "a.net")
    assert shown.code == 0
    for word in (key, "info.nodes", "trace", "Run again: bnnbench replay", "coin"):
        assert word in shown.out
    assert " nan" not in shown.out
    plain = json.loads(bnnbench("show", store_file, key[:12], "--json").out)
    assert netfile.load(tmp_path / "a.net").digest == plain["evaluation"]["network"]
    assert plain["trace"][0][0] == 0.1


def test_a_cell_without_network(bnnbench, store_file, tmp_path):
    key = ids(store_file, ending="crash")[0]
    assert "Segmentation fault" in bnnbench("show", store_file, key).out
    refused = bnnbench("show", store_file, key, "--save-network", tmp_path / "a.net")
    assert refused.code == 2
    assert "has no network" in refused.err
    assert not (tmp_path / "a.net").exists()


def test_a_cell_that_is_not_there(bnnbench, store_file):
    refused = bnnbench("show", store_file, "zzz")
    assert refused.code == 3
    assert "No cell of" in refused.err


@pytest.mark.parametrize("ending", ["jsonl", "ndjson"])
def test_exporting_lines(bnnbench, store_file, tmp_path, ending):
    target = tmp_path / f"out.{ending}"
    shown = bnnbench("export", store_file, target)
    assert shown.out == f"4 records written to {target}\n"
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [r["id"] for r in rows] == ids(store_file)
    first = rows[0]
    assert (first["data"], first["solver"], first["method"], first["hidden"]) == (
        "xor", "coin", "coin", "2"
    )  # fmt: skip
    assert first["gap"] == first["objective"] - 0.0
    assert first["best_objective"] == min(r["objective"] for r in rows[:3])
    assert (rows[3]["ending"], rows[3]["objective"], rows[3]["gap"]) == ("crash", None, None)


def test_exporting_needs_a_format(bnnbench, store_file, tmp_path):
    refused = bnnbench("export", store_file, tmp_path / "out.xyz")
    assert refused.code == 2
    assert "Cannot tell a format from 'out.xyz': add --format" in refused.err
    assert bnnbench("export", store_file, tmp_path / "o.xyz", "--format", "jsonl").code == 0


def test_exporting_to_a_place_that_cannot_be(bnnbench, store_file, tmp_path):
    refused = bnnbench("export", store_file, tmp_path / "none" / "out.jsonl")
    assert refused.code == 3
    assert "Cannot write" in refused.err


def test_exporting_without_pandas_says_so(bnnbench, store_file, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    refused = bnnbench("export", store_file, tmp_path / "out.csv")
    assert refused.code == 3
    assert "pip install 'bnnbench[pandas]'" in refused.err


def test_merging(bnnbench, store_file, tmp_path):
    target = tmp_path / "all.bnnbench"
    assert "4 records added, 0 known already" in bnnbench("merge", target, store_file).out
    again = bnnbench("merge", target, store_file, store_file)
    assert again.code == 0
    assert again.out.count("0 records added, 4 known already") == 2
    assert ids(target) == ids(store_file)
    assert bnnbench("merge", target).code == 2


def test_verifying(bnnbench, store_file):
    shown = bnnbench("verify", store_file)
    assert (shown.code, shown.out) == (0, "3 networks checked, 0 differ\n")


def test_verifying_a_store_that_was_tampered_with(bnnbench, store_file):
    key = ids(store_file)[1]
    with sqlite3.connect(store_file) as db:
        (body,) = db.execute("select body from latest where id = ?", (key,)).fetchone()
        record = msgspec.json.decode(body)
        record["evaluation"]["exact"] = "0.5"
        of = "where key = (select key from records where id = ?)"
        db.execute(f"update bodies set body = ? {of}", (json.dumps(record).encode(), key))
        db.execute(f"update artefacts set network = ? {of}", (b"junk", ids(store_file)[2]))
    db.close()
    shown = bnnbench("verify", store_file)
    assert shown.code == 1
    assert f"{key[:10]}: exact differ" in shown.out
    assert "is corrupt or truncated" in shown.out
    assert "3 networks checked, 2 differ" in shown.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(bnnbench, shell):
    shown = bnnbench("completion", shell)
    assert shown.code == 0
    assert "_BNNBENCH_COMPLETE" in shown.out


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exporting_frames(bnnbench, store_file, tmp_path, suffix):
    pandas = pytest.importorskip("pandas")
    target = tmp_path / f"out.{suffix}"
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    assert bnnbench("export", store_file, target).out == f"4 records written to {target}\n"
    frame = getattr(pandas, f"read_{suffix}")(target)
    assert frame["id"].tolist() == ids(store_file)
    assert frame["ending"].tolist() == ["ok", "ok", "ok", "crash"]


def test_an_interrupt_ends_with_130(bnnbench, store_file, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "__len__", interrupted)
    monkeypatch.setattr(Store, "columns", lambda self, *a, **k: interrupted(self))
    stopped = bnnbench("show", store_file)
    assert stopped.code == 130
    assert "Interrupted." in stopped.err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exporting_in_parts_gives_the_same_file(
    bnnbench, store_file, tmp_path, suffix, monkeypatch
):
    """The last part holds only a crashed cell, without figures and texts that the first one has."""
    pandas = pytest.importorskip("pandas")
    whole, parts = tmp_path / f"whole.{suffix}", tmp_path / f"parts.{suffix}"
    bnnbench("export", store_file, whole)
    monkeypatch.setattr("bnnbench.frames._CHUNK", 3)
    assert bnnbench("export", store_file, parts).out == f"4 records written to {parts}\n"
    read = getattr(pandas, f"read_{suffix}")
    pandas.testing.assert_frame_equal(read(parts), read(whole))
    monkeypatch.setattr("bnnbench.frames._CHUNK", 1)
    bnnbench("export", store_file, parts)
    pandas.testing.assert_frame_equal(read(parts), read(whole))
