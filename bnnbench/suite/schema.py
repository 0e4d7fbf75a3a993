"""What a suite file may hold: the layout of ``NAME.toml``, checked on reading."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]
Width = Annotated[int, Meta(ge=1)]
Hidden = list[Width | list[Width]]
Texts = str | list[str]
Seeds = Annotated[list[int], Meta(min_length=1)]


class _Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    pass


class About(_Table):
    """``[suite]``: what the suite is for."""

    name: str = ""
    question: str = ""
    duration: str = ""
    expect: str = ""
    next: str = ""
    plugins: list[str] = []


class LimitsTable(_Table):
    """``[limits]``: what every cell may use. Times as seconds or "2 min", memory as "2 GiB"."""

    time: Positive | str = 60.0
    memory: Annotated[int, Meta(ge=0)] | str = "2 GiB"
    threads: Annotated[int, Meta(ge=1)] = 1
    grace: Annotated[float, Meta(ge=0)] = 5.0


class ProblemTable(_Table):
    """``[[problem]]``: every list is a dimension of the grid."""

    data: Texts
    objective: Texts
    hidden: Hidden = []
    domain: Texts = "integer[P=1]"
    outputs: Literal["classes", "one"] = "classes"
    activation: Literal["sign", "step"] = "sign"
    skips: list[tuple[int, int]] = []
    density: Annotated[float, Meta(gt=0, le=1)] = 1.0
    mask_seed: int = 0
    target: float | None = None


class MethodTable(_Table):
    """``[[method]]``: a solver, with a formulation unless it is a direct one.

    ``grid`` maps solver parameters to lists of values, another dimension of the grid. An
    ``optional`` method whose plugin is not installed is left out with a warning.
    """

    solver: Texts
    formulation: Texts | None = None
    grid: dict[str, list[bool | int | float | str]] = {}
    seeds: Seeds | None = None
    optional: bool = False
    time: Positive | str | None = None
    threads: Annotated[int, Meta(ge=1)] | None = None


class ExcludeTable(_Table):
    """``[[exclude]]``: cells to leave out; given keys must all match, as shell patterns."""

    data: str | None = None
    hidden: list[Width] | None = None
    domain: str | None = None
    objective: str | None = None
    formulation: str | None = None
    solver: str | None = None
    seed: int | None = None


class SuiteFile(_Table):
    """A whole suite file."""

    problem: Annotated[list[ProblemTable], Meta(min_length=1)]
    method: Annotated[list[MethodTable], Meta(min_length=1)]
    suite: About = msgspec.field(default_factory=About)
    limits: LimitsTable = msgspec.field(default_factory=LimitsTable)
    seeds: Seeds = msgspec.field(default_factory=lambda: [0])
    exclude: list[ExcludeTable] = []


def json_schema() -> dict[str, object]:
    """The JSON schema of suite files, for editors."""
    schema: dict[str, object] = msgspec.json.schema(SuiteFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
