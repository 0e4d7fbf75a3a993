"""The command line in this process, with the toy plugin installed and nothing else."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest

from bnnbench import netfile
from bnnbench.cli import main
from bnnbench.data import make_dataset
from bnnbench.record import Artefacts, Claims, Ending, Record, Seconds
from bnnbench.registry import Registry
from bnnbench.runner.prepared import make_problem
from bnnbench.store import Store
from bnnbench.suite import expand, read
from bnnbench.verify import evaluate

SUITE = """
seeds = [0, 1]
[suite]
question = "What does a coin know?"
[[problem]]
data = "xor"
objective = "errors"
hidden = [2]
[[method]]
solver = ["coin", "coin[tries=2]"]
"""


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def installed_toys(bare, toys_file, monkeypatch):
    """The toys as an installed distribution, with a broken one beside it."""
    module = types.ModuleType("toys_plugin")
    monkeypatch.setitem(sys.modules, "toys_plugin", module)
    exec(compile(toys_file.read_text(), str(toys_file), "exec"), module.__dict__)

    def fail():
        raise ImportError("no such library")

    def point(name, load):
        dist = types.SimpleNamespace(name=f"bnnbench-{name}", version="0.1")
        return types.SimpleNamespace(name=name, dist=dist, load=load)

    points = [point("broken", fail), point("toys", lambda: module)]
    monkeypatch.setattr("bnnbench.registry.entry_points", lambda group: points)


@pytest.fixture
def bnnbench(installed_toys, monkeypatch, capsys, tmp_path):
    """Runs the command as a shell would: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bnnbench", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def suite_file(tmp_path):
    path = tmp_path / "suites" / "toss.toml"
    path.parent.mkdir()
    path.write_text(SUITE)
    return path


@pytest.fixture
def store_file(installed_toys, suite_file, tmp_path):
    """A store as a run would leave it: three cells with networks, one that crashed."""
    registry = Registry.load()
    suite = expand(read(suite_file), registry, name="toss")
    path = tmp_path / "toss.bnnbench"
    with Store(path) as store:
        for i, cell in enumerate(suite.cells):
            problem = make_problem(registry, cell, make_dataset(registry, cell.data))
            network = problem.random_network(np.random.default_rng(i))
            facts = {
                "id": cell.id, "cell": cell.plain(), "suite": "toss", "problem": problem.digest,
                "data": problem.dataset.digest, "created": 1000.0 + i, "rows": 4,
            }  # fmt: skip
            if i == 3:
                record = Record(**facts, ending=Ending.CRASH, detail="signal SIGSEGV\nmore")
                store.add(record, Artefacts(log="Segmentation fault"))
                continue
            record = Record(
                **facts, ending=Ending.OK, evaluation=evaluate(problem, network),
                lower_bound=0.0, claims=Claims(status="feasible", info={"nodes": 5}),
                reference_objective=2.0, seconds=Seconds(solve=0.5),
            )  # fmt: skip
            value = record.evaluation.objective
            store.add(record, Artefacts(netfile.to_bytes(network), [(0.1, value, None)]))
    return path
