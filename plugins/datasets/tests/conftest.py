from collections.abc import Callable

import pytest
from bnnbench_datasets import plugin

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
