"""CPU seconds of proofs by big-M programs, literal and strengthened, and by columns; build times.

Instances are those of mip.md section 2, ``bcD-N-H`` for the first D binarised features and N rows
of the breast-cancer data with H hidden units, ``wineD-N-H`` for those of the wine data with three
outputs; linear hinge, integers -1..1, asymmetric biases. Base case of ``highs strengthened``:
``highs literal``, the same solver under the same wall limit and one thread; where that has no proof
in time, its CPU seconds at the limit understate it (``>``).
Base case of building: the same program written down for this one shape with plain numpy index
arithmetic, put into CSR by scipy and handed to HiGHS; both times end with HiGHS holding the model
(digits 64-16-10, pixels >= 8, literal form; linear hinge and min-hinge).

``solvers`` compares the solvers of kind milp on the strengthened programs of the first instances,
one process each, with HiGHS as base case; commercial ones where they are installed and their
licences allow. Building is compared with Pyomo too: a Pyomo part with a cardinality row per hidden
unit joined to the arrays (hybrid), and the whole program as a Pyomo model, compiled to arrays,
N = 200 only (pure: written by a rule for each kind of row, with the garbage collector paused; rows:
made of the arrays, row by row). Peak memory is that of a fresh process for the direct way.

Run with ``python benchmarks/mip.py``; ``--parts`` chooses among proofs, columns, solvers and build.
CPU seconds of this process, so a contended machine shortens what a wall limit allows.
"""

from __future__ import annotations

import argparse

from mip_parts.building import build, peak
from mip_parts.proofs import hard, proofs
from mip_parts.solvers import one, solvers

from bnnbench.registry import Registry
from bnnbench.solution import Limits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=60, help="wall seconds of every solve")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=7, help="of building")
    parser.add_argument("--parts", nargs="+", default=["build", "columns", "proofs", "solvers"])
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    registry, limits = Registry.load(), Limits(time=arguments.limit)
    if arguments.one:
        features, n, hidden = map(int, arguments.one[1:])
        one(registry, arguments.one[0], (features, n, hidden), limits, arguments.seed)
        return
    if arguments.peak:
        peak(registry, int(arguments.peak[0]), arguments.peak[1])
        return
    if "solvers" in arguments.parts:
        solvers(__file__, limits, arguments.seed)
    if "build" in arguments.parts:
        build(registry, __file__, arguments.repeats)
    if "columns" in arguments.parts:
        hard(registry, limits, arguments.seed)
    if "proofs" in arguments.parts:
        proofs(registry, limits, arguments.seed)


if __name__ == "__main__":
    main()
