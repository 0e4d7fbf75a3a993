"""What a fresh interpreter has imported once a plugin is registered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import packages_distributions
from pathlib import Path

from bnnbench.errors import PluginError

LIBRARIES = frozenset(
    [
        "coptpy",
        "cplex",
        "cvxpy",
        "dimod",
        "dwave",
        "gurobipy",
        "highspy",
        "jax",
        "matplotlib",
        "numba",
        "openjij",
        "ortools",
        "pandas",
        "pulp",
        "pyomo",
        "pyscipopt",
        "scipy",
        "sklearn",
        "tensorflow",
        "torch",
        "xpress",
    ]
)
"""Modules that take long to import, whether or not anybody declares them."""

_SCRIPT = """
import json, sys
from pathlib import Path
from bnnbench.registry import Registry
Registry.load([Path(p) for p in json.loads(sys.argv[1])])
print(json.dumps(sorted({m.partition(".")[0] for m in sys.modules})))
"""


@lru_cache(maxsize=64)
def imported_at_registration(files: tuple[Path, ...], without: tuple[str, ...]) -> frozenset[str]:
    """Top-level modules of a fresh interpreter that has registered plugins.

    Args:
        files: local plugin files to load.
        without: installed plugins to leave out.

    Raises:
        PluginError: when the interpreter fails.
    """
    paths = [p for p in sys.path if p]
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, json.dumps([str(p) for p in files])],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "BNNBENCH_DISABLE": ",".join(without),
            "PYTHONPATH": os.pathsep.join(paths),
        },
    )
    if done.returncode:
        raise PluginError(f"A fresh interpreter cannot load the plugin: {done.stderr.strip()}")
    return frozenset(json.loads(done.stdout.splitlines()[-1]))


def modules_of(distribution: str) -> frozenset[str]:
    """Top-level modules of a distribution; none when it is not installed."""
    wanted = _normal(distribution)
    found = {
        module
        for module, owners in _owners().items()
        if any(_normal(owner) == wanted for owner in owners)
    }
    # bnnbench needs these itself
    return frozenset(found - {"bnnbench", "click", "msgspec", "numpy", "pluggy", "rich"})


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


@lru_cache(maxsize=1)
def _owners() -> dict[str, list[str]]:
    return {m: list(owners) for m, owners in packages_distributions().items()}
