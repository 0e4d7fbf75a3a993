from collections.abc import Callable

import pytest
from bnnbench_datasets import plugin

from bnnbench.errors import DataError
from bnnbench.spec import parse_pipeline
from bnnbench.table import Table, finish


def _named(functions):
    return {getattr(f, "name", f.__name__.replace("_", "-")): f for f in functions}


@pytest.fixture(scope="session")
def table_of() -> Callable[[str], Table]:
    """Runs ``data | transform | ...`` as the core does, up to the table."""
    datasets = _named(plugin.bnnbench_datasets())
    transforms = _named(plugin.bnnbench_transforms())

    def build(text: str) -> Table:
        first, *rest = parse_pipeline(text)
        table = datasets[first.name](**first.kwargs)
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
