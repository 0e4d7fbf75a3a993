"""The suite ``smoke`` under asv. To track another one, copy this file and change two names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bnnbench import asv

SUITE = Path(__file__).with_name("smoke.toml")


class Smoke:
    """Figures of every problem and method."""

    params = asv.params(SUITE)
    param_names = asv.PARAM_NAMES

    def setup_cache(self) -> dict[Any, Any]:
        return asv.figures(SUITE)

    setup_cache.timeout = 3600  # type: ignore[attr-defined]

    track_error_pct = asv.tracker("error_pct")
    track_gap = asv.tracker("gap")
    track_primal_integral = asv.tracker("primal_integral")
    track_seconds = asv.tracker("seconds")
    track_peak_memory = asv.tracker("peak_memory")
