"""Running cells: one process each, under limits enforced from outside, every ending a row."""

from bnnbench.runner.run import Listener, Runner, Summary

__all__ = ["Listener", "Runner", "Summary"]
