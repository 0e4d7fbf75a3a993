"""Few-shot MNIST, second series of sbnn.md B.9.1: test accuracy of single straight-through runs.

Raw pixels 0..255, class-balanced random draws, all 10,000 test images. One network per draw: the
recipe of ``ste`` at rate 0.05, no restarts and no selection. Printed are the mean and the sd over
draws of argmax (a tie of m counted 1/m) and of all-good, from the exact integer network, beside the
means of the reference table, which stand for 32 other draws. Squared hinge is meant for all-good,
cross-entropy for argmax.

Beside them are searches on the same draws, each with as many moves as it makes in the CPU time of
the slower of the two straight-through runs of its draw; compilation is excluded.

Run with ``python benchmarks/few_shot_mnist.py``; BNNBENCH_DATA must hold mnist. The whole table:
``--images 1 2 5 10 40 --domains binary integer --draws 32``, and again with ``--hidden 16 16``.
"""

from __future__ import annotations

import argparse
import time

import bnnbench_heuristics.warm  # noqa: F401  compiles the kernels
import numpy as np
import numpy.typing as npt
import torch
from bnnbench_gradient.losses import LossName
from bnnbench_gradient.ste import Ste
from bnnbench_gradient.training import Trainer
from bnnbench_heuristics.annealing import Annealing
from bnnbench_heuristics.averaging import Averaging

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.domain import Binary, Integer, WeightDomain
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.metrics import part_metrics
from bnnbench.objectives import Errors, MinHinge, Objective, SaturatedMargin
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits

Floats = npt.NDArray[np.float64]
RATE = 0.05
TRIAL = 100_000
"""Moves of the first of two runs that find out how many moves fit a time."""
DOMAINS: dict[str, WeightDomain] = {"binary": Binary(), "integer": Integer(P=1)}
CE, HINGE = "cross-entropy", "squared-hinge"
RIVALS: dict[str, tuple[type[Annealing] | type[Averaging], Objective]] = {
    "annealing min-hinge": (Annealing, MinHinge()),
    "annealing saturated-margin": (Annealing, SaturatedMargin()),
    "averaging min-hinge": (Averaging, MinHinge()),
}
ONE, TWO = (16,), (16, 16)
REFERENCE = {
    (1, ONE): (0.361, 0.377, (0.319, 0.204), (0.323, 0.235)),
    (2, ONE): (0.461, 0.470, (0.404, 0.283), (0.417, 0.316)),
    (5, ONE): (0.597, 0.612, (0.519, 0.343), (0.536, 0.438)),
    (10, ONE): (0.672, 0.690, (0.612, 0.522), (0.622, 0.516)),
    (40, ONE): (0.779, 0.797, (0.724, 0.625), (0.746, 0.653)),
    (1, TWO): (0.310, 0.329, (0.250, 0.127), (0.265, 0.179)),
    (10, TWO): (0.630, 0.644, (0.510, 0.321), (0.434, 0.284)),
    (40, TWO): (0.755, 0.775, (0.600, 0.396), (0.497, 0.332)),
}
"""(images per class, hidden) to binary CE, integer CE, binary hinge, integer hinge: means."""


def reference(images: int, hidden: tuple[int, ...], domain: str, loss: str) -> str:
    row = REFERENCE.get((images, hidden))
    if row is None:
        return "none"
    figure = row[(domain == "integer") + 2 * (loss == HINGE)]
    return (
        f"{figure[0]:.3f} / {figure[1]:.3f}" if isinstance(figure, tuple) else f"{figure:.3f} / -"
    )


def line(name: str, found: Floats, known: str) -> str:
    """Means and sds over draws; ``found`` has shape (draws, 3)."""
    (argmax, good, taken), sd = found.mean(axis=0), found.std(axis=0)
    return f"{name} | {argmax:.3f} ({sd[0]:.3f}) / {good:.3f} ({sd[1]:.3f}) | {known} | {taken:.2f}"


def figures(
    registry: Registry,
    images: int,
    hidden: tuple[int, ...],
    domain: WeightDomain,
    loss: LossName,
    draw: int,
) -> tuple[float, float, float]:
    """Argmax and all-good on the test images, and CPU seconds of training."""
    data = make_dataset(registry, f"mnist | few-shot[k={images},seed={draw}]")
    architecture = Architecture(data.n_features, hidden, data.n_classes)
    problem = Problem(data, architecture, domain, Errors())
    trainer = Trainer(problem, Ste(loss=loss, rates=RATE).recipe(problem))
    start = time.process_time()
    current = trainer.start(draw, [0])
    current.run()
    taken = time.process_time() - start
    test = part_metrics(problem, current.network(0))["test"]
    return test.argmax, test.all_good, taken


def rival(
    registry: Registry,
    images: int,
    hidden: tuple[int, ...],
    domain: WeightDomain,
    name: str,
    draw: int,
    seconds: float,
) -> tuple[float, float, float]:
    """As :func:`figures`, of a search with as many moves as it makes in so much CPU time."""
    cls, objective = RIVALS[name]
    data = make_dataset(registry, f"mnist | few-shot[k={images},seed={draw}]")
    architecture = Architecture(data.n_features, hidden, data.n_classes)
    problem = Problem(data, architecture, domain, objective)
    moves, taken = TRIAL, 0.0
    for _ in range(3):
        start = time.process_time()
        solver = cls(moves=moves)
        solution = solver.solve(direct_model(problem), Limits(), draw, ignore_report)
        taken = time.process_time() - start
        moves = max(1, int(moves * seconds / taken))
    test = part_metrics(problem, solution.answer)["test"]
    return test.argmax, test.all_good, taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[10], help="per class")
    parser.add_argument("--hidden", type=int, nargs="+", default=[16], help="widths")
    parser.add_argument("--domains", nargs="+", default=["integer"], choices=sorted(DOMAINS))
    parser.add_argument("--losses", nargs="+", default=[CE, HINGE], choices=[CE, HINGE])
    parser.add_argument(
        "--rivals", nargs="*", default=list(RIVALS), choices=RIVALS, help="searches beside ste"
    )
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--first-draw", type=int, default=0, help="seed of the first draw")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    registry, hidden = Registry.load(), tuple(arguments.hidden)
    draws = range(arguments.first_draw, arguments.first_draw + arguments.draws)
    print(f"draws {draws.start}..{draws.stop - 1}, hidden {hidden}, rate {RATE}")
    print("images domain loss | argmax (sd) / all-good (sd) | reference | CPU s per network")
    for images in arguments.images:
        for domain in arguments.domains:
            spent = np.zeros(len(draws))
            for loss in arguments.losses:
                found = np.array(
                    [figures(registry, images, hidden, DOMAINS[domain], loss, d) for d in draws]
                )
                known = reference(images, hidden, domain, loss)
                print(line(f"{images} {domain} {loss}", found, known), flush=True)
                spent = np.maximum(spent, found[:, 2])
            for name in arguments.rivals:
                parts = (images, hidden, DOMAINS[domain], name)
                pairs = zip(draws, spent.tolist(), strict=True)
                found = np.array([rival(registry, *parts, d, s) for d, s in pairs])
                print(line(f"{images} {domain} {name}", found, "none"), flush=True)


if __name__ == "__main__":
    main()
