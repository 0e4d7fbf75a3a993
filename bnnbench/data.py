"""Making data sets from their texts: ``source[...] | transform[...] | ...``."""

from __future__ import annotations

from bnnbench.dataset import Dataset
from bnnbench.errors import BnnbenchError, DataError
from bnnbench.member import Kind
from bnnbench.registry import Registry
from bnnbench.spec import parse_pipeline
from bnnbench.table import Table, finish


def make_dataset(registry: Registry, text: str) -> Dataset:
    """The data set of a text.

    Raises:
        UnknownNameError: for an unknown data set or transform.
        SpecError: for a wrong parameter.
        DataError: for everything that is wrong with the data.
    """
    source, *steps = parse_pipeline(text)
    member = registry.get(Kind.DATASET, source.name)
    made = member.target(**member.arguments(source.kwargs))
    if isinstance(made, Dataset) and not steps:
        return made
    if not isinstance(made, Table):
        raise DataError(
            f"Data set {source.name!r} returned a {type(made).__name__};"
            f" expected a Table{'' if steps else ' or a Dataset'}."
        )
    for spec in steps:
        transform = registry.get(Kind.TRANSFORM, spec.name)
        try:
            made = transform.target(made, **transform.arguments(spec.kwargs))
        except BnnbenchError as error:
            raise DataError(f"{text}: step {spec}: {error}") from error
        if not isinstance(made, Table):
            raise DataError(
                f"Transform {spec.name!r} returned a {type(made).__name__}, not a Table."
            )
    return finish(made, text)
