"""Topologies: layers of threshold units, fully connected, masked, or skipping layers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bnnbench.errors import ProblemError

Activation = Literal["sign", "step", "relu"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
BoolMatrix = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Connection:
    """All arcs from one layer to a later one.

    Attributes:
        source: layer the arcs leave; 0 is the input.
        target: layer they enter, ``> source``.
        mask: which arcs exist, shape (width of source, width of target); None for all.
    """

    source: int
    target: int
    mask: BoolMatrix | None = None


@dataclass(frozen=True, eq=False)
class Architecture:
    """A layered directed acyclic graph of units.

    Any acyclic topology can be written so: put every unit into a layer after all its sources and
    let connections skip layers.

    Attributes:
        inputs: number of input features.
        hidden: widths of the hidden layers; empty for a network without any.
        outputs: number of output units, 1 (two classes, by sign) or one per class.
        activation: of hidden units: ``sign`` (z >= 0 gives +1, else -1) or ``step`` (1, else 0);
            ``relu`` (the larger of z and 0) is for references, no problem has it.
        connections: which layers feed which; the default chains neighbouring layers.

    Raises:
        ProblemError: when a width is not positive, a connection does not run forward, a mask has
            the wrong shape, two connections join the same layers, or a layer has no source.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: Activation = "sign"
    connections: tuple[Connection, ...] = field(default=())

    def __post_init__(self) -> None:
        widths = self.widths
        if min(widths) < 1:
            raise ProblemError(f"Every layer needs at least one unit, got widths {widths}.")
        if self.activation not in ACTIVATIONS:
            known = "', '".join(ACTIVATIONS)
            raise ProblemError(f"Activation must be one of '{known}', got {self.activation!r}.")
        chain = tuple(Connection(k, k + 1) for k in range(self.depth))
        connections = tuple(sorted(self.connections or chain, key=lambda c: (c.target, c.source)))
        object.__setattr__(self, "connections", connections)
        pairs = [(c.source, c.target) for c in connections]
        if len(set(pairs)) != len(pairs):
            raise ProblemError(f"Two connections join the same layers: {pairs}.")
        for c in connections:
            self._check(c)
        for layer in range(1, self.depth + 1):
            if not self.sources(layer):
                raise ProblemError(f"Layer {layer} has no incoming connection.")

    def _check(self, c: Connection) -> None:
        if not 0 <= c.source < c.target <= self.depth:
            raise ProblemError(
                f"A connection must run forward between layers 0..{self.depth},"
                f" got {c.source} -> {c.target}."
            )
        shape = (self.widths[c.source], self.widths[c.target])
        if c.mask is not None and c.mask.shape != shape:
            raise ProblemError(
                f"The mask of {c.source} -> {c.target} must have shape {shape}, got {c.mask.shape}."
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of all layers, input first."""
        return (self.inputs, *self.hidden, self.outputs)

    @property
    def depth(self) -> int:
        """Number of layers with weights: hidden layers + 1."""
        return len(self.hidden) + 1

    def sources(self, layer: int) -> tuple[Connection, ...]:
        """Connections into a layer (1..depth), by ascending source."""
        return tuple(c for c in self.connections if c.target == layer)

    def fan_in(self, layer: int) -> int:
        """Width of the concatenated sources of a layer, masked arcs included."""
        return sum(self.widths[c.source] for c in self.sources(layer))

    @property
    def thresholds(self) -> bool:
        """Whether hidden units have two values, by the sign of their pre-activation."""
        return self.activation != "relu"

    @property
    def dense(self) -> bool:
        """True for a plain chain of fully connected layers."""
        return all(c.mask is None and c.target == c.source + 1 for c in self.connections)

    def mask(self, layer: int) -> BoolMatrix:
        """Which arcs of a layer exist: shape (fan_in, width), sources stacked in order."""
        blocks = [
            np.ones((self.widths[c.source], self.widths[layer]), dtype=bool)
            if c.mask is None
            else np.asarray(c.mask, dtype=bool)
            for c in self.sources(layer)
        ]
        return np.concatenate(blocks, axis=0)

    @property
    def n_weights(self) -> int:
        """Number of existing arcs, biases not counted."""
        return sum(int(self.mask(layer).sum()) for layer in range(1, self.depth + 1))

    @cached_property
    def text(self) -> str:
        """Short canonical text: ``30-16-2``, with activation and topology where not the default."""
        parts = ["-".join(str(w) for w in self.widths)]
        if self.activation != "sign":
            parts.append(self.activation)
        for c in self.connections:
            plain = c.target == c.source + 1
            if plain and c.mask is None:
                continue
            digest = "" if c.mask is None else hashlib.sha256(_bits(c.mask)).hexdigest()[:12]
            parts.append(f"{c.source}>{c.target}" + (f"@{digest}" if digest else ""))
        missing = set(range(self.depth)) - {
            c.source for c in self.connections if c.target == c.source + 1
        }
        parts += [f"no{k}>{k + 1}" for k in sorted(missing)]
        return "+".join(parts)


def layered(
    inputs: int,
    hidden: tuple[int, ...],
    outputs: int,
    activation: Activation = "sign",
    skips: Iterable[tuple[int, int]] = (),
    density: float = 1.0,
    mask_seed: int = 0,
) -> Architecture:
    """Layers in a chain, with connections that skip layers, under a random mask.

    Args:
        inputs: number of features.
        hidden: widths of the hidden layers.
        outputs: number of output units.
        activation: ``sign`` or ``step``.
        skips: connections beyond the chain, as (source layer, target layer), 0 being the input.
        density: share of arcs kept by the mask; 1 for all.
        mask_seed: seed of that mask.

    Raises:
        ProblemError: when the widths, skips or the density make no sense.
    """
    extra = skip_connections(len(hidden) + 1, skips) if skips else ()
    plain = Architecture(inputs, hidden, outputs, activation, extra)
    if density >= 1:
        return plain
    masked = random_masks(plain, density, mask_seed)
    return Architecture(inputs, hidden, outputs, activation, masked)


def skip_connections(depth: int, skips: Iterable[tuple[int, int]]) -> tuple[Connection, ...]:
    """The chain of ``depth`` layers plus full connections for the given (source, target) pairs."""
    chain = {(k, k + 1) for k in range(depth)}
    return tuple(Connection(s, t) for s, t in sorted(chain | set(skips)))


def random_masks(architecture: Architecture, density: float, seed: int) -> tuple[Connection, ...]:
    """Mask every connection at random, keeping a fraction ``density`` and one arc per unit.

    Raises:
        ProblemError: unless ``0 < density <= 1``.
    """
    if not 0 < density <= 1:
        raise ProblemError(f"Mask density must lie in (0, 1], got {density}.")
    rng = np.random.Generator(np.random.PCG64(seed))
    masked = []
    for c in architecture.connections:
        shape = (architecture.widths[c.source], architecture.widths[c.target])
        mask = rng.random(shape) < density
        mask[np.floor(rng.random(shape[1]) * shape[0]).astype(int), np.arange(shape[1])] = True
        masked.append(Connection(c.source, c.target, mask))
    return tuple(masked)


def _bits(mask: BoolMatrix) -> bytes:
    return np.packbits(mask).tobytes()
