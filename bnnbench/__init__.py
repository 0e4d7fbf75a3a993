"""bnnbench: one ruler for training small discrete neural networks by optimisation."""

from __future__ import annotations

__version__ = "0.1.0"
