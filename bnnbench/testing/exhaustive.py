"""Complete enumeration of tiny problem classes: the optimum that nobody can argue with.

All networks of a class are the product over layers of the layer's options: a grid, a number for
every arc, a number for every bias. The pre-activations of all options of a layer are computed in
one product per state of the layers below, so a class of 10**5 networks takes seconds.

Free biases are enumerated over the range in which they can matter: a hidden bias beyond the
greatest sum of the training rows changes no activation; an output bias beyond it, with the margin
added, is saturated for every objective that compares a single output with a threshold. Several
outputs may want biases further apart, and max-margin may not be bounded: not every class with free
biases is covered.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.domain import Grid
from bnnbench.errors import ProblemError
from bnnbench.network import Forward, Layer, Network
from bnnbench.objectives import Objective, Outcome, Score
from bnnbench.problem import Problem

LIMIT = 500_000
_CHUNK = 4096

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Option:
    """A layer and how much of the domain's budget of upper values it takes."""

    layer: Layer
    upper: int


def class_size(problem: Problem) -> int:
    """How many networks the class has, networks beyond a budget of upper values included.

    A network that lies on two grids of a layer is counted twice.
    """
    arch = problem.architecture
    total = 1
    for k in range(1, arch.depth + 1):
        arcs = int(arch.mask(k).sum())
        total *= sum(
            g.size**arcs * len(_bias_values(problem, k, g)) ** arch.widths[k]
            for g in problem.domain.grids()
        )
    return total


def enumerate_networks(problem: Problem, *, limit: int = LIMIT) -> Iterator[Network]:
    """Every network of the class once.

    Raises:
        ProblemError: when the class has more than ``limit`` networks.
    """
    options = _options(problem, limit)
    budget = problem.domain.budget(problem.architecture.n_weights)
    for chosen in itertools.product(*options):
        if budget is None or sum(o.upper for o in chosen) <= budget:
            yield Network(problem.architecture, tuple(o.layer for o in chosen))


def optimum(problem: Problem, *, limit: int = LIMIT) -> tuple[Score, Network | None]:
    """The best score of the class, with the first network that has it.

    Returns:
        The score and the network; an infeasible score and None when no network is feasible.

    Raises:
        ProblemError: when the class has more than ``limit`` networks.
        NetworkError: when 64 bits cannot hold a pre-activation.
    """
    return optima(problem, [problem.objective], limit=limit)[0]


def optima(
    problem: Problem, objectives: Sequence[Objective], *, limit: int = LIMIT
) -> list[tuple[Score, Network | None]]:
    """The optima of several objectives over one class, as :func:`optimum` gives them."""
    search = _Search(problem, objectives, _options(problem, limit))
    search.extend((), (), (), problem.domain.budget(problem.architecture.n_weights))
    return search.best


