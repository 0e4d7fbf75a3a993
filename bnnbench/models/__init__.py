"""Exchange formats: what formulations build and solvers read, by kind."""

from bnnbench.models.milp import MatrixMILP, RowBuilder
from bnnbench.models.qubo import Qubo

__all__ = ["MatrixMILP", "Qubo", "RowBuilder"]
