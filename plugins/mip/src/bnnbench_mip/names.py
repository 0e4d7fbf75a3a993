"""Names of a program's variables in files, from which its blocks can be read back.

A variable of block ``w1`` at index (3, 4) is called ``w1(3,4)``, that of a block without dimensions
``m()``; one outside of all blocks ``x(k)`` with its column k.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from bnnbench.models import MatrixMILP

Blocks = dict[str, tuple[int, tuple[int, ...]]]
_NAME = re.compile(r"(.+)\((\d+(?:,\d+)*)?\)")


def column_names(milp: MatrixMILP, legal: Callable[[str], str] = str) -> list[str]:
    """Names of all variables.

    Args:
        milp: the program.
        legal: what a file format makes of the name of a block.

    Raises:
        ValueError: when two blocks then have one name.
    """
    outside = "x"
    while outside in milp.blocks:
        outside = f"_{outside}"
    names = [f"{outside}({k})" for k in range(milp.n_cols)]
    taken: dict[str, str] = {}
    for block, (start, shape) in milp.blocks.items():
        name = legal(block)
        if taken.setdefault(name, block) != block:
            raise ValueError(f"Blocks {taken[name]} and {block} would both be called {name}.")
        for k, index in enumerate(np.ndindex(*shape)):
            names[start + k] = f"{name}({','.join(map(str, index))})"
    return names


def blocks_of(names: Sequence[str]) -> Blocks:
    """Blocks from runs of names that count through a shape, row-major."""
    starts: dict[str, int] = {}
    last: dict[str, tuple[int, ...]] = {}
    for k, name in enumerate(names):
        match = _NAME.fullmatch(name)
        if match:
            starts.setdefault(match[1], k)
            last[match[1]] = tuple(int(i) + 1 for i in match[2].split(",")) if match[2] else ()
    found = {}
    for block, start in starts.items():
        shape = last[block]
        wanted = [f"{block}({','.join(map(str, i))})" for i in np.ndindex(*shape)]
        if list(names[start : start + len(wanted)]) == wanted:
            found[block] = (start, shape)
    return found
