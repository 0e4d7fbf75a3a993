"""Plugins as they are after ``pip install``, and their own tests in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib

import pytest


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package into a folder of the path: its sources and its metadata, nothing built."""

    def add(directory):
        project = tomllib.loads((directory / "pyproject.toml").read_text(encoding="utf-8"))[
            "project"
        ]
        info = (
            tmp_path
            / "site"
            / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        )
        info.mkdir(parents=True)
        head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(head, encoding="utf-8")
        points = [f"[{group}]" + "".join(f"\n{k} = {v}" for k, v in table.items())
                  for group, table in project["entry-points"].items()]  # fmt: skip
        (info / "entry_points.txt").write_text("\n".join(points) + "\n", encoding="utf-8")
        path = [str(tmp_path / "site"), str(directory / "src"), *(p for p in sys.path if p)]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
        return directory

    return add


@pytest.fixture
def run(monkeypatch):
    """Runs a Python module in a process of its own, with what this process can import."""

    def start(*arguments, cwd, code=0):
        if "PYTHONPATH" not in os.environ:
            monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
        done = subprocess.run(
            [sys.executable, "-m", *map(str, arguments)],
            cwd=cwd, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return start


@pytest.fixture
def own_tests(run):
    """Runs pytest in a directory as its author would; the pytest plugin may not be installed."""

    def start(directory):
        named = ["-p", "no:bnnbench", "-p", "bnnbench.testing.fixtures"]
        return run(
            "pytest",
            "-q",
            "--rootdir",
            directory,
            "-p",
            "no:cacheprovider",
            *named,
            ".",
            cwd=directory,
        )

    return start
