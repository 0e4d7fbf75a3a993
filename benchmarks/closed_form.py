"""CPU seconds of the closed-form {alpha, beta} quantiser, against scikit-learn's KMeans.

Base case: ``KMeans(2)`` on the same n numbers as a column, with scikit-learn's defaults (k-means++,
one start; ``--starts`` for more) and a fixed seed: unconstrained {alpha, beta} quantisation is 1-D
2-means, of which KMeans finds a local optimum. Both are limited to one thread; the thread pools
that are loaded are printed. Runs alternate, after one of each; a ratio is that of two runs in a
row, and median, least and largest are printed. Also printed: the seconds under a budget of ones,
which KMeans does not have.

Run with ``python benchmarks/closed_form.py``; per distribution the last figures are
KMeans / closed form.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from bnnbench_gradient.closed_form import quantise
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_info, threadpool_limits


def draw(name: str, n: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    samples = {"normal": rng.normal, "laplace": rng.laplace, "uniform": rng.uniform}
    return samples[name](size=n).astype(dtype)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one run."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=10**6)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--starts", type=int, default=1, help="of KMeans")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    rival = KMeans(2, n_init=arguments.starts, random_state=0)

    with threadpool_limits(1):
        for name in ("normal", "laplace", "uniform"):
            w = draw(name, arguments.n, arguments.dtype)
            k = arguments.n // 10
            works: list[Callable[[], object]] = [
                lambda w=w: quantise(w),
                lambda w=w: rival.fit(w[:, None]),
                lambda w=w, k=k: quantise(w, k),
                lambda w=w, k=k: quantise(w, k, "exactly"),
            ]
            # warm all, and keep what they find
            ours, theirs = quantise(w).sse, float(rival.fit(w[:, None]).inertia_)
            for work in works[2:]:
                work()
            taken = np.array([[seconds(work) for work in works] for _ in range(arguments.repeats)])
            fast, slow, most, just = np.median(taken, axis=0)
            ratios = taken[:, 1] / taken[:, 0]
            print(f"{name} n={arguments.n} {arguments.dtype}: at most n/10 {most:.4f} s,", end=" ")
            print(f"exactly n/10 {just:.4f} s, unconstrained {fast:.4f} s, KMeans {slow:.4f} s")
            print(f"SSE {ours:.6f}, KMeans {theirs:.6f}; ratio {np.median(ratios):.1f}", end=" ")
            print(f"({ratios.min():.1f} to {ratios.max():.1f} in {len(ratios)})", flush=True)
        pools = {f"{pool['internal_api']} {pool['num_threads']}" for pool in threadpool_info()}
        print("threads:", ", ".join(sorted(pools)), "and one of numba's, whose loops are serial")


if __name__ == "__main__":
    main()
