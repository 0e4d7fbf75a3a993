"""Running cells: one process each, under limits enforced from outside, every ending a row."""

from bnnbench.runner.executor import Executor, Ran
from bnnbench.runner.listener import Listener
from bnnbench.runner.local import Local
from bnnbench.runner.run import Runner, Summary

__all__ = ["Executor", "Listener", "Local", "Ran", "Runner", "Summary"]
