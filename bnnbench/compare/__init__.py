"""Two sets of records, paired cell by cell: what became better, what worse, what is missing."""

from bnnbench.compare.judge import Comparison, Verdict
from bnnbench.compare.metrics import METRICS, Metric
from bnnbench.compare.result import Options, Result, compare
from bnnbench.compare.selection import Selection, select

__all__ = [
    "METRICS",
    "Comparison",
    "Metric",
    "Options",
    "Result",
    "Selection",
    "Verdict",
    "compare",
    "select",
]
