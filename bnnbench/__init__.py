"""bnnbench: one ruler for training small discrete neural networks by optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnnbench.frames import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import :func:`load` on first use, so that ``import bnnbench`` stays instant."""
    if name == "load":
        from bnnbench.frames import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
