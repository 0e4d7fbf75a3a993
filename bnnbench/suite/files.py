"""Finding and reading suite files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

import bnnbench
from bnnbench.errors import SuiteError, did_you_mean
from bnnbench.suite.schema import SuiteFile


def folders(plugin_folders: Iterable[Path] = ()) -> Iterator[Path]:
    """Where suites are looked for by name, in order: ./suites, plugins, the installation."""
    package = Path(bnnbench.__file__).parent
    yield Path("suites")
    yield from plugin_folders
    yield package / "_suites"
    yield package.parent / "suites"


def available(plugin_folders: Iterable[Path] = ()) -> dict[str, Path]:
    """All suites by name; a name found twice means the first."""
    found: dict[str, Path] = {}
    for folder in folders(plugin_folders):
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def find(name: str, plugin_folders: Iterable[Path] = ()) -> Path:
    """The file of a suite given by path or name.

    Raises:
        SuiteError: when there is none, with the nearest names.
    """
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        if path.is_file():
            return path
        raise SuiteError(f"There is no suite file {path}.")
    suites = available(plugin_folders)
    if name in suites:
        return suites[name]
    raise SuiteError(f"There is no suite {name!r}." + did_you_mean(name, suites))


def read(path: Path) -> SuiteFile:
    """Read and check the layout of a suite file.

    Raises:
        SuiteError: naming file, key, what was expected and what was got.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SuiteError(f"Cannot read {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path} is not valid TOML: {error}") from error
    try:
        return msgspec.convert(table, SuiteFile)
    except msgspec.ValidationError as error:
        raise SuiteError(f"{path}: {_explain(str(error), table)}") from error


def _explain(message: str, file: dict[str, Any]) -> str:
    """A msgspec message with the key first: ``key limits.time: expected float, got str``."""
    text, _, where = message.partition(" - at `")
    key = re.sub(r"^\$\.?", "", where.rstrip("`"))
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", text)
    if unknown:
        name = unknown[1]
        scope = f"[{key}]" if key else "the file"
        return f"key {f'{key}.' if key else ''}{name}: {scope} has no such key." + did_you_mean(
            name, _keys(key)
        )
    missing = re.fullmatch(r"Object missing required field `(.+)`", text)
    if missing:
        return f"key {f'{key}.' if key else ''}{missing[1]} is missing."
    text = text.replace("`", "")
    if text.startswith("Invalid enum value"):
        text = f"expected {' or '.join(_choices(key))}"
    if ", got" not in text:
        text += f", got {_value(file, key)!r}"
    return f"key {key or '(top level)'}: {text[0].lower()}{text[1:]}."


def _value(file: Any, key: str) -> Any:
    """What a file holds at a key such as ``problem[0].hidden[1]``."""
    for step in re.findall(r"\w+", key):
        file = file[int(step) if isinstance(file, list) else step]
    return file


def _choices(key: str) -> tuple[str, ...]:
    """The words that may stand at a key."""
    table = _table(key)
    return get_args(get_type_hints(table)[key.rpartition(".")[2]]) if table else ()


def _keys(key: str) -> list[str]:
    """The keys a table may have, for suggestions."""
    table = _table(key)
    return [f.name for f in msgspec.structs.fields(table)] if table else []


def _table(key: str) -> type[msgspec.Struct] | None:
    """The layout of the table at, or around, a key."""
    from bnnbench.suite import schema

    tables: dict[str, type[msgspec.Struct]] = {
        "": SuiteFile,
        "suite": schema.About,
        "limits": schema.LimitsTable,
        "problem": schema.ProblemTable,
        "method": schema.MethodTable,
        "exclude": schema.ExcludeTable,
    }
    return tables.get(re.sub(r"[\[.].*", "", key))
