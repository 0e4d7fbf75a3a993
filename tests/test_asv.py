from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bnnbench import asv
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


def test_parameters_are_problems_methods_and_seeds_in_order(suite: Path) -> None:
    methods = ["uniform; 20 s", "broken; 20 s", "choosy; 20 s"]
    assert asv.params(suite) == ([SMALL, LARGE], methods, [0, 1])


def test_cells_that_differ_in_limits_alone_are_different_points(suite: Path) -> None:
    text = SUITE + '[[method]]\nsolver = "uniform"\ntime = 10\nthreads = 2\n'
    text += '[[problem]]\ndata = "parity"\nhidden = [2]\nobjective = "errors"\ntarget = 1\n'
    suite.write_text(text)
    cells = asv.Cells(suite).suite.cells
    assert len({asv.key(cell) for cell in cells}) == len(cells)


def test_figures_of_sound_failed_and_missing_cells(suite: Path, tmp_path: Path) -> None:
    found = asv.figures(suite, tmp_path)
    for seed in (0, 1):
        good = found[SMALL, "uniform; 20 s", seed]
        assert good["seconds"] is not None
        assert good["seconds"] > 0
        with Store(tmp_path / "quickstart.bnnbench", create=False) as store:
            (record,) = (
                r
                for r in store.records()
                if r.cell["solver"] == "uniform" and r.cell["seed"] == seed
            )
        assert record.evaluation is not None
        assert good["error_pct"] == 100 * (1 - record.evaluation.parts["test"].argmax)
        assert good["gap"] == record.evaluation.objective
        for figure in ("error_pct", "gap", "seconds"):
            assert asv.look_up(found, figure, SMALL, "broken; 20 s", seed) is None
            skipped = asv.look_up(found, figure, SMALL, "choosy; 20 s", seed)
            excluded = asv.look_up(found, figure, LARGE, "uniform; 20 s", seed)
            assert skipped is not None
            assert excluded is not None
            assert math.isnan(skipped)
            assert math.isnan(excluded)


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


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_asv_runs_our_module_and_stores_what_it_tracks(suite: Path, tmp_path: Path) -> None:
    pytest.importorskip("asv")
    suite.write_text(SUITE.replace("[0, 1]", "[0]"))
    repo = tmp_path / "repo"
    shutil.copytree(ROOT / "suites", repo / "suites", ignore=shutil.ignore_patterns("*.toml"))
    shutil.copy(ROOT / "asv.conf.json", repo)
    for name in ("toy.py", "quickstart.toml"):
        shutil.copy(tmp_path / name, repo / "suites")
    paths = os.pathsep.join(p for p in sys.path if p)
    environment = os.environ | {"HOME": str(tmp_path), "ASV_PYTHONPATH": paths}

    def call(*words: str, allowed: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            words, cwd=repo, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode in allowed, done.stdout + done.stderr
        return done.stdout.strip()

    call("git", "init", "--quiet")
    call("git", "add", ".")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    call("git", *author, "commit", "--quiet", "-m", "suite")
    commit = call("git", "rev-parse", "HEAD")
    run = (sys.executable, "-m", "asv")
    call(*run, "machine", "--yes")
    words = ("run", "--python=same", f"--set-commit-hash={commit}", "--bench=track_gap")
    call(*run, *words, allowed=(0, 2))  # 2: something failed, here the solver that raises
    (path,) = repo.glob(f".asv/results/*/{commit[:8]}*.json")
    results = json.loads(path.read_text())["results"]
    problems, methods, seeds = asv.params(suite)
    points = itertools.product(problems, methods, seeds)
    (tracked,) = results.values()
    gaps = dict(zip(points, tracked[0], strict=True))
    assert gaps[SMALL, "uniform; 20 s", 0] >= 0
    assert gaps[SMALL, "broken; 20 s", 0] is None
    assert math.isnan(gaps[LARGE, "uniform; 20 s", 0])
