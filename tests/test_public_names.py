"""Public names are documented, and looking costs nothing: imports stay lazy."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys

import click
import pytest

import bnnbench
from bnnbench import hookspecs
from bnnbench.registry import HOOKS

MODULES = sorted(m.name for m in pkgutil.walk_packages(bnnbench.__path__, "bnnbench."))
HEAVY = {
    "pyomo",
    "dimod",
    "torch",
    "sklearn",
    "pandas",
    "highspy",
    "scipy",
    "numba",
    "pyarrow",
    "distributed",
}


@pytest.mark.parametrize("name", ["bnnbench", *MODULES])
def test_public_names_have_docstrings(name):
    module = importlib.import_module(name)
    assert inspect.getdoc(module), f"{name} has no docstring"
    undocumented = []
    for key, member in vars(module).items():
        if key.startswith("_") or getattr(member, "__module__", None) != name:
            continue
        if isinstance(member, click.Command):
            member.help or undocumented.append(key)
        elif inspect.isfunction(member) or inspect.isclass(member):
            inspect.getdoc(member) or undocumented.append(key)
        if inspect.isclass(member):
            undocumented += [f"{key}.{m}" for m in undocumented_members(member)]
    assert undocumented == []


def undocumented_members(cls):
    """Public methods and properties defined here without docstring, their bases' included."""
    for key, member in vars(cls).items():
        described = isinstance(member, (property, classmethod, staticmethod)) or (
            inspect.isfunction(member) or type(member).__name__ == "cached_property"
        )
        if key.startswith("_") or not described:
            continue
        owners = [vars(base)[key] for base in cls.__mro__ if key in vars(base)]
        if not any(getattr(o, "__doc__", None) for o in owners):
            yield key


@pytest.mark.parametrize("name", ["bnnbench", *MODULES])
def test_exported_names_exist(name):
    module = importlib.import_module(name)
    for key in getattr(module, "__all__", []):
        assert hasattr(module, key), f"{name}.__all__ names {key}"


def test_every_hook_is_asked_for():
    hooks = {n for n in vars(hookspecs) if n.startswith("bnnbench_")}
    assert hooks == {*HOOKS.values(), "bnnbench_suites", "bnnbench_recorded"}
    assert all(inspect.getdoc(getattr(hookspecs, h)) for h in hooks)


def imported_by(code):
    """Top-level modules that a fresh interpreter holds after some code."""
    script = f"{code}\nimport sys\nprint('MODULES', *{{m.partition('.')[0] for m in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    (line,) = [x for x in run.stdout.splitlines() if x.startswith("MODULES")]
    return set(line.split()[1:])


COMMAND = """
import sys
from bnnbench.cli import main
sys.argv = ["bnnbench", *{arguments}]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.parametrize("what", ["plugins", "solvers", "datasets", "formulations", "suites"])
def test_listing_imports_no_solver_library(what):
    """Whatever is installed: a plugin's hooks may not import the library it wraps."""
    loaded = imported_by(COMMAND.format(arguments=["list", what]))
    assert "numpy" in loaded
    assert loaded & HEAVY == set()


def test_help_imports_no_numpy():
    for arguments in (["--help"], ["--version"]):
        loaded = imported_by(COMMAND.format(arguments=arguments))
        assert loaded & {*HEAVY, "numpy", "msgspec", "rich"} == set()


def test_importing_the_package_is_instant():
    assert imported_by("import bnnbench") & {*HEAVY, "numpy", "click", "msgspec"} == set()


def test_load_is_imported_on_first_use():
    assert bnnbench.load is importlib.import_module("bnnbench.frames").load
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        bnnbench.laod  # noqa: B018


def test_the_core_imports_no_plugin():
    for name in MODULES:
        source = inspect.getsource(importlib.import_module(name))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names]
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not any(n.startswith("bnnbench_") for n in names), name
