import os
from collections.abc import Callable, Iterator

import pytest
from bnnbench_datasets import plugin
from bnnbench_datasets.files import directories

from bnnbench.dataset import Dataset
from bnnbench.errors import DataError
from bnnbench.spec import parse_pipeline
from bnnbench.table import Table, finish


def _named(functions):
    return {getattr(f, "name", f.__name__.replace("_", "-")): f for f in functions}


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory) -> Iterator[None]:
    """A cache of the tests' own; the user's is still searched for raw files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNNBENCH_DATA", os.pathsep.join(map(str, directories())))
        patch.setenv("BNNBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def table_of() -> Callable[[str], Table]:
    """Runs ``data | transform | ...`` as the core does, up to the table."""
    datasets = _named(plugin.bnnbench_datasets())
    transforms = _named(plugin.bnnbench_transforms())

    def build(text: str) -> Table:
        first, *rest = parse_pipeline(text)
        made = datasets[first.name](**first.kwargs)
        table = Table.of(made) if isinstance(made, Dataset) else made
        for spec in rest:
            table = transforms[spec.name](table, **spec.kwargs)
        return table

    return build


@pytest.fixture(scope="session")
def dataset_of(table_of):
    return lambda text: finish(table_of(text), text)


@pytest.fixture(scope="session")
def raw(table_of) -> Callable[[str], Table]:
    """Like ``table_of``, skipping the test where the raw files are not there."""
    cache: dict[str, Table] = {}

    def build(text: str) -> Table:
        if text not in cache:
            try:
                cache[text] = table_of(text)
            except DataError as error:
                if "is missing. Searched" in str(error):
                    pytest.skip(str(error).split(" Searched")[0])
                raise
        return cache[text]

    return build
