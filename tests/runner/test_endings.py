"""Every way a solver can end gives the right typed row, and hurts nobody else."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest

from bnnbench.analysis import knowledge
from bnnbench.record import Ending
from bnnbench.store import Store


def test_an_honest_solver_is_verified(bench):
    record = bench.one("honest")
    assert record.ending is Ending.OK
    assert record.stage == "done"
    assert record.evaluation.feasible
    assert record.evaluation.objective == record.claims.objective
    assert set(record.evaluation.parts) == {"train", "test"}
    assert bench.artefacts(record).network
    assert [p.objective for p in bench.artefacts(record).trace] == [record.evaluation.objective]


@pytest.mark.parametrize(
    ("solver", "ending", "words"),
    [
        ("raises", Ending.ERROR, "ValueError: no idea"),
        ("exits", Ending.CRASH, "status 7"),
        ("aborts", Ending.CRASH, "SIGABRT"),
        ("segfaults", Ending.CRASH, "SIGSEGV"),
        ("returns-none", Ending.ERROR, "must return a Solution, got NoneType"),
        ("outside", Ending.INVALID, "outside the problem's class"),
        ("lies", Ending.INVALID, "claims objective"),
        ("lies-about-bound", Ending.INVALID, "claims bound"),
        ("false-optimum", Ending.INVALID, "claims optimal with a gap of 1"),
        ("modest", Ending.OK, ""),
        ("talks", Ending.OK, ""),
        ("absent", Ending.SKIPPED, "not installed: no-such-distribution"),
        ("picky", Ending.SKIPPED, "too hot"),
    ],
)
def test_endings_in_time(bench, solver, ending, words):
    record = bench.one(solver)
    assert record.ending is ending
    assert words in record.detail
    assert bool(record.detail) == bool(words)


def test_a_solver_deaf_to_sigterm_is_killed_and_its_network_kept(bench):
    record = bench.one("sleeps", time=0.2)
    assert record.ending is Ending.TIMEOUT
    assert record.overrun > 0
    assert record.stage == "solve"
    assert record.evaluation.feasible
    assert record.evaluation.objective == record.claims.objective
    assert record.solver_bound == 0.0
    assert bench.artefacts(record).network
    assert record.seconds.solve >= 0.2


def test_a_solver_spinning_in_c_is_killed(bench):
    record = bench.one("spins", time=0.2)
    assert record.ending is Ending.TIMEOUT
    assert record.evaluation is None


def test_a_lie_streamed_before_an_overrun_is_found(bench):
    record = bench.one("lies-in-time", time=0.2)
    assert record.ending is Ending.INVALID
    assert "claims objective" in record.detail


@pytest.mark.parametrize("solver", ["allocates", "allocates[at_once=true]"])
def test_memory_beyond_the_limit(bench, solver):
    record = bench.one(solver, memory="200 MiB", time=30)
    assert record.ending is Ending.MEMOUT


def test_a_crash_keeps_the_streamed_network(bench):
    record = bench.one("segfaults")
    assert record.ending is Ending.CRASH
    assert record.evaluation.feasible
    assert record.evaluation.objective == record.claims.objective


def test_a_daemon_left_behind_is_killed(bench, tmp_path):
    pidfile = tmp_path / "pid"
    record = bench.one(f'forks[pidfile="{pidfile}"]')
    assert record.ending is Ending.OK
    pid = int(pidfile.read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().split()[2]
        assert state == "Z", "the daemon is still alive"


def test_output_of_a_failed_cell_is_kept(bench):
    record = bench.one("raises")
    assert "no idea" in record.detail
    talking = bench.one("talks")
    assert bench.artefacts(talking).log == ""


def test_data_that_cannot_be_made_gives_rows_that_are_tried_again(bench):
    suite = bench.suite("honest", data=["broken", "blobs"])
    first = bench.run(suite)
    endings = {r.cell["data"]: r for r in first.records}
    assert endings["blobs"].ending is Ending.OK
    assert endings["broken"].ending is Ending.ERROR
    assert endings["broken"].stage == "data"
    assert "the disk is on fire" in endings["broken"].detail
    again = bench.run(suite)
    assert [r.cell["data"] for r in again.records] == ["broken"]


def test_faults_do_not_reach_other_cells(bench, tmp_path):
    bad = ["raises", "exits", "aborts", "segfaults", "sleeps", "spins", "allocates", "lies"]
    bad += ["returns-none", "outside", "talks", f'forks[pidfile="{tmp_path / "pid"}"]']
    suite = bench.suite("honest", *bad, seeds=[0, 1], time=0.3, memory="300 MiB")
    summary = bench.run(suite, jobs=2)
    assert len(summary.records) == len(suite.cells) == 2 * (len(bad) + 1)
    honest = [r for r in summary.records if r.cell["solver"] == "honest"]
    assert [r.ending for r in honest] == [Ending.OK] * 2
    assert all(r.probe and r.host["node"] for r in summary.records)


def test_a_false_bound_is_flagged_on_both_sides(bench):
    bench.run(bench.suite("false-bound", "honest[tries=200]"))
    with Store(bench.path) as store:
        records = {r.cell["solver"]: r for r in store.records()}
        (known,) = knowledge(records.values()).values()
    assert set(known.contradicted) == {r.id for r in records.values()}
    assert known.bound == 0.0
    assert known.best == records["honest[tries=200]"].evaluation.objective


def test_a_target_stops_a_cooperative_solver(bench):
    record = bench.one("cooperative", target=12.0, time=20)
    assert record.ending is Ending.OK
    assert record.claims.termination == "target"
    assert record.evaluation.objective <= 12


def test_sigterm_lets_a_cooperative_solver_answer(bench):
    record = bench.one("cooperative", target=-1.0, time=0.3)
    assert record.ending is Ending.OK
    assert record.overrun > 0
    objectives = [p.objective for p in bench.artefacts(record).trace]
    assert objectives == sorted(objectives, reverse=True)


def test_contradictory_rows_bound_every_gap(bench):
    record = bench.one("honest", data=["blobs[contradict=5]"])
    assert record.lower_bound == 4.0
    infeasible = bench.one("honest", data=["blobs[contradict=5]"], objective="min-weight")
    assert infeasible.ending is Ending.SKIPPED
    assert "different labels" in infeasible.detail


def test_a_preload_that_kills_the_fork_server_is_a_crash_of_its_cells_only(
    bench, tmp_path, monkeypatch
):
    module = tmp_path / "antigravity_of_death.py"
    module.write_text("import os, sys\nsys.stderr.write('falling')\nos._exit(9)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    summary = bench.run(bench.suite("bad-preload", "honest", seeds=[0, 1]))
    endings = {(r.cell["solver"], r.cell["seed"]): r for r in summary.records}
    for seed in (0, 1):
        assert endings["honest", seed].ending is Ending.OK
        assert endings["bad-preload", seed].ending is Ending.CRASH
        assert "falling" in endings["bad-preload", seed].detail


def children() -> set[str]:
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


def test_nothing_runs_when_the_run_is_over(bench):
    before = children()  # other tests may have left some, such as multiprocessing's tracker
    bench.one("sleeps", time=0.2)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if children() <= before:
            return
        time.sleep(0.05)
    pytest.fail(f"still running: {children() - before}")
