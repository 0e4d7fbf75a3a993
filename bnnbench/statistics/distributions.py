"""Distributions of test statistics come from scipy, which is imported when one is asked for."""

from __future__ import annotations

from typing import Any

from bnnbench.errors import BnnbenchError


def scipy_stats() -> Any:
    """The module ``scipy.stats``.

    Raises:
        BnnbenchError: when scipy is not installed.
    """
    try:
        from scipy import stats
    except ImportError as error:
        raise BnnbenchError(
            "These statistics need scipy: pip install 'bnnbench[report]'."
        ) from error
    return stats
