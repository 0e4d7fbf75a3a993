"""Problems: data, hypothesis class and the number to minimise, whoever solves them."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.dataset import Dataset, Part
from bnnbench.domain import Grid, WeightDomain
from bnnbench.errors import ProblemError
from bnnbench.network import Forward, Layer, Network
from bnnbench.objectives import (
    Errors,
    GroupTargets,
    Hamming,
    Lexicographic,
    Objective,
    Outcome,
    Score,
    SignErrors,
)
from bnnbench.pair_sums import LARGEST, Core, packed_cores
from bnnbench.spec import Spec, Value
from bnnbench.stacked import Rows, forwards


@dataclass(frozen=True, eq=False)
class Problem:
    """A training problem: minimise ``objective`` over networks of ``architecture`` in ``domain``.

    Raises:
        ProblemError: when the architecture's inputs or outputs do not match the data, or its units
            are no thresholds.
    """

    dataset: Dataset
    architecture: Architecture
    domain: WeightDomain
    objective: Objective

    def __post_init__(self) -> None:
        data, arch = self.dataset, self.architecture
        if not arch.thresholds:
            raise ProblemError("Problems have sign or step units; relu is for references.")
        if arch.inputs != data.n_features:
            raise ProblemError(
                f"{data.name} has {data.n_features} features, {arch.text} reads {arch.inputs}."
            )
        if arch.outputs != data.n_classes and not (arch.outputs == 1 and data.n_classes == 2):
            raise ProblemError(
                f"{data.name} has {data.n_classes} classes: needs {data.n_classes} outputs"
                f"{' or 1' if data.n_classes == 2 else ''}, {arch.text} has {arch.outputs}."
            )

    def targets(self, part: Part = "train") -> npt.NDArray[np.int8]:
        """Wanted output signs -1 / +1 of one part: shape (m, outputs), one against the rest."""
        y = self.dataset.part(part)[1]
        wanted = self._class_of_output[None, :] == np.asarray(y)[:, None]
        return np.where(wanted, np.int8(1), np.int8(-1))

    @property
    def _class_of_output(self) -> npt.NDArray[np.int64]:
        outputs = self.architecture.outputs
        return np.array([1]) if outputs == 1 else np.arange(outputs)

    @cached_property
    def output_scale(self) -> Fraction:
        """B, so that u = 2 z / B is the scaled output (inn.md 2.1).

        With hidden units feeding the output, (their number + 1) times the largest weight; features
        that reach the output directly add the mean absolute row sum of the training rows.
        """
        arch, largest = self.architecture, self.domain.largest
        sources = [c.source for c in arch.sources(arch.depth)]
        units = sum(arch.widths[s] for s in sources if s > 0)
        B = (units + 1) * largest if units else Fraction(0)
        if 0 in sources:
            X = self.dataset.part("train")[0]
            total = sum(np.abs(X.astype(np.int64)).sum(axis=0, dtype=np.int64).tolist())
            B += Fraction(total, len(X) * self.dataset.scale)
        return B or Fraction(1)

    def unit(self, layer: int) -> int:
        """Common denominator of a layer's pre-activations on this data, free biases apart."""
        reads_input = any(c.source == 0 for c in self.architecture.sources(layer))
        return (self.dataset.scale if reads_input else 1) * self.domain.scale

    @property
    def output_unit(self) -> int:
        """Common denominator of the output pre-activations."""
        return self.unit(self.architecture.depth)

    def evaluate(self, network: Network, forward: Forward | None = None) -> Score:
        """The objective's exact value of a network on the training rows.

        Membership in the domain is not checked here: see :meth:`outside`.

        Args:
            network: the network.
            forward: its forward pass on the training rows, where that is known already.
        """
        X, y = self.dataset.part("train")
        if forward is None:
            forward = network.forward(X, self.dataset.scale)
        return self.objective.evaluate(
            Outcome(network, forward, self.targets(), y, self.output_scale)
        )

    def evaluate_many(self, networks: Sequence[Network]) -> list[Score]:
        """:meth:`evaluate` of every network, several times faster for small ones.

        Networks with the same scales are stacked where no sum can leave 53 bits
        (:mod:`bnnbench.stacked`); others are evaluated one by one. The values are the same.
        """
        y = self.dataset.part("train")[1]
        stack = None if self._train_rows is None else forwards(networks, self._train_rows)
        if stack is None:
            return [self.evaluate(network) for network in networks]
        targets, scale = self.targets(), self.output_scale
        return [
            self.objective.evaluate(Outcome(network, forward, targets, y, scale))
            for network, forward in zip(networks, stack, strict=True)
        ]

    @cached_property
    def _train_rows(self) -> Rows | None:
        return Rows.of(self.dataset.part("train")[0], self.dataset.scale)

    def outside(self, network: Network) -> str | None:
        """Why a network does not belong to the problem's class; None when it does."""
        if network.architecture.text != self.architecture.text:
            return f"topology {network.architecture.text}, expected {self.architecture.text}"
        for k, layer in enumerate(network.layers, start=1):
            if self.domain.bias == "free" and self.unit(k) % layer.bias_scale:
                return f"layer {k} has biases finer than the pre-activation's grid"
        return network.outside(self.domain)

    @cached_property
    def groups(self) -> GroupTargets:
        """Equal training rows with their wanted signs, the ground of solver-free bounds."""
        labels = self.dataset.group_counts
        positive = labels[:, self._class_of_output]
        return GroupTargets(positive, labels.sum(axis=1, keepdims=True) - positive, labels)

    @property
    def infeasible(self) -> str | None:
        """Why no network can be feasible, proved without a solver; None when nothing is known."""
        levels = getattr(self.objective, "levels", (self.objective,))
        if any(level.hard for level in levels) and int(self.groups.minority.sum()):
            return "equal training rows carry different labels, so not every sign can be right"
        return None

    @cached_property
    def lower_bound(self) -> Fraction | None:
        """A bound proved without a solver; None when there is no bound.

        From contradictory duplicates, and where the network is one half-space and wrong signs are
        counted also from pairs of samples with equal sums.
        """
        bound = self.objective.lower_bound(self.groups, self.output_scale)
        return None if bound is None else bound + sum(taken for _, taken in self.cores)

    @cached_property
    def cores(self) -> list[tuple[Core, int]]:
        """Disjoint sets of training rows that no network gets all right, with their errors.

        Beyond contradictory duplicates, which the rows of a core stand for; empty unless the
        network is one half-space and the objective counts wrong signs. See
        :mod:`bnnbench.pair_sums`.
        """
        arch, counted = self.architecture, getattr(self.objective, "levels", (self.objective,))[0]
        half_space = arch.dense and arch.outputs == 1 and arch.widths[1] == 1
        if not half_space or not isinstance(counted, Errors | SignErrors | Hamming):
            return []
        if len(self.groups.positive) > LARGEST:
            return []
        X = self.dataset.part("train")[0]
        distinct, first, row = np.unique(X, axis=0, return_index=True, return_inverse=True)
        balance = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(balance, row.reshape(-1), self.targets()[:, 0])
        used = np.flatnonzero(balance)
        found = packed_cores(distinct[used], balance[used] > 0, np.abs(balance[used]))
        return [(tuple(int(first[used[k]]) for k in core), taken) for core, taken in found]

    @cached_property
    def known_objective(self) -> Fraction | None:
        """The exact objective of the data's reference network, which a solver should reach.

        None without such a network, when it is outside the class, or infeasible.
        """
        network = self.dataset.reference
        if network is None or self.outside(network) is not None:
            return None
        return self.evaluate(network).value

    @cached_property
    def granularity(self) -> Fraction | None:
        """A positive number that divides every reachable value, or None."""
        if self.domain.bias == "free":
            return Fraction(1) if self.objective.counts else None
        return self.objective.granularity(self.output_scale, self.output_unit)

    def round_bound(self, bound: float, tolerance: float = 1e-6) -> float:
        """A solver's bound raised to the next reachable value, less a relative tolerance."""
        grain = self.granularity
        if grain is None or not math.isfinite(bound):
            return bound
        step = float(grain)
        slack = tolerance * max(1.0, abs(bound))
        return max(bound, float(math.ceil((bound - slack) / step) * grain))

    @cached_property
    def reference(self) -> Fraction | None:
        """The objective of the constant-majority network at its margin; None when undefined."""
        return self.objective.reference(self.dataset.part("train")[1], self.targets())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over data, topology, domain and objective: equal digests, comparable bounds."""
        parts = (
            self.dataset.digest,
            self.architecture.text,
            str(self.domain.spec),
            str(objective_spec(self.objective)),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def random_network(self, rng: np.random.Generator) -> Network:
        """A network of the class with uniform weights.

        Missing arcs get 0, free biases 0. A budget of upper values is met by lowering weights
        chosen at random over all layers.
        """
        arch, domain = self.architecture, self.domain
        grids = [domain.grids()[i] for i in rng.integers(len(domain.grids()), size=arch.depth)]
        masks = [arch.mask(k) for k in range(1, arch.depth + 1)]
        weights = [
            np.where(mask, _draw(rng, grid, mask.shape), 0)
            for grid, mask in zip(grids, masks, strict=True)
        ]
        budget = domain.budget(arch.n_weights)
        if budget is not None:
            upper = [
                (k, i)
                for k, grid in enumerate(grids)
                for i in np.flatnonzero((weights[k] == grid.hi) & masks[k])
            ]
            for pick in rng.permutation(len(upper))[budget:]:
                k, i = upper[pick]
                weights[k].flat[i] = grids[k].lo
        layers = []
        for k, grid in enumerate(grids):
            biases, width = domain.bias_grid(grid), arch.widths[k + 1]
            bias = np.zeros(width, np.int64) if biases is None else _draw(rng, biases, (width,))
            layers.append(Layer(weights[k], bias, grid.scale, grid.scale))
        return Network(arch, tuple(layers))


def _draw(rng: np.random.Generator, grid: Grid, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Numbers of a grid, uniformly, without listing it."""
    return grid.lo + grid.step * rng.integers(grid.size, size=shape)


def objective_spec(objective: Objective) -> Spec:
    """The spec an objective is written as: only parameters that differ from their defaults."""
    if isinstance(objective, Lexicographic):
        levels = tuple(objective_spec(level) for level in objective.levels)
        return Spec.of(objective.name, levels=levels)
    params: dict[str, Value] = {}
    if dataclasses.is_dataclass(objective):
        for f in dataclasses.fields(objective):
            value = getattr(objective, f.name)
            if value != f.default:
                params[f.name] = value
    return Spec.of(objective.name, **params)
