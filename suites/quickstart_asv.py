"""The suite ``quickstart`` under asv. To track another one, copy this file and change ``SUITE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bnnbench import asv

SUITE = Path(__file__).with_name("quickstart.toml")


class Quickstart:
    """Test error, gap and seconds of every cell."""

    params = asv.params(SUITE)
    param_names = asv.PARAM_NAMES

    def setup_cache(self) -> dict[Any, Any]:
        return asv.figures(SUITE)

    setup_cache.timeout = 3600  # type: ignore[attr-defined]

    def track_error_pct(self, found: Any, problem: str, method: str, seed: int) -> float | None:
        return asv.look_up(found, "error_pct", problem, method, seed)

    def track_gap(self, found: Any, problem: str, method: str, seed: int) -> float | None:
        return asv.look_up(found, "gap", problem, method, seed)

    def track_seconds(self, found: Any, problem: str, method: str, seed: int) -> float | None:
        return asv.look_up(found, "seconds", problem, method, seed)

    track_error_pct.unit = "% of test rows"  # type: ignore[attr-defined]
    track_gap.unit = "objective"  # type: ignore[attr-defined]
    track_seconds.unit = "s"  # type: ignore[attr-defined]
