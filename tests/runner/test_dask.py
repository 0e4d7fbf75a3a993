"""Dask runs the same cells to the same records, and losing workers or clients costs nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import msgspec
import pytest

from bnnbench.errors import DataError, ExecutorError
from bnnbench.record import Ending
from bnnbench.runner import Listener
from bnnbench.runner.system import descendants
from bnnbench.store import Store

distributed = pytest.importorskip("distributed")

from bnnbench.runner import dask, daskworker  # noqa: E402

FAULTS = Path(__file__).parent / "faults.py"


@pytest.fixture(scope="module")
def cluster():
    """Two workers in processes of their own, as somebody else would have started them."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=":0", silence_logs=50
    ) as found:
        yield found


@pytest.fixture
def pids(cluster):
    """Process ids of the workers, as they are now."""

    def ask():
        with distributed.Client(cluster, set_as_default=False) as client:
            return sorted(client.run(os.getpid).values())

    return ask


@pytest.fixture
def remote(bench, cluster):
    return dask.Dask(bench.registry, (FAULTS,), cluster.scheduler_address)


def verified(record):
    """Everything of a record that must not depend on where or when it ran."""
    plain = msgspec.json.decode(msgspec.json.encode(record))
    timed = ("seconds", "created", "probe", "host", "peak_memory", "overrun", "attempt", "detail")
    return {k: v for k, v in plain.items() if k not in timed} | {
        "detail": re.sub(r"[\d.]+ s$", "", record.headline)
    }


def test_the_same_records_as_in_the_local_pool(bench, remote, pids, tmp_path):
    solvers = ["honest", "aborts", "sleeps", "lies", "raises", "outside", "picky", "absent"]
    suite = bench.suite(*solvers, data=["blobs", "blobs[seed=1]", "broken"], time=0.3)
    before = pids()
    far = {r.id: r for r in bench.run(suite, executor=remote).records}
    assert pids() == before, "no cell takes its worker with it"
    traces = {key: bench.artefacts(r).trace for key, r in far.items()}
    logs = {key: bool(bench.artefacts(r).log) for key, r in far.items()}
    bench.path = tmp_path / "local.bnnbench"
    near = {r.id: r for r in bench.run(suite, jobs=2).records}
    assert len(far) == len(suite.cells)
    assert far.keys() == near.keys()
    for key in far:
        assert verified(far[key]) == verified(near[key])
    for key, record in near.items():
        here = bench.artefacts(record)
        assert [p.objective for p in here.trace] == [p.objective for p in traces[key]]
        assert bool(here.log) == logs[key]
    ran = [r for r in far.values() if r.stage != "data"]
    assert {r.host["worker"] for r in ran} == {r.host["worker"] for r in ran if r.host["node"]}
    assert len({r.host["worker"] for r in ran}) == 2


class KillsAWorker(Listener):
    """Kills a worker's process when the third record is there."""

    def __init__(self, pid):
        self.pid, self.count = pid, 0

    def finished(self, record):
        self.count += 1
        if self.count == 3:
            os.kill(self.pid, signal.SIGKILL)


def test_a_killed_worker_costs_no_record(bench, remote, pids, tmp_path):
    victim = pids()[0]
    suite = bench.suite(f'waits[seconds=0.2,log="{tmp_path / "log"}"]', seeds=list(range(12)))
    summary = bench.run(suite, executor=remote, listener=KillsAWorker(victim))
    assert sorted(r.cell["seed"] for r in summary.records) == list(range(12))
    assert {(r.ending, r.attempt) for r in summary.records} == {(Ending.OK, 1)}
    assert victim not in pids()


def test_a_cell_whose_workers_all_die_is_a_row(bench, remote, cluster, pids, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    suite = bench.suite(f'waits[seconds=0.2,log="{tmp_path / "log"}"]', seeds=list(range(12)))
    summary = bench.run(suite, executor=remote, listener=KillsAWorker(pids()[0]))
    assert sorted(r.cell["seed"] for r in summary.records) == list(range(12))
    assert {r.ending for r in summary.records} == {Ending.OK, Ending.CRASH}
    lost = next(r for r in summary.records if r.ending is Ending.CRASH)
    assert "every Dask worker that was to run it died" in lost.detail
    assert lost.host == {}


def write_suite(folder, seconds, cells):
    (folder / "slow.toml").write_text(
        textwrap.dedent(
            f"""
            seeds = {list(range(cells))}
            [suite]
            plugins = ["{FAULTS}"]
            [[problem]]
            data = "blobs"
            hidden = [3]
            objective = "errors"
            [[method]]
            solver = 'waits[seconds={seconds},log="{folder / "log"}"]'
            """
        )
    )
    command = [sys.executable, "-m", "bnnbench", "run", str(folder / "slow.toml")]
    return [*command, "--store", str(folder / "s.bnnbench")]


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started(folder):
    return (folder / "log").exists() and bool((folder / "log").read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_cell_goes_on_when_its_client_stops(tmp_path, cluster, pids, number):
    command = write_suite(tmp_path, 30, 3)
    process = subprocess.Popen(
        [*command, "--executor", "dask", "--address", cluster.scheduler_address],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: len([d for p in pids() for d in descendants(p)]) >= 4)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    wait_until(lambda: not any(descendants(p) for p in pids()))
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "The same command goes on" in errors
        assert "Traceback" not in errors


def test_ctrl_c_at_the_terminal_then_the_local_pool_goes_on(tmp_path):
    """A terminal signals the workers too, which are processes of the same group."""
    command = write_suite(tmp_path, 0.4, 8)
    process = subprocess.Popen(
        [*command, "--executor", "dask", "--jobs", "2"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    store = tmp_path / "s.bnnbench"

    def stored():
        if not store.exists():
            return 0
        with Store(store) as opened:
            return len(opened)

    wait_until(stored)
    tree = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    wait_until(lambda: not [p for p in tree if Path(f"/proc/{p}").exists()])
    kept = stored()
    assert 1 <= kept < 8
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{8 - kept} cells run, {kept} taken from the store" in done.stdout


def test_workers_with_other_plugins_are_refused(bench, remote, monkeypatch):
    honest = daskworker.installed
    extra = ("mip", "bnnbench-mip", "99.0")
    monkeypatch.setattr(daskworker, "installed", lambda registry: [*honest(registry), extra])
    with pytest.raises(ExecutorError, match=r"Worker tcp://.* lacks bnnbench-mip 99.0"):
        bench.run(bench.suite("honest"), executor=remote)


def test_data_that_changed_on_their_way_are_refused(bench, cluster):
    setting = daskworker.Setting(run="digest", plugins=[], installed=[], threads=1)
    (cell,) = bench.suite("honest").cells
    with distributed.Client(cluster, set_as_default=False) as client:
        task = client.submit(
            daskworker.run_cell, msgspec.msgpack.encode(cell), msgspec.msgpack.encode(setting),
            b"other", "0" * 64,
        )  # fmt: skip
        with pytest.raises(DataError, match="changed on its way"):
            task.result()
        client.run(daskworker.end_session, "digest")


def test_no_scheduler_there(bench, monkeypatch):
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 0.5)
    nowhere = dask.Dask(bench.registry, (FAULTS,), "tcp://127.0.0.1:9")
    with pytest.raises(ExecutorError, match=r"no Dask scheduler at tcp://127.0.0.1:9.*--address"):
        bench.run(bench.suite("honest"), executor=nowhere)


def test_distributed_is_not_installed(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExecutorError, match=r"pip install 'bnnbench\[dask\]'"):
        bench.run(bench.suite("honest"), executor=dask.Dask(bench.registry, (FAULTS,)))
