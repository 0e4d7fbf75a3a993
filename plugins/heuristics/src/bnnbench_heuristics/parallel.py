"""Independent pieces of work on several threads' worth of forked processes.

Exact solvers keep state of their own process (thread pools, callbacks), so pieces that run at the
same time need processes; forked ones share data and models of the parent. With one thread the work
is done here, in order, which is deterministic where each piece is.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

_work: Callable[[Any], Any] | None = None


def each(work: Callable[[Any], Any], pieces: Sequence[Any], threads: int) -> list[Any]:
    """The results of all pieces, in order.

    Args:
        work: a function of one piece; what it refers to is inherited by the fork, its argument
            and its result are pickled.
        pieces: its arguments.
        threads: most processes at a time.
    """
    if threads <= 1 or len(pieces) <= 1:
        return [work(piece) for piece in pieces]
    global _work
    _work = work
    try:
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(min(threads, len(pieces)), mp_context=fork) as pool:
            return list(pool.map(_call, pieces))
    finally:
        _work = None


def _call(piece: Any) -> Any:
    assert _work is not None, "set before the fork"
    return _work(piece)
