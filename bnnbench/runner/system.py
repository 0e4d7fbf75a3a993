"""Linux process facts: subreapers, memory of a process tree, the machine's name and noise."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LINUX = sys.platform.startswith("linux")
_PRCTL = ctypes.CDLL(None).prctl if _LINUX else None
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


def become_subreaper() -> None:
    """Make orphaned descendants children of this process, so that none can escape a kill."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """All living descendants of a process; empty where the system does not tell."""
    found: list[int] = []
    stack = [pid]
    while stack:
        parent = stack.pop()
        try:
            texts = [f.read_text() for f in (_PROC / str(parent) / "task").glob("*/children")]
        except OSError:
            continue
        children = [int(c) for text in texts for c in text.split()]
        found += children
        stack += children
    return found


def resident_bytes(pids: list[int]) -> int:
    """Anonymous and shared resident memory of some processes; files mapped from disk are free."""
    total = 0
    for pid in pids:
        try:
            lines = (_PROC / str(pid) / "status").read_text(errors="replace").splitlines()
        except OSError:
            continue
        resident = [line for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
        total += sum(int(line.split()[1]) << 10 for line in resident)
    return total


def address_space() -> int:
    """Bytes of address space this process uses now."""
    try:
        pages = int((_PROC / "self" / "statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * _PAGE


def host() -> dict[str, str]:
    """Where this runs: name, processor, cores, system, Python."""
    model = platform.processor() or platform.machine()
    try:
        for line in (_PROC / "cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "node": platform.node(),
        "cpu": model,
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def probe() -> float:
    """CPU seconds of a fixed piece of work: larger than usual means a busy or slow machine."""
    begin = time.thread_time()
    total = 0
    for i in range(100_000):
        total += i * i
    return time.thread_time() - begin
