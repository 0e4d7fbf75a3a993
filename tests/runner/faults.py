"""A plugin whose solvers misbehave in every way that a runner must survive."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver
from bnnbench.network import Layer, Network
from bnnbench.solution import Solution, Status, Termination
from bnnbench.table import Table


def blobs(*, n: int = 40, seed: int = 0, contradict: int = 0) -> Table:
    """Two noisy classes; ``contradict`` rows are repeated with the other label."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = np.rint(rng.normal(size=(n, 4)) * 2 + 2 * y[:, None]).astype(int)
    X, y = np.vstack([X, X[:contradict]]), np.concatenate([y, 1 - y[:contradict]])
    part = np.where(np.arange(len(y)) % 4 == 3, 2, 0)
    return Table(X, y, part)


def counted(*, log: str) -> Table:
    """Writes a line to a file each time it is made."""
    with Path(log).open("a", encoding="utf-8") as out:
        out.write("made\n")
    return blobs()


def broken() -> Table:
    """Fails."""
    raise OSError("the disk is on fire")


def good(model, seed=0):
    """A network of the problem's class."""
    return model.problem.random_network(np.random.default_rng(seed))


def value(model, network):
    """Its verified objective."""
    return float(model.problem.evaluate(network).value)


@dataclass(frozen=True)
class Honest(Solver):
    """Best of some random networks."""

    name = "honest"
    tries: int = 20

    def solve(self, model, limits, seed, report):
        rng = np.random.default_rng(seed)
        networks = [model.problem.random_network(rng) for _ in range(self.tries)]
        best = min(networks, key=model.problem.evaluate)
        report(best, objective=value(model, best))
        return Solution.found(best, objective=value(model, best))


@dataclass(frozen=True)
class Raises(Solver):
    """Raises."""

    name = "raises"

    def solve(self, model, limits, seed, report):
        raise ValueError("no idea")


@dataclass(frozen=True)
class Exits(Solver):
    """Leaves the interpreter."""

    name = "exits"

    def solve(self, model, limits, seed, report):
        os._exit(7)


@dataclass(frozen=True)
class Aborts(Solver):
    """Calls abort()."""

    name = "aborts"

    def solve(self, model, limits, seed, report):
        os.abort()


@dataclass(frozen=True)
class Segfaults(Solver):
    """Reads address 0, after streaming a network."""

    name = "segfaults"

    def solve(self, model, limits, seed, report):
        network = good(model)
        report(network, objective=value(model, network))
        ctypes.string_at(0)


@dataclass(frozen=True)
class Sleeps(Solver):
    """Streams a network, then sleeps and ignores SIGTERM."""

    name = "sleeps"

    def solve(self, model, limits, seed, report):
        network = good(model)
        report(network, objective=value(model, network), bound=0.0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)


@dataclass(frozen=True)
class Spins(Solver):
    """Spins in C, where no Python signal handler can run."""

    name = "spins"

    def solve(self, model, limits, seed, report):
        sum(iter(int, 1))


@dataclass(frozen=True)
class Allocates(Solver):
    """Takes memory step by step, far beyond the limit."""

    name = "allocates"
    at_once: bool = False

    def solve(self, model, limits, seed, report):
        if self.at_once:
            np.ones(8 << 30, dtype=np.int8)
        hold = []
        while True:
            hold.append(np.ones(16 << 20, dtype=np.int8))


@dataclass(frozen=True)
class Forks(Solver):
    """Leaves a daemon behind: its own session, orphaned, deaf to signals."""

    name = "forks"
    pidfile: str = ""

    def solve(self, model, limits, seed, report):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                Path(self.pidfile).write_text(str(os.getpid()))
                time.sleep(600)
            os._exit(0)
        while not Path(self.pidfile).exists() or not Path(self.pidfile).read_text():
            time.sleep(0.01)
        network = good(model)
        return Solution.found(network, objective=value(model, network))


@dataclass(frozen=True)
class Talks(Solver):
    """Writes to its standard streams."""

    name = "talks"

    def solve(self, model, limits, seed, report):
        print("x" * 100_000)
        os.write(1, b"\x00\xff raw bytes \n")
        print("on stderr", file=sys.stderr)
        network = good(model)
        return Solution.found(network, objective=value(model, network))


