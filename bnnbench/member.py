"""Members: one thing a plugin offers, with its parameters checked and its versions known."""

from __future__ import annotations

import contextlib
import enum
import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from bnnbench.errors import SpecError, did_you_mean
from bnnbench.spec import Spec, Value, format_value


class Kind(enum.StrEnum):
    """What can be registered."""

    DATASET = "dataset"
    TRANSFORM = "transform"
    FORMULATION = "formulation"
    SOLVER = "solver"
    OBJECTIVE = "objective"
    DOMAIN = "domain"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a member: name, default as text, type as text."""

    name: str
    default: str
    annotation: str


@dataclass(frozen=True)
class Member:
    """One thing a plugin offers.

    Attributes:
        kind: what it is.
        name: what suites write.
        target: the class or function.
        plugin: the plugin that registered it.
        version: of the plugin's distribution, or a hash of an inline plugin's file.
    """

    kind: Kind
    name: str
    target: Any
    plugin: str
    version: str

    @property
    def summary(self) -> str:
        """First line of its docstring."""
        text = inspect.getdoc(self.target) or ""
        return text.split("\n", 1)[0]

    @cached_property
    def _signature(self) -> Mapping[str, inspect.Parameter]:
        parameters = dict(inspect.signature(self.target).parameters)
        if self.kind is Kind.TRANSFORM:
            parameters.pop(next(iter(parameters)), None)
        open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return {name: p for name, p in parameters.items() if p.kind not in open_ended}

    @property
    def parameters(self) -> list[Parameter]:
        """What can be set in ``name[parameter=value]``."""
        found = []
        for name, p in self._signature.items():
            default = "required" if p.default is p.empty else str(p.default)
            annotation = p.annotation if isinstance(p.annotation, str) else repr(p.annotation)
            found.append(
                Parameter(name, default, annotation if p.annotation is not p.empty else "")
            )
        return found

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        try:
            return typing.get_type_hints(self.target)
        except (NameError, TypeError, AttributeError):
            return {}

    def arguments(self, params: Mapping[str, Value]) -> dict[str, Any]:
        """Checked keyword arguments.

        Raises:
            SpecError: for an unknown parameter, a wrong type, or a missing one.
        """
        known = self._signature
        checked: dict[str, Any] = {}
        for key, value in params.items():
            if key not in known:
                raise self.unknown(key)
            try:
                checked[key] = _converted(value, self._hints.get(key, Any))
            except msgspec.ValidationError as error:
                raise SpecError(f"{self.kind} {self.name}[{key}={value}]: {error}.") from error
        absent = [n for n, p in known.items() if p.default is p.empty and n not in checked]
        if absent:
            raise SpecError(f"{self.kind} {self.name!r} needs {', '.join(absent)}.")
        return checked

    def unknown(self, parameter: str) -> SpecError:
        """The error that says that there is no such parameter."""
        known = self._signature
        hint = did_you_mean(parameter, known) if known else " It has none."
        return SpecError(f"{self.kind} {self.name!r} has no parameter {parameter!r}.{hint}")

    def warm_up(self) -> None:
        """Compute what is cached, once."""
        with contextlib.suppress(TypeError, ValueError):
            self._signature, self._hints  # noqa: B018

    def make(self, spec: Spec) -> Any:
        """An instance of a class with these parameters.

        Raises:
            SpecError: when the parameters do not fit.
        """
        return self.target(**self.arguments(spec.kwargs))

    def canonical(self, spec: Spec) -> Spec:
        """The spec without parameters that only repeat their defaults: equal cells, equal texts.

        Raises:
            SpecError: when the parameters do not fit.
        """
        given, kept = spec.kwargs, {}
        for key, value in self.arguments(given).items():
            if value != self._signature[key].default:
                plain = value is None or isinstance(value, (int, float, str, tuple))
                kept[key] = value if plain else given[key]
        return Spec.of(spec.name, **kept)

    @property
    def identity(self) -> tuple[str, ...]:
        """Versions that can change what it does: its plugin's, and those of what it requires."""
        requires = getattr(self.target, "requires", ())
        return (
            f"{self.plugin} {self.version}",
            *(f"{name} {_version(name)}" for name in requires),
        )


def _converted(value: Value, hint: Any) -> Any:
    """A parameter in the type it is declared with; ``none`` and ``true`` may be words there."""
    if isinstance(value, Spec):
        return value
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError:
        if value is not None and not isinstance(value, bool):
            raise
        with contextlib.suppress(msgspec.ValidationError):
            return msgspec.convert(format_value(value), hint)
        raise


@lru_cache(None)
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
