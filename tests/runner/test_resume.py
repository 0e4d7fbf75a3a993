"""Nothing finished is lost or run twice, whatever happens to the main process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from bnnbench.errors import StoreError
from bnnbench.record import Ending
from bnnbench.runner import Listener
from bnnbench.runner.system import descendants
from bnnbench.store import Store

HERE = Path(__file__).parent
CELLS = 20


def write_suite(folder: Path, log: Path, cells: int, seconds: float = 0.05) -> Path:
    path = folder / "slow.toml"
    path.write_text(
        textwrap.dedent(
            f"""
            seeds = {list(range(cells))}
            [suite]
            plugins = ["{HERE / "faults.py"}"]
            [[problem]]
            data = "blobs"
            hidden = [3]
            objective = "errors"
            [[method]]
            solver = 'waits[seconds={seconds},log="{log}"]'
            """
        )
    )
    return path


def command(suite: Path, store: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "bnnbench", "run", str(suite), "--store", str(store), *more]


def stored(path: Path) -> int:
    if not path.exists():
        return 0
    with Store(path) as store:
        return len(store)


def wait_for(store: Path, count: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while stored(store) < count:
        assert process.poll() is None, "the run ended too early"
        assert time.monotonic() < deadline, "the run does not get on"
        time.sleep(0.01)


def test_a_second_run_solves_nothing(bench):
    suite = bench.suite("honest", seeds=[0, 1, 2])
    assert len(bench.run(suite).records) == 3
    again = bench.run(suite)
    assert (again.resumed, again.records) == (3, [])


def test_data_are_made_once_for_all_cells(bench, tmp_path):
    log = tmp_path / "made"
    suite = bench.suite("honest", data=[f'counted[log="{log}"]'], seeds=list(range(6)))
    assert len(bench.run(suite, jobs=2).records) == 6
    assert log.read_text() == "made\n"


def test_retry_runs_an_ending_again_as_a_further_attempt(bench):
    suite = bench.suite("honest", "raises")
    bench.run(suite)
    again = bench.run(suite, retry=["error"])
    assert [(r.cell["solver"], r.attempt) for r in again.records] == [("raises", 2)]


def test_repeat_passes_over_the_suite_as_often_as_asked(bench):
    suite = bench.suite("honest", "raises", seeds=[0, 1])
    first = bench.run(suite, attempts=2)
    assert (first.total, first.resumed) == (8, 0)
    assert [r.attempt for r in first.records] == [1] * 4 + [2] * 4
    second = bench.run(suite, attempts=3)
    assert (second.total, second.resumed) == (12, 8)
    assert [r.attempt for r in second.records] == [3] * 4
    more = bench.run(bench.suite("honest", seeds=[0, 2]), attempts=3)
    assert sorted((r.cell["seed"], r.attempt) for r in more.records) == [(2, 1), (2, 2), (2, 3)]
    assert bench.run(suite, attempts=2).records == []


@pytest.mark.parametrize("after", [1, 4])
def test_kill_9_loses_no_finished_record(tmp_path, after):
    store, log = tmp_path / "r.bnnbench", tmp_path / "log"
    suite = write_suite(tmp_path, log, cells=CELLS, seconds=0.15)
    process = subprocess.Popen(command(suite, store, "--jobs", "2"), stderr=subprocess.DEVNULL)
    wait_for(store, after, process)
    process.kill()
    process.wait()
    kept = stored(store)
    assert after <= kept < CELLS
    before = Counter(log.read_text().split())
    done = subprocess.run(command(suite, store), capture_output=True, text=True, check=True)
    assert f"{CELLS - kept} cells run, {kept} taken from the store" in done.stdout
    with Store(store) as records:
        assert sorted(r.cell["seed"] for r in records.records()) == list(range(CELLS))
        assert {r.ending for r in records.records()} == {Ending.OK}
        assert max(r.attempt for r in records.records()) == 1
    ran = Counter(log.read_text().split()) - before
    assert sum(ran.values()) == CELLS - kept


def test_no_process_survives_a_killed_run(tmp_path):
    store, log = tmp_path / "r.bnnbench", tmp_path / "log"
    suite = write_suite(tmp_path, log, cells=3, seconds=30)
    process = subprocess.Popen(command(suite, store), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tree := descendants(process.pid)) or len(tree) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    tree = descendants(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while alive := [pid for pid in tree if is_alive(pid)]:
        assert time.monotonic() < deadline, f"still alive: {alive}"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_stop_cleanly_and_the_run_resumes(tmp_path, number):
    store, log = tmp_path / "r.bnnbench", tmp_path / "log"
    suite = write_suite(tmp_path, log, cells=CELLS, seconds=0.15)
    process = subprocess.Popen(command(suite, store), stderr=subprocess.PIPE, text=True)
    wait_for(store, 2, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "The same command goes on" in errors
    assert "Traceback" not in errors
    kept = stored(store)
    done = subprocess.run(command(suite, store), capture_output=True, text=True, check=True)
    assert f"{CELLS - kept} cells run, {kept} taken" in done.stdout


def test_a_full_disk_is_an_error_that_explains(tmp_path, bench, monkeypatch):
    suite = bench.suite("honest", seeds=[0, 1, 2])
    bench.run(bench.suite("honest", seeds=[0]))
    original = Store.__init__

    def small(self, path, **options):
        original(self, path, **options)
        pages = self._db.execute("pragma page_count").fetchone()[0]
        self._db.execute(f"pragma max_page_count = {pages}")

    monkeypatch.setattr(Store, "__init__", small)
    many = bench.suite("honest", seeds=list(range(1, 60)))
    with pytest.raises(StoreError, match="Everything finished before is in the store"):
        bench.run(many)
    monkeypatch.undo()
    left = bench.run(suite)
    assert left.resumed >= 1
    assert left.resumed + len(left.records) == 3


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_two_runs_into_one_store_lose_and_double_nothing(tmp_path):
    """Suites that overlap, at the same time: every cell is there once, and both runs finish."""
    store, log = tmp_path / "r.bnnbench", tmp_path / "log"
    small, large = tmp_path / "small", tmp_path / "large"
    for folder in (small, large):
        folder.mkdir()
    suites = [write_suite(small, log, cells=10, seconds=0.1)]
    suites.append(write_suite(large, log, cells=16, seconds=0.1))
    runs = [
        subprocess.Popen(command(s, store, "--jobs", "2"), stdout=subprocess.PIPE, text=True)
        for s in suites
    ]
    said = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    with Store(store) as records:
        attempts = [(r.cell["seed"], r.attempt) for r in records.records(attempts=True)]
    assert sorted(attempts) == [(seed, 1) for seed in range(16)]
    counts = [re.search(r"(\d+) cells run, (\d+) taken", text) for text in said]
    figures = [(int(c[1]), int(c[2])) for c in counts]
    assert [a + b for a, b in figures] == [10, 16]
    assert sum(ran for ran, _ in figures) == 16


def test_a_cell_that_another_run_has_finished_meanwhile_is_not_started(bench):
    suite = bench.suite("honest", seeds=list(range(4)))

    class Other(Listener):
        """Another run, while this one starts its first cell."""

        def started(self, cell):
            if not bench.busy:
                bench.busy = True
                bench.run(suite)

    bench.busy = False
    summary = bench.run(suite, listener=Other())
    assert (summary.resumed, summary.records) == (4, [])
    with Store(bench.path) as store:
        assert [r.attempt for r in store.records(attempts=True)] == [1] * 4
