"""Decorators of the kernels: compiled by numba, cached on disk under a stamp of all their sources.

numba's own stamp is the date of the file of one function. Callees and constants are compiled into
the caller, so a change of ``memory.py`` alone would leave kernels that read the wrong fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

_SOURCES = (
    "compiling",
    "kernel",
    "kernel_loss",
    "kernel_search",
    "kernel_tabu",
    "memory",
    "random_bits",
    "shallow_hidden",
    "shallow_kernel",
    "shallow_memory",
    "shallow_outputs",
    "shallow_proposals",
    "terms",
    "word_bits",
)


def _stamp() -> str:
    folder = Path(__file__).parent
    sha = hashlib.sha256()
    for name in _SOURCES:
        sha.update((folder / f"{name}.py").read_bytes())
    return sha.hexdigest()


STAMP = _stamp()


def compiled(function: Function) -> Function:
    """Compile a function at its first call."""
    return _compile(function, forceinline=False)


def inlined(function: Function) -> Function:
    """Compile a function that is small and called in inner loops into its callers."""
    return _compile(function, forceinline=True)


def _compile(function: Function, *, forceinline: bool) -> Function:
    # Kernels allocate nothing; counting references to their arrays would cost more than a move.
    options: dict[str, Any] = {"forceinline": forceinline, "error_model": "numpy", "_nrt": False}
    dispatcher: Any = njit(cache=True, **options)(function)
    index = getattr(dispatcher._cache, "_cache_file", None)
    if index is not None and hasattr(index, "_source_stamp"):
        index._source_stamp = STAMP
    else:  # An unknown layout of numba's cache: compiling every time is slow but never wrong.
        dispatcher = njit(**options)(function)
    return cast("Function", dispatcher)
