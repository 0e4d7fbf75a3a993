"""Times and sizes as people write them: ``90``, ``"2 min"``, ``"1.5 GiB"``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bnnbench.errors import SpecError

_TIMES = {"": 1, "s": 1, "ms": 1e-3, "min": 60, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
_SIZES |= {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "k": 1 << 10, "m": 1 << 20}
_SIZES |= {"g": 1 << 30}
_QUANTITY = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([A-Za-z]*)\s*")


def seconds(value: float | str) -> float:
    """Seconds.

    Raises:
        SpecError: for an unknown unit, no number, or no time at all.
    """
    found = _quantity(value, _TIMES, "a time such as 90, '2 min' or '1 h'")
    if not found > 0:
        raise SpecError(f"expected a time above 0, got {value!r}")
    return found


def size(value: float | str) -> int:
    """Bytes.

    Raises:
        SpecError: for an unknown unit or no number.
    """
    return int(_quantity(value, _SIZES, "a size such as '500 MiB' or '2 GiB'"))


def _quantity(value: float | str, units: Mapping[str, float], wanted: str) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    match = _QUANTITY.fullmatch(value)
    if match is None or match[2].lower() not in units:
        raise SpecError(f"expected {wanted}, got {value!r}")
    return float(match[1]) * units[match[2].lower()]
