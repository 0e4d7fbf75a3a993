"""The pytest plugin: throw-away registries, plugins and stores as fixtures.

pytest loads this module at every start where bnnbench is installed, so it imports nothing of
bnnbench before a fixture is used.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bnnbench.problem import Problem
    from bnnbench.registry import Registry
    from bnnbench.store import Store


@pytest.fixture
def bnnbench_registry() -> Registry:
    """A registry with the core's own members and no installed plugin.

    Its ``load_file(path)`` and ``register(module, name, distribution, version)`` add to it alone.
    """
    from bnnbench.registry import Registry

    return Registry.load(installed=False)


@pytest.fixture
def bnnbench_plugin(bnnbench_registry: Registry, tmp_path: Path) -> Callable[..., Path]:
    """Writes a plugin file and loads it into ``bnnbench_registry``: text, name -> path."""

    def write(text: str, name: str = "inline.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        bnnbench_registry.load_file(path)
        return path

    return write


@pytest.fixture
def bnnbench_store(tmp_path: Path) -> Iterator[Store]:
    """A new, empty store, closed after the test."""
    from bnnbench.store import Store

    with Store(tmp_path / "test.bnnbench") as store:
        yield store


@pytest.fixture(scope="session")
def bnnbench_problems() -> tuple[Problem, ...]:
    """The tiny problems of the conformance suites, with fewest errors as the objective."""
    from bnnbench.testing.problems import tiny_problems

    return tiny_problems()
