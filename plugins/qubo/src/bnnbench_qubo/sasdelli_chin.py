r"""The QUBO of Sasdelli and Chin (arXiv 2107.02751) as their notebook has it: qubo.md section 1.2.

Per sample, with Boolean 0/1 for -1/+1 and a weight bit w per arc:

- a partial product p per arc, inputs too: p = w or p = not w by a penalty (BUFFER, NOT) where the
  source is an input, p = xnor(w, a) where it is a hidden activation a. That penalty,
  1 - (p + w + a) + 2 (p w + p a + w a) - 4 p w a, is cubic: one ancilla q = w a each, with
  Rosenberg's penalty at four times the weight, which no minimum violates.
- a binary counter whose most significant bit is the activation:
  (sum_i p_i - sum_(b<B) 2^b c_b - 2^B a)^2 with B = floor(log2 fan-in). So a unit fires from a
  count of 2^B on: **a majority only for fan-ins 1, 3, 7, 15, ..**
- per output a loss bit l = a xor label, by a penalty again; the objective is sum l.

All penalties are integers >= 0 with weight lambda, 50 in the notebook.

The core's network is decoded with the threshold that was trained where biases may be free: then
``z = 2 count - fan-in`` gets the bias fan-in - 2^(B+1). Without biases it can only be the majority,
so other fan-ins train another model than the one that is evaluated; that is the published method.

Size of a chain n_0-..-n_L: sum n_(l-1) n_l + N [ sum_l n_l (n_(l-1) + B_l + 1) + n_L
+ sum_(l>=2) n_(l-1) n_l ], the last sum being ancillas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnbench.domain import Binary
from bnnbench.errors import NetworkError, ProblemError
from bnnbench.interfaces import Formulation, Model
from bnnbench.models import Qubo
from bnnbench.models.qubo import Bits
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench.solution import Point
from bnnbench_qubo.bnn_qubo import TERM_LIMIT, shape_info
from bnnbench_qubo.counter import Bools, Int64
from bnnbench_qubo.slack import rosenberg
from bnnbench_qubo.terms import Affine, Terms


@dataclass(frozen=True)
class SasdelliChin(Formulation):
    """The published QUBO of Sasdelli and Chin, power-of-two threshold included, for comparison.

    Fully connected chains on -1/+1 features, weights -1/+1, bias ``none`` or ``free``. A unit fires
    when at least 2^floor(log2 fan-in) arcs agree, a majority only for fan-ins 1, 3, 7, 15, .. With
    free biases the network has the threshold that was trained; without, it has the majority's.

    Attributes:
        penalty: lambda, in units of one error; 50 in the released notebook.
    """

    name: ClassVar[str] = "sasdelli-chin"
    kind: ClassVar[str] = "qubo"
    objectives: ClassVar[tuple[str, ...]] = ("errors", "hamming", "sign-errors")

    penalty: float = 50.0

    def __post_init__(self) -> None:
        if self.penalty <= 0:
            raise ProblemError(f"sasdelli-chin: penalty must be positive, got {self.penalty}.")

    def accepts(self, problem: Problem) -> str | None:
        arch, objective, domain = problem.architecture, problem.objective, problem.domain
        if objective.name not in self.objectives:
            return f"objective {objective.name}: needs errors, sign-errors or hamming"
        if objective.name != "hamming" and arch.outputs > 1:
            return f"{objective.name} of several outputs: use hamming or one output"
        if not arch.dense or arch.activation != "sign":
            return "not a chain of fully connected sign layers"
        if not isinstance(domain, Binary) or domain.bias not in ("none", "free"):
            return "needs the domain binary with bias none or free"
        data = problem.dataset
        if (np.abs(data.part("train")[0].astype(np.int64)) != data.scale).any():
            return "needs features -1 and +1 ('median[pm1=true]')"
        fan_in, width = np.array(arch.widths[:-1]), np.array(arch.widths[1:])
        terms = data.sizes[0] * int((width * (fan_in + 2) ** 2).sum())
        if terms > TERM_LIMIT:
            return f"about {terms:.1g} quadratic terms, over {TERM_LIMIT:.0g}: use fewer rows"
        return None

    def build(self, problem: Problem) -> Model:
        layout = _Layout(problem)
        wanted = problem.targets() > 0
        weight, outputs = float(self.penalty), problem.architecture.outputs
        qubo = _energy(layout, wanted, weight)

        def encode(network: Network) -> Point:
            state: Bits = layout.complete(wanted, layout.weight_bits(network)[None])[0]
            return state

        majority = all((n & (n + 1)) == 0 for n in layout.widths[:-1])
        whole = problem.domain.bias == "none" and majority
        info = {
            **shape_info(qubo, weight, float(outputs)),
            "weight_bits": layout.n_weights,
            "majority": majority,
        }
        return Model(
            problem, self.kind, qubo, layout.decode, encode, whole and weight >= outputs, info
        )


def counter_bits(fan_in: int) -> int:
    """B = floor(log2 fan-in)."""
    return fan_in.bit_length() - 1


class _Layout:
    """The numbering.

    Weights, products (sample, source, unit), counter bits (sample, unit, bit), activations (sample,
    unit) and ancillas (sample, source, unit) of all layers, one kind after the other; the losses.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.widths = problem.architecture.widths
        self.x: Bools = problem.dataset.part("train")[0] > 0
        self.n = 0
        samples = len(self.x)
        pairs = list(zip(self.widths[:-1], self.widths[1:], strict=True))
        self.weights = [self._take(d, h) for d, h in pairs]
        self.n_weights = self.n
        self.products = [self._take(samples, d, h) for d, h in pairs]
        self.counters = [self._take(samples, h, counter_bits(d)) for d, h in pairs]
        self.activations = [self._take(samples, h) for _, h in pairs]
        self.ancillas = [self._take(samples, d, h) for d, h in pairs[1:]]
        self.losses = self._take(samples, self.widths[-1])

    def _take(self, *shape: int) -> Int64:
        count = int(np.prod(shape))
        index = np.arange(self.n, self.n + count, dtype=np.int64).reshape(shape)
        self.n += count
        return index

    @property
    def roles(self) -> dict[str, Int64]:
        groups = {
            "weight": self.weights,
            "activation": self.activations,
            "slack": self.counters,
            "product": [*self.products, *self.ancillas],
            "error": [self.losses],
        }
        return {k: np.concatenate([a.ravel() for a in v]) for k, v in groups.items()}

    def decode(self, point: Point) -> Network:
        """The network of a state's weight bits."""
        layers = []
        for index, d in zip(self.weights, self.widths, strict=False):
            W = np.where(np.asarray(point)[index] > 0.5, 1, -1)
            shift = d - 2 ** (counter_bits(d) + 1) if self.problem.domain.bias == "free" else 0
            layers.append(Layer(W, np.full(W.shape[1], shift, dtype=np.int64)))
        return Network(self.problem.architecture, tuple(layers))

    def weight_bits(self, network: Network) -> Bits:
        """Weight bits of a network whose biases are those of :meth:`decode`."""
        bits = np.concatenate([(a.weights > 0).ravel() for a in network.layers]).astype(np.int8)
        if self.decode(bits).digest != network.digest:
            raise NetworkError("A QUBO state needs weights -1 or +1 and the trained thresholds.")
        return bits

    def complete(self, wanted: Bools, bits: Bits) -> Bits:
        """Full states by the counters' own thresholds: (reads, n_weights) -> (reads, n)."""
        states = np.zeros((len(bits), self.n), dtype=np.int8)
        states[:, : self.n_weights] = bits
        source = np.broadcast_to(self.x, (len(bits), *self.x.shape))
        for k, index in enumerate(self.weights):
            w = bits[:, index].astype(bool)[:, None]
            agree = w == source[..., None]
            states[:, self.products[k]] = agree
            if k:
                states[:, self.ancillas[k - 1]] = w & source[..., None]
            count, B = agree.sum(axis=2), counter_bits(self.widths[k])
            states[:, self.counters[k]] = (count[..., None] >> np.arange(B)) & 1
            source = count >= 2**B
            states[:, self.activations[k]] = source
        states[:, self.losses] = source != wanted
        return states


