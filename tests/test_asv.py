from __future__ import annotations

import itertools
import json
import math
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bnnbench import asv
from bnnbench.asv.results import Target, benchmark_name
from bnnbench.asv.samples import figure
from bnnbench.errors import StoreError
from bnnbench.store import Store

ROOT = Path(__file__).parents[1]

PLUGIN = '''
from dataclasses import dataclass
import numpy as np
from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver
from bnnbench.solution import Solution
from bnnbench.table import Table

def parity(*, rows: int = 8) -> Table:
    X = np.array([[int(b) for b in f"{i % 8:03b}"] for i in range(rows)])
    part = (np.arange(rows) % 4 == 3).astype(int) * 2
    return Table(X, X.sum(axis=1) % 2, part)

@dataclass(frozen=True)
class Uniform(Solver):
    """One random network."""
    name = "uniform"
    def solve(self, model, limits, seed, report):
        return Solution.found(model.problem.random_network(np.random.default_rng(seed)))

@dataclass(frozen=True)
class Broken(Solver):
    """Raises."""
    name = "broken"
    def solve(self, model, limits, seed, report):
        raise RuntimeError("broken")

@dataclass(frozen=True)
class Choosy(Solver):
    """Accepts nothing."""
    name = "choosy"
    def accepts(self, model):
        return "no"
    def solve(self, model, limits, seed, report):
        raise AssertionError

@hookimpl
def bnnbench_datasets():
    return [parity]

@hookimpl
def bnnbench_solvers():
    return [Uniform, Broken, Choosy]
'''

SUITE = """
seeds = [0, 1]
suite.plugins = ["toy.py"]
limits.time = 20

[[problem]]
data = ["parity", "parity[rows=16]"]
hidden = [2]
objective = "errors"

[[method]]
solver = ["uniform", "broken", "choosy"]

[[exclude]]
data = "parity[rows=16]"
solver = "uniform"
"""

SMALL, LARGE = (f"parity{rows}; 2; integer[P=1]; errors" for rows in ("", "[rows=16]"))


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "toy.py").write_text(PLUGIN)
    path = tmp_path / "quickstart.toml"
    path.write_text(SUITE)
    return path


def test_parameters_are_problems_and_methods_in_order(suite: Path) -> None:
    methods = ["uniform; 20 s", "broken; 20 s", "choosy; 20 s"]
    assert asv.params(suite) == ([SMALL, LARGE], methods)


def test_only_seeds_share_a_point(suite: Path) -> None:
    text = SUITE + '[[method]]\nsolver = "uniform"\ntime = 10\nthreads = 2\n'
    text += '[[problem]]\ndata = "parity"\nhidden = [2]\nobjective = "errors"\ntarget = 1\n'
    suite.write_text(text)
    cells = asv.Cells(suite).suite.cells
    assert 2 * len({asv.key(cell) for cell in cells}) == len(cells)


def test_figures_of_sound_failed_and_missing_cells(suite: Path, tmp_path: Path) -> None:
    found = asv.figures(suite, tmp_path)
    good = found[SMALL, "uniform; 20 s"]
    with Store(tmp_path / "quickstart.bnnbench", create=False) as store:
        records = {
            r.cell["seed"]: r for r in store.records() if r.cell["solver"] == "uniform"
        }  # fmt: skip
    facts = [records[seed].evaluation for seed in (0, 1)]
    assert all(facts)
    assert good["error_pct"] == [100 * (1 - f.parts["test"].argmax) for f in facts if f]
    assert good["gap"] == [f.objective for f in facts if f]
    for name in asv.FIGURES:
        samples = good[name]
        assert samples is not None
        assert len(samples) == 2
        assert asv.look_up(found, name, SMALL, "uniform; 20 s") == sum(samples) / 2
        assert asv.look_up(found, name, SMALL, "broken; 20 s") is None
        skipped = asv.look_up(found, name, SMALL, "choosy; 20 s")
        excluded = asv.look_up(found, name, LARGE, "uniform; 20 s")
        assert isinstance(skipped, float)
        assert isinstance(excluded, float)
        assert math.isnan(skipped)
        assert math.isnan(excluded)


def test_eight_seeds_give_samples_and_one_failure_fails_the_point() -> None:
    assert figure([1.0] * 8) == {"samples": [1.0] * 8, "number": 1}
    assert figure([1.0, 2.0, 9.0]) == 2.0
    assert figure(None) is None


def test_what_is_pickled_is_small(suite: Path, tmp_path: Path) -> None:
    assert len(pickle.dumps(asv.figures(suite, tmp_path))) < 5000


