"""For tests of plugins and of the core: what every answer can be held against."""

from bnnbench.testing.exhaustive import class_size, enumerate_networks, optima, optimum

__all__ = ["class_size", "enumerate_networks", "optima", "optimum"]