def _energy(layout: _Layout, wanted: Bools, weight: float) -> Qubo:
    terms = Terms(layout.n)
    for k, p in enumerate(layout.products):
        w = layout.weights[k][None]
        if k == 0:
            _equal(terms, p, w, layout.x[:, :, None], weight)
        else:
            source = layout.activations[k - 1][:, :, None]
            _xnor(terms, p, w, source, layout.ancillas[k - 1], weight)
        _count(terms, layout, k, weight)
    _equal(terms, layout.losses, layout.activations[-1], ~wanted, weight)
    terms.linear(layout.losses, 1.0)
    return terms.qubo(roles=layout.roles, complete=lambda bits: layout.complete(wanted, bits))


def _equal(terms: Terms, p: Int64, x: Int64, same: Bools, weight: float) -> None:
    """BUFFER p = x where ``same``, else NOT p = 1 - x: p + x - 2 p x, or 1 - (p + x - 2 p x)."""
    sign = weight * np.where(same, 1.0, -1.0)
    terms.constant(np.broadcast_to(weight * ~same, p.shape))
    terms.linear(p, sign)
    terms.linear(np.broadcast_to(x, p.shape), sign)
    terms.pairs(p, x, -2 * sign)


def _xnor(terms: Terms, p: Int64, w: Int64, a: Int64, q: Int64, weight: float) -> None:
    """1 - (p + w + a) + 2 (p w + p a + w a) - 4 p q, with q = w a."""
    terms.constant(weight * p.size)
    for x in (p, np.broadcast_to(w, p.shape), np.broadcast_to(a, p.shape)):
        terms.linear(x, -weight)
    for x, y in ((p, w), (p, a), (w, a)):
        terms.pairs(x, y, 2 * weight)
    terms.pairs(p, q, -4 * weight)
    rosenberg(terms, w, a, q, np.full(q.shape, 4 * weight))


def _count(terms: Terms, layout: _Layout, k: int, weight: float) -> None:
    """(sum p - sum 2^b c_b - 2^B a)^2."""
    p = np.moveaxis(layout.products[k], 1, 2)
    c, a = layout.counters[k], layout.activations[k][..., None]
    B = c.shape[-1]
    own = np.concatenate([p, c, a], axis=2)
    row = np.concatenate([np.ones(p.shape[-1]), -(2.0 ** np.arange(B + 1))])
    samples, width = own.shape[:2]
    none = np.zeros((samples, 0))
    terms.square(
        Affine(
            arcs=np.zeros((0, width), dtype=np.int64),
            shared=none,
            own=own,
            coefficients=np.broadcast_to(row, own.shape),
            constant=np.zeros((samples, width)),
            repeats=False,
        ),
        weight,
    )
