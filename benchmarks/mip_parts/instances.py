"""The instances of mip.md section 2, and the programs that are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bnnbench_mip.formulation import NetworkMILP
from bnnbench_mip.linear_hinge import LinearHingeMILP
from bnnbench_mip.min_hinge import MinHingeMILP

from bnnbench.architecture import Architecture
from bnnbench.data import make_dataset
from bnnbench.domain import Integer
from bnnbench.objectives import LinearHinge, MinHinge, Objective
from bnnbench.problem import Problem
from bnnbench.registry import Registry

if TYPE_CHECKING:
    import highspy

Instance = tuple[int, int, int]
"""Features, rows and hidden units."""
EASY = [(30, 100, 1), (10, 100, 2), (10, 50, 4), (30, 100, 2)]
HARD = [(10, 100, 4), (10, 200, 4), (10, 400, 4), (10, 200, 8), (12, 100, 4), (10, 100, 8)]
LARGE = [(10, 569, 4)]
"""All rows of the data; two minutes of CPU."""
THREE = [(8, 60, 3), (10, 90, 4)]
FORMS = {
    "literal": LinearHingeMILP(),
    "strengthened": LinearHingeMILP(
        one_sided=True, symmetry=True, order="key", merge=True, integer_loss=True
    ),
}
DOMAIN = Integer(P=1, bias="asymmetric")
BUILT: dict[str, tuple[Objective, NetworkMILP]] = {
    "linear-hinge": (LinearHinge(), LinearHingeMILP()),
    "min-hinge": (MinHinge(), MinHingeMILP()),
}
"""Programs whose building is timed."""


def of(
    registry: Registry, features: int, n: int, hidden: int, data: str = "breast-cancer"
) -> Problem:
    """The problem of an instance."""
    text = f"{data} | median | first-features[n={features}] | round-robin[n={n}]"
    dataset = make_dataset(registry, text)
    outputs = 1 if dataset.n_classes == 2 else dataset.n_classes
    architecture = Architecture(dataset.n_features, (hidden,), outputs)
    return Problem(dataset, architecture, DOMAIN, LinearHinge())


def digits(registry: Registry, n: int, name: str) -> Problem:
    """Digits 64-16-10 with pixels >= 8."""
    dataset = make_dataset(registry, f"digits | threshold[t=8] | round-robin[n={n}]")
    return Problem(dataset, Architecture(dataset.n_features, (16,), 10), DOMAIN, BUILT[name][0])


def quiet() -> highspy.Highs:
    """A solver that prints nothing."""
    # Not at the top: ortools, which one solver needs, cannot be loaded beside it.
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    return solver
