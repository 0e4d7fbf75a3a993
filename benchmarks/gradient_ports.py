"""Accuracy of the literal ports gd-nn, gd-b and gd-t beside published and earlier figures.

``adult``: gd-nn on the published splits, 108-16-2, with the published settings; test accuracy by
argmax, training accuracy and squared hinge, mean over splits and seeds, beside the means recomputed
from the authors' released results, which have one run per split (inn.md 9.1). In brackets the
population sd over splits, each averaged over its seeds. Accepted: the test mean within 2 points.

``mnist``: gd-b and gd-t, 784-16-10, on the first sets of the published protocol (bdnn.md B.7), all
10,000 test images; argmax / all-good, mean (and sd) over sets and seeds, beside an earlier port of
the same code (sbnn.md B.10.2).

Run with ``python benchmarks/gradient_ports.py adult`` or ``mnist``; BNNBENCH_DATA must hold the
raw files.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from bnnbench_gradient.gd_bt import GdB, GdT
from bnnbench_gradient.gd_nn import GdNn

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.domain import Integer
from bnnbench.interfaces import Solver, direct_model, ignore_report
from bnnbench.metrics import part_metrics
from bnnbench.objectives import Objective, SignErrors, SquaredHinge
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits, Solution

PUBLISHED = {
    (40, 1): (75.4, 99.0, 0.88),
    (40, 3): (74.9, 99.5, 1.06),
    (40, 7): (70.0, 93.5, 4.77),
    (40, 15): (72.2, 88.0, 7.58),
    (280, 1): (78.8, 94.6, 23.6),
    (280, 3): (79.8, 97.9, 8.6),
    (280, 7): (80.0, 97.0, 14.4),
    (280, 15): (78.2, 89.8, 39.7),
}
"""(rows, P) to test %, training % and squared hinge."""
TOLERANCE = 2.0
EARLIER = {
    ("gd-b", 1): (0.158, 0.054),
    ("gd-b", 2): (0.206, 0.075),
    ("gd-b", 10): (0.215, 0.092),
    ("gd-t", 1): (0.184, 0.044),
    ("gd-t", 2): (0.215, 0.084),
    ("gd-t", 10): (0.276, 0.117),
}
"""(solver, images per class) to argmax and all-good, best rate."""
STEPS = {1: 15_000, 2: 15_000, 10: 6_000}


def solved(
    registry: Registry, data: str, P: int, objective: Objective, solver: Solver, seed: int
) -> tuple[Problem, Solution]:
    dataset = make_dataset(registry, data)
    architecture = Architecture(dataset.n_features, (16,), dataset.n_classes)
    problem = Problem(dataset, architecture, Integer(P=P), objective)
    model = direct_model(problem)
    refusal = solver.accepts(model)
    assert refusal is None, refusal
    return problem, solver.solve(model, Limits(), seed, ignore_report)


def adult(
    registry: Registry, rows: Sequence[int], bounds: Sequence[int], splits: int, seeds: int
) -> None:
    print("N P | test % (sd) published difference | train % published | hinge published | CPU s")
    for n in rows:
        for P in bounds:
            figures, start = np.zeros((splits, seeds, 3)), time.process_time()
            for r, seed in np.ndindex(splits, seeds):
                data = f"adult[preprocess=inn2023] | inn2023-split[n={n},replicate={r}]"
                found = solved(registry, data, P, SquaredHinge(), GdNn(), r + splits * seed)
                parts = part_metrics(found[0], found[1].answer)
                accuracies = [100 * parts[part].argmax for part in ("test", "train")]
                figures[r, seed] = [*accuracies, found[1].objective]
            test, train, hinge = figures.mean(axis=(0, 1))
            sd = figures.mean(axis=1).std(axis=0)[0]
            published = PUBLISHED[n, P]
            difference = test - published[0]
            verdict = "ok" if abs(difference) <= TOLERANCE else "TOO FAR"
            print(
                f"{n} {P} | {test:.1f} ({sd:.1f}) {published[0]}"
                f" {difference:+.1f} {verdict} | {train:.1f} {published[1]} | {hinge:.2f}"
                f" {published[2]} | {time.process_time() - start:.1f}",
                flush=True,
            )


def mnist(
    registry: Registry, images: Sequence[int], rates: Sequence[float], sets: int, seeds: int
) -> None:
    print("solver images rate | argmax all-good | earlier port, best rate | CPU s")
    for kind in (GdB, GdT):
        for k in images:
            for rate in rates:
                figures, start = [], time.process_time()
                for index in range(sets):
                    for seed in range(seeds):
                        solver = kind(lr=rate, steps=STEPS[k])
                        data = f"mnist | consecutive[k={k},index={index}]"
                        found = solved(registry, data, 1, SignErrors(), solver, seed)
                        test = part_metrics(found[0], found[1].answer)["test"]
                        figures.append([test.argmax, test.all_good])
                (argmax, good), sd = np.mean(figures, axis=0), np.std(figures, axis=0)
                earlier = EARLIER[kind.name, k]
                spread = f"{argmax:.3f} ({sd[0]:.3f}) {good:.3f} ({sd[1]:.3f})"
                print(
                    f"{kind.name} {k} {rate:g} | {spread}"
                    f" | {earlier[0]:.3f} {earlier[1]:.3f} | {time.process_time() - start:.1f}",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["adult", "mnist"])
    parser.add_argument("--rows", type=int, nargs="+", default=[40, 280], choices=[40, 280])
    parser.add_argument("--bounds", type=int, nargs="+", default=[1, 3, 7, 15], help="P")
    parser.add_argument("--splits", type=int, default=5, help="of the five published ones")
    parser.add_argument("--images", type=int, nargs="+", default=[1, 2, 10], choices=sorted(STEPS))
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 1e-4])
    parser.add_argument("--sets", type=int, default=2, help="training sets, of ten")
    parser.add_argument("--seeds", type=int, help="per split (1) or training set (3)")
    arguments = parser.parse_args()

    registry = Registry.load()
    if arguments.part == "adult":
        adult(registry, arguments.rows, arguments.bounds, arguments.splits, arguments.seeds or 1)
    else:
        mnist(registry, arguments.images, arguments.rates, arguments.sets, arguments.seeds or 3)


if __name__ == "__main__":
    main()
