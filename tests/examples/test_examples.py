"""The examples work, each in a process of its own; the least solver is as short as it is said to be."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from bnnbench.store import Store

EXAMPLES = Path(__file__).parents[2] / "examples"
NEEDS = {"mps-command": "highspy", "cp-sat": "ortools", "own-data": "bnnbench_datasets"}


def test_every_example_is_tried():
    folders = {p.name for p in EXAMPLES.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == {*NEEDS, "plugin-template"}


@pytest.mark.parametrize("name", NEEDS)
def test_an_example_passes_its_own_tests(name, own_tests):
    if importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    assert " passed" in own_tests(EXAMPLES / name)


def test_the_least_solver_takes_twelve_lines():
    lines = (EXAMPLES / "minimal.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 12


def test_the_least_solver_runs(run, tmp_path):
    plugin = EXAMPLES / "minimal.py"
    run("bnnbench", "run", "--plugin", plugin, "--solver", "draw", "--dataset", "iris",
        "--hidden", "2", "-q", cwd=tmp_path)  # fmt: skip
    with Store(tmp_path / "adhoc.bnnbench", create=False) as store:
        (record,) = store.records()
    assert record.ending == "ok"
    assert record.evaluation.feasible
