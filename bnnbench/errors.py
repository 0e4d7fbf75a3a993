"""The exceptions of bnnbench: one base class, few children, each message names thing and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BnnbenchError(Exception):
    """Base class of every error that bnnbench raises on purpose."""


class SpecError(BnnbenchError):
    """A text such as ``highs[threads=1]`` cannot be read, or names an unknown parameter."""


class UnknownNameError(BnnbenchError):
    """No data set, formulation, solver, objective, suite or plugin of that name is registered."""


class PluginError(BnnbenchError):
    """A plugin could not be loaded, or registers something that it must not."""


class DataError(BnnbenchError):
    """A data set is missing, corrupt, or not what its loader expects."""


class ProblemError(BnnbenchError):
    """Data set, architecture, domain and objective do not fit together."""


class NetworkError(BnnbenchError):
    """A network is malformed, outside its domain, or too large for exact 64-bit arithmetic."""


class SuiteError(BnnbenchError):
    """A suite file is malformed; the message names file, key, expected and got."""


class StoreError(BnnbenchError):
    """A store cannot be opened, read or written."""


class ExecutorError(BnnbenchError):
    """Cells cannot be run where they were to run: no cluster, or one that is set up otherwise."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with the nearest known names, or with all of them when they are few.

    Returns:
        Text that begins with a blank, empty when nothing is known.
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    near += [n for n in names if len(name) > 2 and name in n and n not in near][: 3 - len(near)]
    if near:
        return f" Did you mean {' or '.join(repr(n) for n in near)}?"
    if names and len(names) <= 12:
        return f" Known: {', '.join(names)}."
    return ""
