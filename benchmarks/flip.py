"""Moves per second of annealing's kernel for one hidden layer, against the same moves in numpy.

Base case: single changes of a parameter with incremental exact evaluation in numpy, on integers,
rows of a feature's column by index, losses of the changed rows by a table; the same kinds of
proposals, and the temperature that annealing begins with. Both start from the same network and run
in turn; CPU seconds, best of the repeats, compilation not counted. The data are those of the
published adult experiment (108-16-2, n training rows); ``BNNBENCH_DATA`` must hold adult. Running::

    python benchmarks/flip.py
    python benchmarks/flip.py --rows 25000 --numpy-moves 2000 --moves 200000

Prints moves/s of both, the ratio, and whether both tracked losses equal the exact evaluation.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
from bnnbench_heuristics.annealing import usual_output_share
from bnnbench_heuristics.shallow_state import ShallowState

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.domain import Integer
from bnnbench.network import Layer, Network
from bnnbench.objectives import MinHinge
from bnnbench.problem import Problem
from bnnbench.registry import Registry

HIDDEN = 16


def adult(rows: int, replicate: int, P: int) -> Problem:
    text = f"adult[preprocess=inn2023] | inn2023-split[n={rows},replicate={replicate}]"
    data = make_dataset(Registry.load(), text)
    return Problem(data, Architecture(data.n_features, (HIDDEN,), 2), Integer(P=P), MinHinge())


class NumpyMoves:
    """Metropolis moves in numpy, nothing undone: a move is written when it is accepted."""

    def __init__(self, problem: Problem, state: ShallowState, network: Network, seed: int) -> None:
        self.problem, self.P = problem, problem.domain.grids()[0].hi
        X = problem.dataset.part("train")[0].astype(np.int64)
        self.live = np.flatnonzero(X.any(axis=0))
        self.rows = [np.flatnonzero(X[:, j]) for j in self.live]
        self.entries = [X[r, j] for r, j in zip(self.rows, self.live, strict=True)]
        self.signs = problem.targets().astype(np.int64)
        self.all_rows = np.arange(len(X))
        self.bias_gain = problem.dataset.scale
        self.reach, self.scale = state.losses.reach, state.losses.scale
        self.table = state.losses.code[: 2 * self.reach + 1]
        self.W = [layer.weights.copy() for layer in network.layers]
        self.b = [layer.bias.copy() for layer in network.layers]
        self.z = X @ self.W[0] + self.bias_gain * self.b[0]
        self.z = np.ascontiguousarray(self.z.T)
        activation = np.where(self.z.T >= 0, 1, -1)
        self.margins = self.signs * (activation @ self.W[1] + self.b[1])
        self.loss = int(self.table[self.margins + self.reach].sum())
        self.rng = np.random.default_rng(seed)

    def run(self, moves: int, temperature: float, share: float) -> None:
        width, hidden = len(self.live) + 1, HIDDEN
        first, outputs = width * hidden, 2 * (hidden + 1)
        for _ in range(moves):
            limit = -temperature * math.log(1.0 - self.rng.random())
            if self.rng.random() < share:
                k = int(self.rng.random() * (hidden + outputs))
                p = (k + 1) * width - 1 if k < hidden else first + k - hidden
            else:
                p = int(self.rng.random() * (first + outputs))
            if p < first:
                self._hidden(p // width, p % width, limit)
            else:
                self._output((p - first) // 2, (p - first) % 2, limit)

    def _other(self, old: int) -> int:
        new = int(self.rng.random() * 2 * self.P) - self.P
        return new + (new >= old)

    def _hidden(self, u: int, c: int, limit: float) -> None:
        is_bias = c == len(self.live)
        at = (u,) if is_bias else (self.live[c], u)
        place = self.b[0] if is_bias else self.W[0]
        new = self._other(int(place[at]))
        delta = new - int(place[at])
        rows = self.all_rows if is_bias else self.rows[c]
        z = self.z[u]
        old = z[rows]
        after = old + delta * (self.bias_gain if is_bias else self.entries[c])
        turned = (old ^ after) < 0
        flips = rows[turned]
        before = self.margins[flips]
        turn = np.where(old[turned] < 0, 2, -2)[:, None]
        margins = before + turn * self.signs[flips] * self.W[1][u]
        table, reach = self.table, self.reach
        rise = int((table[margins + reach] - table[before + reach]).sum())
        if rise <= limit:
            z[rows] = after
            self.margins[flips] = margins
            place[at] = new
            self.loss += rise

    def _output(self, u: int, j: int, limit: float) -> None:
        is_bias = u == HIDDEN
        at = (j,) if is_bias else (u, j)
        place = self.b[1] if is_bias else self.W[1]
        new = self._other(int(place[at]))
        step = (new - int(place[at])) * self.signs[:, j]
        before = self.margins[:, j]
        margins = before + (step if is_bias else np.where(self.z[u] >= 0, step, -step))
        table, reach = self.table, self.reach
        rise = int((table[margins + reach] - table[before + reach]).sum())
        if rise <= limit:
            self.margins[:, j] = margins
            place[at] = new
            self.loss += rise

    @property
    def exact(self) -> bool:
        layers = tuple(Layer(W, b) for W, b in zip(self.W, self.b, strict=True))
        score = self.problem.evaluate(Network(self.problem.architecture, layers))
        return score.value == self.loss / self.scale


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(problem: Problem, options: argparse.Namespace) -> str:
    state, rng = ShallowState.of(problem), np.random.default_rng(options.seed)
    if state is None:
        raise SystemExit("The compiled kernel does not take this problem.")
    state.seed(rng)
    state.randomise(rng)

    share = usual_output_share(options.rows)
    temperature = options.temperature * max(1.0, options.rows / 280) ** 0.5

    def compiled(moves: int) -> None:
        state.anneal(0, moves, math.inf, temperature, 1.0, share, -math.inf)

    # Both begin where the search has left its first, atypical moves behind.
    compiled(options.moves // 4)
    base = NumpyMoves(problem, state, state.network(), options.seed)
    heat = temperature * state.losses.step
    fast, slow = math.inf, math.inf
    for _ in range(options.repeats):
        slow = min(slow, cpu_seconds(lambda: base.run(options.numpy_moves, heat, share)))
        fast = min(fast, cpu_seconds(lambda: compiled(options.moves)))
    ours, theirs = options.moves / fast, options.numpy_moves / slow
    exact = state.value == problem.evaluate(state.network()).value and base.exact
    return f"{ours:14,.0f} {theirs:14,.0f} {ours / theirs:8.1f}  {'yes' if exact else 'NO'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=280)
    parser.add_argument("--bounds", type=int, nargs="+", default=[1, 15], help="P")
    parser.add_argument("--replicates", type=int, nargs="+", default=[0])
    parser.add_argument("--moves", type=int, default=2_000_000)
    parser.add_argument("--numpy-moves", type=int, default=20_000)
    parser.add_argument("--temperature", type=float, default=0.3, help="T0 of annealing")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"adult n={options.rows}, 108-16-2, min-hinge, T0 {options.temperature}, moves/s")
    print("  P  replicate       compiled          numpy    ratio  exact")
    for P in options.bounds:
        for replicate in options.replicates:
            line = compare(adult(options.rows, replicate, P), options)
            print(f"{P:3d} {replicate:10d} {line}", flush=True)


if __name__ == "__main__":
    main()
