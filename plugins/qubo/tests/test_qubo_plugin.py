from __future__ import annotations

import subprocess
import sys

LAZY = """
import sys
from bnnbench_qubo import plugin
classes = plugin.bnnbench_formulations() + plugin.bnnbench_solvers()
print(*(c.name for c in classes))
heavy = {"dimod", "dwave", "torch", "openjij", "simulated_bifurcation", "amplify", "scipy", "sklearn", "pandas", "numba"} & set(sys.modules)
assert not heavy, heavy
"""


def test_listing_the_plugin_imports_no_solver_library():
    command = [sys.executable, "-c", LAZY]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    names = result.stdout.split()
    assert names[:3] == ["bnn-qubo", "sasdelli-chin", "qubo-milp"]
    assert {"ising-sa", "dwave-sa", "dwave-tabu", "openjij", "dropout-bias"} <= set(names[3:])
    assert len(set(names)) == len(names)
