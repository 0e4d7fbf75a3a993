"""``bnnbench run`` as a user meets it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bnnbench.store import Store

FAULTS = Path(__file__).parents[1] / "runner" / "faults.py"


def bnnbench(*args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bnnbench", *map(str, args)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def adhoc(tmp_path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    common = ("--plugin", FAULTS, "--dataset", "blobs", "--hidden", "3", "--time-limit", "5")
    return bnnbench("run", *common, *more, cwd=tmp_path)


def test_an_ad_hoc_run_ends_with_a_table_and_says_where_the_store_is(tmp_path):
    done = adhoc(tmp_path, "--solver", "honest", "--seeds", "0-2")
    assert done.returncode == 0, done.stderr
    assert "blobs; 3; integer[P=1]; errors" in done.stdout
    (line,) = [x for x in done.stdout.splitlines() if x.startswith("honest")]
    assert line.split()[1:3] == ["3", "3"]
    assert "3 cells run, 0 taken from the store adhoc.bnnbench" in done.stdout
    assert (tmp_path / "adhoc.bnnbench").exists()
    again = adhoc(tmp_path, "--solver", "honest", "--seeds", "0-2")
    assert "0 cells run, 3 taken from the store" in again.stdout


def test_a_failing_cell_gives_exit_code_1_and_its_reason(tmp_path):
    done = adhoc(tmp_path, "--solver", "honest", "--solver", "raises")
    assert done.returncode == 1
    assert "error x1 raises: ValueError: no idea" in done.stdout


def test_skipped_and_timeout_are_no_failures(tmp_path):
    done = adhoc(tmp_path, "--solver", "absent", "--solver", "picky")
    assert done.returncode == 0
    assert "skipped x1 absent: not installed: no-such-distribution" in done.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--solver", "honst"], "There is no solver 'honst'. Did you mean 'honest'"),
        (["--solver", "highs[x"], "position"),
        (["--solver", "honest[try=3]"], "has no parameter 'try'. Did you mean 'tries'?"),
        (["--solver", "honest[tries=many]"], "Expected `int`, got `str`"),
        (["--solver", "honest", "--objective", "erors"], "Did you mean 'errors'"),
        (["--solver", "honest", "--domain", "ternary"], "There is no weight domain 'ternary'"),
        (["--solver", "honest", "--seeds", "a"], "--seeds: expected 0,1,2 or 0-7"),
        (["--solver", "honest", "--hidden", "x"], "--hidden: expected widths such as 16 or 8,8"),
        (["--solver", "honest", "--time-limit", "5 parsec"], "expected a time such as 90"),
        ([], "at least --dataset and --solver"),
    ],
)
def test_bad_input_names_the_thing_and_the_remedy(tmp_path, args, words):
    done = adhoc(tmp_path, *args)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.bnnbench"))


def test_a_store_that_is_none_gives_exit_code_3(tmp_path):
    (tmp_path / "adhoc.bnnbench").write_text("this is a shopping list, not a database")
    done = adhoc(tmp_path, "--solver", "honest")
    assert done.returncode == 3
    assert "Cannot open adhoc.bnnbench" in done.stderr


def test_a_suite_with_its_own_plugin_replays_and_verifies(tmp_path):
    (tmp_path / "tiny.toml").write_text(
        textwrap.dedent(
            f"""
            seeds = [0, 1]
            [suite]
            plugins = ["{FAULTS}"]
            [[problem]]
            data = "blobs[seed={{seed}}]"
            hidden = [[3], [2, 2]]
            objective = "saturated-margin"
            [[method]]
            solver = "honest"
            """
        )
    )
    done = bnnbench("run", "tiny.toml", "--quiet", "--jobs", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with Store(tmp_path / "tiny.bnnbench", create=False) as store:
        records = list(store.records())
    assert len(records) == 4
    assert len({r.problem for r in records}) == 4
    plugin = ("--plugin", FAULTS)
    again = bnnbench(
        "replay", records[0].id[:10], "--store", "tiny.bnnbench", *plugin, cwd=tmp_path
    )
    assert again.returncode == 0, again.stdout + again.stderr
    checked = bnnbench("verify", "tiny.bnnbench", *plugin, cwd=tmp_path)
    assert checked.returncode == 0
    assert "4 networks checked, 0 differ" in checked.stdout


def test_verify_finds_a_tampered_record(tmp_path):
    adhoc(tmp_path, "--solver", "honest")
    with Store(tmp_path / "adhoc.bnnbench") as store:
        (record,) = store.records()
        exact = f'"exact":"{record.evaluation.exact}"'
        store._db.execute(
            "update bodies set body = replace(cast(body as text), ?, ?)",
            (exact, '"exact":"0"'),
        )
    done = bnnbench("verify", "adhoc.bnnbench", "--plugin", FAULTS, cwd=tmp_path)
    assert done.returncode == 1
    assert "exact differ" in done.stdout
