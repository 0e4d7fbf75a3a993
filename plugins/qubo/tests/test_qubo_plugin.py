from __future__ import annotations

import subprocess
import sys

LAZY = """
import sys
from bnnbench_qubo import plugin
classes = plugin.bnnbench_formulations() + plugin.bnnbench_solvers()
print(*(c.name for c in classes))
heavy = {"dimod", "dwave", "torch", "scipy", "sklearn", "pandas", "numba"} & set(sys.modules)
assert not heavy, heavy
"""


def test_listing_the_plugin_imports_no_solver_library():
    command = [sys.executable, "-c", LAZY]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [
        "bnn-qubo",
        "ising-sa",
        "ising-sb",
        "dropout-bias",
        "dwave-sa",
        "dimod",
        "dimod-exact",
    ]
