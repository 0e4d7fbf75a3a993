"""Making data sets from their texts: ``source[...] | transform[...] | ...``.

``NAME:REST`` is short for ``NAME[PARAMETER=REST]`` where the function of data set NAME names that
parameter in its attribute ``after_colon``: ``file:mydata.csv`` is ``file[path=mydata.csv]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bnnbench.dataset import Dataset
from bnnbench.errors import BnnbenchError, DataError, UnknownNameError
from bnnbench.member import Kind, Member
from bnnbench.registry import Registry
from bnnbench.spec import Spec, Value, parse_pipeline
from bnnbench.table import Table, finish


@dataclass(frozen=True)
class FileState:
    """What became of a raw file that a data set needs.

    Attributes:
        name: relative to a data directory.
        state: ``missing``, ``found`` (not compared with its hash), ``right`` or ``wrong``.
        searched: directories, in order.
        path: where it is; empty when it is missing.
        bytes: its size; None when it is missing.
        sha256: as found; empty unless it was computed.
        detail: what is wrong with it, or how to get it.
    """

    name: str
    state: Literal["missing", "found", "right", "wrong"]
    searched: tuple[str, ...]
    path: str = ""
    bytes: int | None = None
    sha256: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Step:
    """A source or transform with its checked arguments.

    Attributes:
        text: as written, canonical.
        member: what provides it.
        arguments: its keyword arguments.
    """

    text: str
    member: Member
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Pipeline:
    """A data text whose every name and parameter is known.

    Attributes:
        text: canonical.
        source: the data set.
        steps: transforms, in order.
    """

    text: str
    source: Step
    steps: tuple[Step, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        """What provides the data, with versions, and the content of a file of one's own.

        Raises:
            DataError: when such a file cannot be read.
        """
        found = [v for step in (self.source, *self.steps) for v in step.member.identity]
        contents = getattr(self.source.member.target, "contents", None)
        if contents is not None:
            found.append(contents(**self.source.arguments))
        return tuple(dict.fromkeys(found))

    def make(self) -> Dataset:
        """The data set.

        Raises:
            DataError: for everything that is wrong with the data.
        """
        made = self.source.member.target(**self.source.arguments)
        if isinstance(made, Dataset):
            if not self.steps:
                return made
            made = Table.of(made)
        if not isinstance(made, Table):
            raise DataError(
                f"Data set {self.source.text!r} returned a {type(made).__name__};"
                " expected a Table or a Dataset."
            )
        for step in self.steps:
            try:
                made = step.member.target(made, **step.arguments)
            except BnnbenchError as error:
                raise DataError(f"{self.text}: step {step.text}: {error}") from error
            if not isinstance(made, Table):
                raise DataError(
                    f"Transform {step.text!r} returned a {type(made).__name__}, not a Table."
                )
        return finish(made, self.text)


def resolve(registry: Registry, text: str) -> Pipeline:
    """Look up every name of a data text and check every parameter; no data are read.

    Raises:
        UnknownNameError: for an unknown data set or transform.
        SpecError: for a wrong parameter.
    """
    specs = parse_pipeline(text)
    steps = [_source(registry, specs[0])]
    for spec in specs[1:]:
        member = registry.get(Kind.TRANSFORM, spec.name)
        steps.append(Step(str(spec), member, member.arguments(spec.kwargs)))
    return Pipeline(" | ".join(s.text for s in steps), steps[0], tuple(steps[1:]))


def make_dataset(registry: Registry, text: str) -> Dataset:
    """The data set of a text.

    Raises:
        UnknownNameError: for an unknown data set or transform.
        SpecError: for a wrong parameter.
        DataError: for everything that is wrong with the data.
    """
    return resolve(registry, text).make()


def _source(registry: Registry, spec: Spec) -> Step:
    params: dict[str, Value] = spec.kwargs
    name, colon, rest = spec.name.partition(":")
    try:
        member = registry.get(Kind.DATASET, spec.name)
    except UnknownNameError:
        if not colon:
            raise
        member = registry.get(Kind.DATASET, name)
        parameter = getattr(member.target, "after_colon", None)
        if parameter is None:
            raise
        params[parameter] = int(rest) if rest.isdecimal() else rest
    return Step(str(spec), member, member.arguments(params))