def test_a_named_store_is_resumed(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.bnnbench"
    monkeypatch.setenv(asv.STORE, str(path))
    first = asv.figures(suite, tmp_path)
    assert asv.figures(suite, tmp_path) == first
    with Store(path, create=False) as store:
        assert all(r.attempt == 1 for r in store.records())
        assert len(store) == 10


class Repository:
    """A scratch repository with our asv configuration, and asv in it."""

    def __init__(self, path: Path, home: Path) -> None:
        self.path = path
        paths = os.pathsep.join(p for p in sys.path if p)
        self.environment = os.environ | {"HOME": str(home), "ASV_PYTHONPATH": paths}
        path.mkdir(exist_ok=True)
        shutil.copy(ROOT / "asv.conf.json", path)
        (path / "suites").mkdir(exist_ok=True)
        (path / "suites" / "__init__.py").touch()
        self.call("git", "init", "--quiet")

    def call(self, *words: str, allowed: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            words, cwd=self.path, env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode in allowed, done.stdout + done.stderr
        return done.stdout.strip()

    def asv(self, *words: str, allowed: tuple[int, ...] = (0,)) -> str:
        return self.call(sys.executable, "-m", "asv", *words, allowed=allowed)

    def commit(self, message: str) -> str:
        author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        self.call("git", "add", ".")
        self.call("git", *author, "commit", "--quiet", "--allow-empty", "-m", message)
        return self.call("git", "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    pytest.importorskip("asv")
    if shutil.which("git") is None:
        pytest.skip("needs git")
    return Repository(tmp_path / "repo", tmp_path)


def test_asv_runs_our_module_and_stores_what_it_tracks(
    suite: Path, repository: Repository, tmp_path: Path
) -> None:
    suite.write_text(SUITE.replace("[0, 1]", "[0, 1, 2, 3, 4, 5, 6, 7]"))
    for source in (tmp_path / "toy.py", suite, ROOT / "suites" / "quickstart_asv.py"):
        shutil.copy(source, repository.path / "suites")
    commit = repository.commit("suite")
    repository.asv("machine", "--yes")
    words = ("run", "--python=same", f"--set-commit-hash={commit}")
    repository.asv(*words, allowed=(0, 2))  # 2: something failed, here the solver that raises
    (path,) = repository.path.glob(f".asv/results/*/{commit[:8]}*.json")
    content = json.loads(path.read_text())
    points = list(itertools.product(*asv.params(suite)))
    assert set(content["results"]) == {benchmark_name("quickstart", f) for f in asv.FIGURES}
    for row in content["results"].values():
        columns = dict(zip(content["result_columns"], row, strict=False))
        values = dict(zip(points, columns["result"], strict=True))
        repeats = dict(zip(points, columns["stats_repeat"], strict=True))
        assert values[SMALL, "uniform; 20 s"] >= 0
        assert repeats[SMALL, "uniform; 20 s"] == 8
        assert values[SMALL, "broken; 20 s"] is None
        assert math.isnan(values[LARGE, "uniform; 20 s"])


def test_asv_compares_what_was_exported(
    simulation: Any, repository: Repository, tmp_path: Path
) -> None:
    """A slowdown and a drop in accuracy between two commits are found by asv itself."""
    simulated = simulation(problems=2, seeds=9, decades=0.05)
    stores = [
        simulated.store(tmp_path / "before", 0),
        simulated.store(tmp_path / "after", 1, slower=1.6, worse=0.15),
    ]
    commits = [repository.commit("one"), repository.commit("two")]
    results = repository.path / ".asv" / "results"
    for path, commit in zip(stores, commits, strict=True):
        with Store(path, create=False) as store:
            asv.export(store, Target(results, commit, 1.6e9, "here"))
    compared = repository.asv("compare", "--factor=1.2", *commits)
    worse = [line for line in compared.splitlines() if line.startswith("| +")]
    found = {name for name in asv.FIGURES for line in worse if f"sim_asv.Sim.track_{name}(" in line}
    assert found >= {"seconds", "error_pct"}
    assert "peak_memory" not in found
    assert "track_gap" in repository.asv("show", commits[0][:8])
    repository.asv("publish")
    index = json.loads((repository.path / ".asv" / "html" / "index.json").read_text())
    assert benchmark_name("sim", "gap") in index["benchmarks"]


def test_exported_intervals_are_those_of_asv(simulation: Any, tmp_path: Path) -> None:
    compute_stats = pytest.importorskip("asv_runner.statistics").compute_stats
    path = simulation(problems=1, seeds=9).store(tmp_path / "s", 0)
    with Store(path) as store:
        written = asv.export(store, Target(tmp_path, "c" * 40, 0.0))
        records = [r for r in store.records() if r.cell["solver"] == "highs"]
    content = json.loads(written.read_text())
    row = dict(
        zip(
            content["result_columns"], content["results"]["sim_asv.Sim.track_seconds"], strict=False
        )
    )
    at = row["params"][1].index("'highs; 10 s'")
    value, stats = compute_stats([r.seconds.solve for r in records], 1)
    assert row["result"][at] == pytest.approx(value)
    for name in ("ci_99_a", "ci_99_b", "q_25", "q_75", "repeat", "number"):
        assert row[f"stats_{name}"][at] == pytest.approx(stats[name])


def test_export_wants_records_and_one_machine(simulation: Any, tmp_path: Path) -> None:
    target = Target(tmp_path, "c" * 40, 0.0)
    with Store(tmp_path / "empty") as store, pytest.raises(StoreError, match="has no records"):
        asv.export(store, target)

    def elsewhere(record: Any, cell: Any) -> Any:
        return msgspec.structs.replace(record, host={"node": f"node{cell.seed % 2}"})

    path = simulation().store(tmp_path / "two", 0, edit=elsewhere)
    with Store(path) as store:
        with pytest.raises(StoreError, match="node0, node1"):
            asv.export(store, target)
        named = Target(tmp_path, "c" * 40, 0.0, machine="farm")
        assert asv.export(store, named).parent.name == "farm"
        with pytest.raises(StoreError, match="of suite 'other'"):
            asv.export(store, named, "other")
