"""A plugin file with the data of the tiny problems, for conformance cells in the runner."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bnnbench.dataset import Dataset
from bnnbench.errors import DataError, did_you_mean
from bnnbench.hookspecs import hookimpl
from bnnbench.testing.problems import tiny_problems


def bnnbench_conformance(*, name: str) -> Dataset:
    """Data of one of the tiny problems of bnnbench.testing.

    Args:
        name: of the problem.

    Raises:
        DataError: for an unknown name.
    """
    found = {p.dataset.name.removeprefix("conformance-"): p.dataset for p in tiny_problems()}
    if name not in found:
        raise DataError(f"There is no tiny problem {name!r}." + did_you_mean(name, found))
    return found[name]


@hookimpl
def bnnbench_datasets() -> Iterable[Callable[..., Dataset]]:
    """``bnnbench-conformance``."""
    return [bnnbench_conformance]
