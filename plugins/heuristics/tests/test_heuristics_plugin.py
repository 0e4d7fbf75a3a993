"""Listing the plugin is cheap, and every solver can run here."""

import subprocess
import sys

from bnnbench_heuristics.plugin import bnnbench_solvers


def test_listing_imports_no_heavy_library():
    code = (
        "import sys; from bnnbench_heuristics.plugin import bnnbench_solvers; bnnbench_solvers();"
        "print([m for m in ('numba', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_solvers_are_named_described_and_available():
    solvers = {cls.name: cls for cls in bnnbench_solvers()}
    searches = {"annealing", "greedy", "random", "tabu", "averaging"}
    checks = {"constant", "logistic-regression"}
    inner = {
        *("local-search", "data-splitting", "batch-training", "polish", "bemi", "lns"),
        "early-stopping",
    }
    assert set(solvers) == searches | checks | inner
    for cls in solvers.values():
        assert cls.__doc__
        assert cls().available() is None
    assert {name for name, cls in solvers.items() if cls.reference} == {
        "bemi",
        *checks,
    }


def test_compiled_kernels_are_cached_under_a_stamp_of_all_sources():
    from bnnbench_heuristics import compiling, kernel, kernel_search

    for function in (kernel.settle, kernel_search.anneal):
        assert function._cache._cache_file._source_stamp == compiling.STAMP