@dataclass(frozen=True)
class ReturnsNone(Solver):
    """Returns None."""

    name = "returns-none"

    def solve(self, model, limits, seed, report):
        return None


@dataclass(frozen=True)
class Outside(Solver):
    """Returns a network outside the domain."""

    name = "outside"

    def solve(self, model, limits, seed, report):
        network = good(model)
        layers = tuple(Layer(a.weights * 5 + 2, a.bias) for a in network.layers)
        return Solution.found(Network(network.architecture, layers), objective=0.0)


@dataclass(frozen=True)
class Lies(Solver):
    """Claims a better objective than its network has."""

    name = "lies"

    def solve(self, model, limits, seed, report):
        network = good(model)
        return Solution.found(network, objective=value(model, network) - 1)


@dataclass(frozen=True)
class LiesInTime(Solver):
    """Streams a false objective and overruns."""

    name = "lies-in-time"

    def solve(self, model, limits, seed, report):
        network = good(model)
        report(network, objective=value(model, network) - 1)
        time.sleep(600)


@dataclass(frozen=True)
class LiesAboutBound(Solver):
    """Claims a bound above its own objective."""

    name = "lies-about-bound"

    def solve(self, model, limits, seed, report):
        network = good(model)
        v = value(model, network)
        return Solution.found(network, objective=v, bound=v + 1)


@dataclass(frozen=True)
class FalseBound(Solver):
    """Claims a bound below its own bad objective, yet above what others reach."""

    name = "false-bound"

    def solve(self, model, limits, seed, report):
        rng = np.random.default_rng(seed)
        networks = [model.problem.random_network(rng) for _ in range(50)]
        worst = max(networks, key=model.problem.evaluate)
        v = value(model, worst)
        return Solution.found(worst, objective=v, bound=v)


@dataclass(frozen=True)
class FalseOptimum(Solver):
    """Claims optimal with a gap."""

    name = "false-optimum"

    def solve(self, model, limits, seed, report):
        network = good(model)
        v = value(model, network)
        return Solution(network, Status.OPTIMAL, Termination.OPTIMAL, v, v - 1)


@dataclass(frozen=True)
class Modest(Solver):
    """Claims a worse objective than its network has, which is no lie."""

    name = "modest"

    def solve(self, model, limits, seed, report):
        network = good(model)
        return Solution.found(network, objective=value(model, network) + 1)


@dataclass(frozen=True)
class Cooperative(Solver):
    """Streams for ever until it is told to stop."""

    name = "cooperative"

    def solve(self, model, limits, seed, report):
        rng = np.random.default_rng(seed)
        best = good(model)
        while True:
            other = model.problem.random_network(rng)
            best = min(best, other, key=model.problem.evaluate)
            if report(best, objective=value(model, best)):
                return Solution.found(best, Termination.TARGET, objective=value(model, best))


@dataclass(frozen=True)
class Waits(Solver):
    """Takes a while and marks that it ran."""

    name = "waits"
    seconds: float = 0.1
    log: str = ""

    def solve(self, model, limits, seed, report):
        time.sleep(self.seconds)
        if self.log:
            with Path(self.log).open("a", encoding="utf-8") as out:
                out.write(f"{seed}\n")
        network = good(model, seed)
        return Solution.found(network, objective=value(model, network))


@dataclass(frozen=True)
class BadPreload(Solver):
    """Names a module to preload whose import ends the process."""

    name = "bad-preload"
    preload = ("antigravity_of_death",)

    def solve(self, model, limits, seed, report):
        raise AssertionError("must not be called")


@dataclass(frozen=True)
class Absent(Solver):
    """Needs a library nobody has."""

    name = "absent"
    requires = ("no-such-distribution",)

    def solve(self, model, limits, seed, report):
        raise AssertionError("must not be called")


@dataclass(frozen=True)
class Picky(Solver):
    """Accepts nothing."""

    name = "picky"

    def accepts(self, model):
        return "too hot"

    def solve(self, model, limits, seed, report):
        raise AssertionError("must not be called")


@hookimpl
def bnnbench_datasets():
    return [blobs, counted, broken]


@hookimpl
def bnnbench_solvers():
    return [
        c
        for c in globals().values()
        if isinstance(c, type) and issubclass(c, Solver) and c.__module__ == __name__
    ]
