"""CPU seconds of the closed-form {alpha, beta} quantiser, against scikit-learn's KMeans.

Base case: ``KMeans(2)`` on the same n numbers as a column, with scikit-learn's defaults (k-means++,
one start; ``--starts`` for more) and a fixed seed: unconstrained {alpha, beta} quantisation is 1-D
2-means, of which KMeans finds a local optimum. Both on one thread, medians. Also printed: the
seconds under a budget of ones, which KMeans does not have.

Run with ``python benchmarks/closed_form.py``; per distribution the last figure is
KMeans / closed form.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from bnnbench_gradient.closed_form import quantise
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits


def draw(name: str, n: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    samples = {"normal": rng.normal, "laplace": rng.laplace, "uniform": rng.uniform}
    return samples[name](size=n).astype(dtype)


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median CPU seconds."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=10**6)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--starts", type=int, default=1, help="of KMeans")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    rival = KMeans(2, n_init=arguments.starts, random_state=0)

    with threadpool_limits(1):
        for name in ("normal", "laplace", "uniform"):
            w = draw(name, arguments.n, arguments.dtype)
            k = arguments.n // 10
            # warm both, and keep what they find
            ours, theirs = quantise(w).sse, float(rival.fit(w[:, None]).inertia_)
            fast = seconds(lambda w=w: quantise(w), arguments.repeats)
            slow = seconds(lambda w=w: rival.fit(w[:, None]), arguments.repeats)
            most = seconds(lambda w=w, k=k: quantise(w, k), arguments.repeats)
            just = seconds(lambda w=w, k=k: quantise(w, k, "exactly"), arguments.repeats)
            print(f"{name} n={arguments.n} {arguments.dtype}: at most n/10 {most:.4f} s,", end=" ")
            print(f"exactly n/10 {just:.4f} s, unconstrained {fast:.4f} s, KMeans {slow:.4f} s")
            print(f"SSE {ours:.6f}, KMeans {theirs:.6f}; ratio {slow / fast:.1f}")


if __name__ == "__main__":
    main()
