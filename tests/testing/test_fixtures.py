"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys

TESTS = '''
PLUGIN = """
    from bnnbench.hookspecs import hookimpl
    from bnnbench.interfaces import Solver
    class Still(Solver):
        name = "still"
        def solve(self, *a): pass
    @hookimpl
    def bnnbench_solvers(): return [Still]
"""

def test_a_plugin_is_in_its_registry(bnnbench_registry, bnnbench_plugin):
    from bnnbench.member import Kind
    assert bnnbench_registry.members(Kind.SOLVER) == []
    assert bnnbench_registry.members(Kind.OBJECTIVE)
    bnnbench_plugin(PLUGIN, "still.py")
    assert [m.name for m in bnnbench_registry.members(Kind.SOLVER)] == ["still"]

def test_a_registry_is_thrown_away(bnnbench_registry):
    from bnnbench.member import Kind
    assert bnnbench_registry.plugins == []
    assert bnnbench_registry.members(Kind.SOLVER) == []

def test_a_store_is_empty(bnnbench_store):
    assert len(bnnbench_store) == 0

def test_problems(bnnbench_problems):
    assert {p.objective.name for p in bnnbench_problems} == {"errors"}
'''


def test_fixtures(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    named = ["-p", "no:bnnbench", "-p", "bnnbench.testing.fixtures", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *named, "test_it.py"],
        cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert "4 passed" in done.stdout, done.stdout + done.stderr
