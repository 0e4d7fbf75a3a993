"""CPU seconds of training many models at once, against a loop over the same models.

Base case: ``Ste``'s own training code with one model per round. Both sides train the same models
(same indices, so same seeds and rates) on digits 64-16-10, integers -1..1, cross-entropy, 70 % of
the rows. Run with ``python benchmarks/gradient.py``; the last line is batched / loop.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from bnnbench_gradient.ste import Ste
from bnnbench_gradient.training import Trainer
from sklearn.datasets import load_digits

from bnnbench.architecture import Architecture
from bnnbench.domain import Integer
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.table import Table, finish


def problem(hidden: int) -> Problem:
    X, y = load_digits(return_X_y=True)
    part = np.full(len(y), 2)
    part[np.random.default_rng(0).permutation(len(y))[: round(0.7 * len(y))]] = 0
    data = finish(Table(X.astype(np.int64), y, part), "digits")
    return Problem(data, Architecture(64, (hidden,), 10), Integer(P=1), Errors())


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", type=float, nargs="+", default=[0.01, 0.03, 0.1])
    parser.add_argument("--seeds", type=int, default=8, help="models per rate")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    task = problem(arguments.hidden)
    recipe = Ste(rates=tuple(arguments.rates), epochs=arguments.epochs).recipe(task)
    trainer = Trainer(task, recipe)
    models = range(len(arguments.rates) * arguments.seeds)
    trainer.start(1, [0]).run(expired=iter([False, True]).__next__)

    batched, loop = [], []
    for _ in range(arguments.repeats):
        batched.append(cpu_seconds(trainer.start(0, models).run))
        loop.append(cpu_seconds(lambda: [trainer.start(0, [i]).run() for i in models]))
    fast, slow = statistics.median(batched), statistics.median(loop)
    print(f"models {len(models)}, epochs {arguments.epochs}, hidden {arguments.hidden}")
    print(f"batched {fast:.2f} CPU s, loop {slow:.2f} CPU s (medians of {arguments.repeats})")
    print(f"ratio {fast / slow:.3f}")


if __name__ == "__main__":
    main()