class _Search:
    """Depth-first search over the layers, keeping the best network of every objective."""

    def __init__(
        self, problem: Problem, objectives: Sequence[Objective], options: list[list[_Option]]
    ) -> None:
        self.problem, self.objectives, self.options = problem, objectives, options
        self.best: list[tuple[Score, Network | None]] = [(Score(False), None) for _ in objectives]
        self._X, self._labels = problem.dataset.part("train")
        self._targets = problem.targets()

    def extend(
        self,
        layers: tuple[Layer, ...],
        pre: tuple[Int64, ...],
        units: tuple[int, ...],
        budget: int | None,
    ) -> None:
        """Try all options for the layer after ``layers``, whose pre-activations are known."""
        k = len(layers) + 1
        options = self.options[k - 1]
        if budget is not None:
            options = [o for o in options if o.upper <= budget]
        for start in range(0, len(options), _CHUNK):
            chunk = options[start : start + _CHUNK]
            z, unit = self._pre_activations(k, chunk, pre)
            for option, values in zip(chunk, z, strict=True):
                state = ((*layers, option.layer), (*pre, values), (*units, unit))
                if k == len(self.options):
                    self._judge(*state)
                else:
                    self.extend(*state, None if budget is None else budget - option.upper)

    def _pre_activations(
        self, k: int, options: list[_Option], pre: tuple[Int64, ...]
    ) -> tuple[Int64, int]:
        """Numerators for all options at once, shape (options, n, width), and their denominator.

        The options side by side are the units of one wide layer on the stacked sources.
        """
        arch, scale = self.problem.architecture, self.problem.dataset.scale
        sources = [c.source for c in arch.sources(k)]
        scale = scale if 0 in sources else 1
        low = -1 if arch.activation == "sign" else 0
        blocks = [
            np.where(pre[s - 1] >= 0, scale, low * scale) if s else self._X.astype(np.int64)
            for s in sources
        ]
        A = np.concatenate(blocks, axis=1)
        first = options[0].layer
        wide = Layer(
            np.concatenate([o.layer.weights for o in options], axis=1),
            np.concatenate([o.layer.bias for o in options]),
            first.scale,
            first.bias_scale,
        )
        net = Network(Architecture(A.shape[1], (), len(wide.bias)), (wide,))
        forward = net.forward(A, scale)
        width = arch.widths[k]
        z = forward.output.reshape(len(A), len(options), width).transpose(1, 0, 2)
        return np.ascontiguousarray(z), forward.output_unit

    def _judge(
        self, layers: tuple[Layer, ...], pre: tuple[Int64, ...], units: tuple[int, ...]
    ) -> None:
        problem = self.problem
        network = Network(problem.architecture, layers)
        outcome = Outcome(
            network, Forward(pre, units), self._targets, self._labels, problem.output_scale
        )
        for i, objective in enumerate(self.objectives):
            score = objective.evaluate(outcome)
            if score.feasible and score < self.best[i][0]:
                self.best[i] = (score, network)


def _options(problem: Problem, limit: int) -> list[list[_Option]]:
    """Per layer everything it may be."""
    size = class_size(problem)
    if size > limit:
        raise ProblemError(
            f"The class has {size} networks, beyond the {limit} that are enumerated here."
            " Use fewer features, narrower layers or a smaller domain."
        )
    return [_layer_options(problem, k) for k in range(1, problem.architecture.depth + 1)]


def _layer_options(problem: Problem, k: int) -> list[_Option]:
    arch, domain = problem.architecture, problem.domain
    mask = arch.mask(k)
    found: dict[bytes, _Option] = {}
    for grid in domain.grids():
        biases = _tuples(_bias_values(problem, k, grid), arch.widths[k])
        unit = problem.unit(k) if domain.bias == "free" else grid.scale
        for arcs in _tuples(grid.values, int(mask.sum())):
            weights = np.zeros(mask.shape, dtype=np.int64)
            weights[mask] = arcs
            upper = int((arcs == grid.hi).sum())
            for bias in biases:
                key = weights.tobytes() + bias.tobytes()
                if key not in found or upper < found[key].upper:
                    found[key] = _Option(Layer(weights, bias, grid.scale, unit), upper)
    return list(found.values())


def _bias_values(problem: Problem, k: int, grid: Grid) -> Int64:
    """The numerators a bias of layer k may have beside weights of this grid."""
    biases = problem.domain.bias_grid(grid)
    if biases is not None:
        return biases.values
    if problem.domain.bias == "none":
        return np.zeros(1, dtype=np.int64)
    arch, largest = problem.architecture, problem.domain.largest
    reach = Fraction(0)
    for c in arch.sources(k):
        reach += arch.widths[c.source] * largest if c.source else _row_reach(problem) * largest
    if k == arch.depth:
        reach += max(Fraction(1), problem.output_scale / 4)
    most = math.ceil(reach * problem.unit(k)) + 1
    return np.arange(-most, most + 1)


def _row_reach(problem: Problem) -> Fraction:
    """The largest sum of absolute features of a training row."""
    X = np.abs(problem.dataset.part("train")[0].astype(np.int64)).sum(axis=1)
    return Fraction(int(X.max()), problem.dataset.scale)


def _tuples(values: Int64, length: int) -> Int64:
    """All tuples of that length over some values, shape (number ** length, length)."""
    places = np.arange(len(values) ** length)[:, None] // _powers(len(values), length)
    return np.asarray(values[places % len(values)], dtype=np.int64)


def _powers(base: int, length: int) -> Int64:
    return np.array([base**i for i in reversed(range(length))], dtype=np.int64)
