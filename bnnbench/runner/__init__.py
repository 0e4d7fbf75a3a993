"""Running cells: one process each, under limits enforced from outside, every ending a row."""

from bnnbench.runner.listener import Listener, Silent
from bnnbench.runner.run import Runner, Summary

__all__ = ["Listener", "Runner", "Silent", "Summary"]
