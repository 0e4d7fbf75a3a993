"""Specs: ``name[key=value, ...]``, the one notation for anything with parameters.

Grammar::

    pipeline := spec ("|" spec)*
    spec     := name [ "[" [ key "=" value ("," key "=" value)* ] "]" ]
    value    := integer | float | true | false | none | quoted | list | spec
    list     := "(" [ value ("," value)* ] ")"

A bare word is a string, so a nested spec without parameters is its name. ``str(spec)`` is
canonical: keys sorted, defaults as written, so equal specs have equal texts and :func:`parse`
undoes :class:`str`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union

from bnnbench.errors import SpecError

Value = Union[int, float, bool, None, str, tuple[Any, ...], "Spec"]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/+-]*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf)(?![\w.:/+-])")
_CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Spec:
    """A name with parameters, hashable and ordered by key."""

    name: str
    params: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, name: str, /, **params: Value) -> Spec:
        """The spec of that name with these parameters."""
        return cls(name, tuple(sorted((k, _freeze(v)) for k, v in params.items())))

    @property
    def kwargs(self) -> dict[str, Value]:
        """The parameters as a new dict."""
        return dict(self.params)

    def __str__(self) -> str:
        if not self.params:
            return self.name
        return f"{self.name}[{','.join(f'{k}={format_value(v)}' for k, v in self.params)}]"


def format_value(value: Value) -> str:
    """A value in the notation of specs.

    Raises:
        SpecError: for a type that the notation does not have.
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, str):
        plain = bool(_WORD.fullmatch(value)) and value not in (*_CONSTANTS, "inf")
        return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (tuple, list)):
        return f"({','.join(format_value(v) for v in value)})"
    if isinstance(value, Spec):
        return str(value)
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float) and not math.isnan(value):
        return repr(float(value))
    raise SpecError(f"A spec cannot hold a {type(value).__name__} ({value!r}).")


def parse(text: str) -> Spec:
    """Read one spec.

    Raises:
        SpecError: with the position of the first character that does not fit.
    """
    specs = parse_pipeline(text)
    if len(specs) != 1:
        raise SpecError(f"{text!r}: expected one name, got a pipeline of {len(specs)}.")
    return specs[0]


def as_spec(value: Spec | str) -> Spec:
    """A parameter that may be a text or a spec, as a spec.

    Raises:
        SpecError: as :func:`parse`.
    """
    return value if isinstance(value, Spec) else parse(value)


def parse_pipeline(text: str) -> tuple[Spec, ...]:
    """Read specs separated by ``|``, as data sets are written: ``digits | classes[keep=(3,8)]``."""
    reader = _Reader(text)
    specs = [reader.spec()]
    while reader.take("|"):
        specs.append(reader.spec())
    reader.end()
    return tuple(specs)


def _freeze(value: Any) -> Value:
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(v) for v in value)
    if isinstance(value, Spec) and not value.params:
        return value.name
    format_value(value)
    frozen: Value = value
    return frozen


class _Reader:
    """A recursive-descent reader over one text."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def fail(self, expected: str) -> SpecError:
        found = self.text[self.at : self.at + 10] or "the end"
        return SpecError(
            f"{self.text!r}, position {self.at + 1}: expected {expected}, got {found!r}."
        )

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, token: str) -> bool:
        self.skip()
        if not self.text.startswith(token, self.at):
            return False
        self.at += len(token)
        return True

    def end(self) -> None:
        self.skip()
        if self.at != len(self.text):
            raise self.fail("the end")

    def match(self, pattern: re.Pattern[str]) -> str | None:
        self.skip()
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found.group()

    def spec(self) -> Spec:
        name = self.match(_WORD)
        if name is None:
            raise self.fail("a name")
        return self.params(name)

    def params(self, name: str) -> Spec:
        if not self.take("["):
            return Spec(name)
        pairs: dict[str, Value] = {}
        while not self.take("]"):
            if pairs and not self.take(","):
                raise self.fail("',' or ']'")
            key = self.match(_WORD)
            if key is None or not self.take("="):
                raise self.fail("key=value")
            if key in pairs:
                raise SpecError(f"{self.text!r}: parameter {key!r} is given twice.")
            pairs[key] = self.value()
        return Spec(name, tuple(sorted(pairs.items())))

    def value(self) -> Value:
        if self.take("("):
            return tuple(self.items())
        if self.take('"'):
            return self.quoted()
        number = self.match(_NUMBER)
        if number is not None:
            return float(number) if re.search(r"[.eEf]", number) else int(number)
        word = self.match(_WORD)
        if word is None:
            raise self.fail("a value")
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        spec = self.params(word)
        return spec if spec.params else word

    def items(self) -> Iterator[Value]:
        first = True
        while not self.take(")"):
            if not first and not self.take(","):
                raise self.fail("',' or ')'")
            first = False
            yield self.value()

    def quoted(self) -> str:
        out: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == '"':
                return "".join(out)
            if char == "\\" and self.at < len(self.text):
                char = self.text[self.at]
                self.at += 1
            out.append(char)
        raise self.fail("a closing quote")
