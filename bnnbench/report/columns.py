"""Tables as compact columns: what the page carries instead of a JSON object per row.

A column of texts becomes a list of distinct texts with a code per row; figures keep six
significant digits, integers and missing ones (null) stay what they are. The whole is JSON,
compressed by deflate and written in base64, which a browser unpacks by itself.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

Value = str | int | float | bool | None
Columns = dict[str, list[Any]]


def columns(rows: Iterable[Mapping[str, Value]], keys: Sequence[str]) -> Columns:
    """Rows turned into columns of the given keys; a missing value is None."""
    found: Columns = {key: [] for key in keys}
    for row in rows:
        for key in keys:
            found[key].append(row.get(key))
    return found


def compact(table: Columns) -> dict[str, Any]:
    """Columns with texts as codes (``{"of": texts, "at": codes}``) and figures rounded."""
    return {key: _compact(values) for key, values in table.items()}


def _compact(values: list[Any]) -> Any:
    if any(isinstance(v, str) for v in values):
        places: dict[str, int] = {}
        codes = [-1 if v is None else places.setdefault(str(v), len(places)) for v in values]
        return {"of": list(places), "at": codes}
    return [figure(v) for v in values]


def figure(value: float | None, digits: int = 6) -> float | int | None:
    """A figure as JSON can hold it: rounded, integers as such, None for what is not finite."""
    if value is None or isinstance(value, bool | int):
        return value
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def packed(value: Any) -> str:
    """Any plain value as base64 of deflated JSON."""
    return base64.b64encode(zlib.compress(msgspec.json.encode(value), 9)).decode("ascii")
