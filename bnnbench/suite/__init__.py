"""Suites: named grids of cells, one TOML file each."""

from bnnbench.suite.cell import Cell, CellLimits, Topology
from bnnbench.suite.expand import Suite, expand
from bnnbench.suite.files import available, find, read
from bnnbench.suite.loading import load
from bnnbench.suite.schema import SuiteFile, json_schema

__all__ = [
    "Cell",
    "CellLimits",
    "Suite",
    "SuiteFile",
    "Topology",
    "available",
    "expand",
    "find",
    "json_schema",
    "load",
    "read",
]
