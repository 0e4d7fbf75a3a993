"""From a suite's name to its cells: find, read, load its plugins, expand."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from bnnbench.registry import Registry
from bnnbench.suite.expand import Suite, expand
from bnnbench.suite.files import find, read


def load(name: str, plugins: Sequence[Path] = ()) -> tuple[Suite, Registry]:
    """A suite by name or path, with the registry that knows everything it names.

    Args:
        name: as :func:`~bnnbench.suite.files.find` takes it.
        plugins: local plugin files beside those that the suite names.

    Raises:
        SuiteError: when there is no such suite, or it is malformed.
        PluginError: for a local plugin file that cannot be loaded.
    """
    registry = Registry.load(plugins)
    source = find(name, registry.suite_folders)
    file = read(source)
    for plugin in file.suite.plugins:
        registry.load_file(source.parent / plugin)
    suite = expand(file, registry, name=source.stem, source=source)
    return dataclasses.replace(suite, inline=(*suite.inline, *plugins)), registry
