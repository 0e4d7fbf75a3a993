from __future__ import annotations

import json
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def commit(bnnbench, tmp_path):
    """A repository in the working folder, and its only commit."""
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), (*author, "commit", "-q", "--allow-empty", "-m", "one")):
        subprocess.run(("git", *words), cwd=tmp_path, check=True)
    done = subprocess.run(
        ("git", "rev-parse", "HEAD"), cwd=tmp_path, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_export(bnnbench, commit, simulation, tmp_path):
    store = simulation().store(tmp_path / "sim.bnnbench", 0)
    done = bnnbench("asv", "export", store)
    assert done.code == 0, done.err
    path = tmp_path / ".asv" / "results" / "here" / f"{commit[:8]}-existing-py3.11.json"
    assert path.name in done.out
    content = json.loads(path.read_text())
    assert (content["commit_hash"], content["params"]["cpu"]) == (commit, "x")
    assert content["date"] > 1.6e12
    named = bnnbench(
        "asv", "export", store, "--results", "r", "--machine", "m", "--environment", "e",
        "--suite", "sim", "--commit", commit[:10], "--repo", ".",
    )  # fmt: skip
    assert named.code == 0
    assert (tmp_path / "r" / "m" / f"{commit[:8]}-e.json").is_file()


def test_export_adds_to_what_is_tracked_already(bnnbench, commit, simulation, tmp_path):
    for suite in ("sim", "other-one"):
        store = simulation(seeds=1).store(tmp_path / f"{suite}.bnnbench", 0, suite=suite)
        assert bnnbench("asv", "export", store).code == 0
    known = json.loads((tmp_path / ".asv" / "results" / "benchmarks.json").read_text())
    assert known.pop("version") == 2
    assert {name.rpartition(".")[0] for name in known} == {"sim_asv.Sim", "other_one_asv.OtherOne"}


def test_wrong_commits_and_stores(bnnbench, commit, simulation, tmp_path):
    store = simulation(seeds=1).store(tmp_path / "sim.bnnbench", 0)
    unknown = bnnbench("asv", "export", store, "--commit", "v9")
    assert unknown.code == 2
    assert "There is no commit 'v9'" in unknown.err
    assert bnnbench("asv", "export", "nowhere.bnnbench").code == 3
    assert bnnbench("asv", "export", store, "--suite", "sims").code == 3
