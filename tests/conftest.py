"""What several tests share: tiny random problems, and the formulas of the literature in Fractions.

The oracle knows nothing of the core's arithmetic: it reads weights, features and labels as Python
integers and computes with :class:`fractions.Fraction` alone, straight from the definitions.
"""

from __future__ import annotations

import math
import signal
import textwrap
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import floor

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bnnbench.architecture import Architecture, Connection
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.metrics import PartMetrics, TracePoint
from bnnbench.network import Layer, Network
from bnnbench.objectives import Errors
from bnnbench.problem import Problem
from bnnbench.record import Artefacts, Claims, Ending, Record, Seconds
from bnnbench.registry import Registry
from bnnbench.store import Store
from bnnbench.suite import Cell, CellLimits, Topology
from bnnbench.verify import Evaluation

# A shell that starts the tests in the background has SIGINT ignored, and so would every run that a
# test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "bnnbench", deadline=None, derandomize=True, max_examples=60, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
settings.load_profile("bnnbench")


@dataclass
class Facts:
    """All that a naive objective looks at; numbers are Fractions, rows are lists."""

    pre: list
    labels: list
    B: Fraction
    weights: list
    biases: list

    @property
    def z(self):
        return self.pre[-1]

    @property
    def outputs(self):
        return len(self.z[0])

    def sign(self, label, j):
        """Target sign s_kj: +1 for the label's output."""
        return 1 if (label == 1 if self.outputs == 1 else label == j) else -1

    @property
    def signed(self):
        """s_kj z_kj of all rows and outputs."""
        return [
            self.sign(y, j) * v
            for y, row in zip(self.labels, self.z, strict=True)
            for j, v in enumerate(row)
        ]

    @property
    def right(self):
        """Per row: is every output's sign, with sgn(0) = +1, the target?"""
        return [
            all((1 if v >= 0 else -1) == self.sign(y, j) for j, v in enumerate(row))
            for y, row in zip(self.labels, self.z, strict=True)
        ]


class Oracle:
    """Forward pass and objectives, naively. Infeasible is None."""

    half = Fraction(1, 2)

    @staticmethod
    def forward(network, X, scale=1):
        arch = network.architecture
        high, low = 1, -1 if arch.activation == "sign" else 0
        values = [[[Fraction(int(x), scale) for x in row] for row in X]]
        pre = []
        for k, layer in enumerate(network.layers, start=1):
            sources = sorted(c.source for c in arch.connections if c.target == k)
            W, b = layer.weights.tolist(), layer.bias.tolist()
            rows = []
            for i in range(len(X)):
                a = [v for s in sources for v in values[s][i]]
                rows.append([
                    sum((v * Fraction(w[j], layer.scale) for v, w in zip(a, W, strict=True)),
                        Fraction(b[j], layer.bias_scale))
                    for j in range(len(b))
                ])  # fmt: skip
            pre.append(rows)
            values.append([[high if v >= 0 else low for v in row] for row in rows])
        return pre

    @staticmethod
    def output_scale(problem, largest):
        """B of inn.md 2.1, with both terms where the output reads features and units."""
        arch = problem.architecture
        sources = [c.source for c in arch.connections if c.target == arch.depth]
        units = sum(arch.hidden[s - 1] for s in sources if s)
        B = (units + 1) * largest if units else Fraction(0)
        if 0 in sources:
            X = problem.dataset.part("train")[0].tolist()
            total = sum(abs(v) for row in X for v in row)
            B += Fraction(total, len(X) * arch.inputs * problem.dataset.scale) * arch.inputs
        return B or Fraction(1)

    @classmethod
    def facts(cls, problem, network, largest=None):
        X, y = problem.dataset.part("train")
        B = problem.output_scale if largest is None else cls.output_scale(problem, largest)
        return Facts(
            cls.forward(network, X, problem.dataset.scale),
            y.tolist(),
            B,
            [Fraction(w, a.scale) for a in network.layers for w in a.weights.ravel().tolist()],
            [Fraction(b, a.bias_scale) for a in network.layers for b in a.bias.tolist()],
        )

    @classmethod
    def value(cls, text, facts):
        """Value of an objective given as text, a tuple with one number per level."""
        if text.startswith("lexicographic"):
            levels = [cls.value(t, facts) for t in text.split(": ")[1].split("; ")]
            return None if None in levels else tuple(v for level in levels for v in level)
        value = getattr(cls, text.replace("-", "_").replace(" ", "_"))(facts)
        return None if value is None else (Fraction(value),)

    @staticmethod
    def errors(f):
        total = Fraction(0)
        for y, row in zip(f.labels, f.z, strict=True):
            if f.outputs == 1:
                total += int((row[0] >= 0) != (y == 1))
                continue
            best = [j for j, v in enumerate(row) if v == max(row)]
            total += 1 - (Fraction(1, len(best)) if y in best else 0)
        return total

    @staticmethod
    def errors_wrong(f):
        if f.outputs == 1:
            return Oracle.errors(f)
        return sum(
            any(v >= row[y] for j, v in enumerate(row) if j != y)
            for y, row in zip(f.labels, f.z, strict=True)
        )

    @staticmethod
    def sign_errors(f):
        return len(f.labels) - sum(f.right)

    @staticmethod
    def sign_errors_strict(f):
        if f.outputs > 1 and any(sum(v >= 0 for v in row) != 1 for row in f.z):
            return None
        return Oracle.sign_errors(f)

    @staticmethod
    def hamming(f):
        """bdnn.md A.4 b: sum of y + (1 - 2 y) u over rows and outputs."""
        total = 0
        for label, row in zip(f.labels, f.z, strict=True):
            for j, v in enumerate(row):
                y, u = int(f.sign(label, j) == 1), int(v >= 0)
                total += y + (1 - 2 * y) * u
        return total

    @staticmethod
    def saturated_margin(f):
        return sum(2 * v / f.B < Oracle.half for v in f.signed)

    @staticmethod
    def squared_hinge(f):
        return sum(max(Fraction(0), Oracle.half - 2 * v / f.B) ** 2 for v in f.signed)

    @staticmethod
    def min_hinge(f):
        T = max(2, floor(2 * f.B + 1))
        xs = [-1 + Fraction(2 * i, T - 1) for i in range(T)]
        ys = [max(Fraction(0), Oracle.half - x) ** 2 for x in xs]

        def chord(v):
            right = next((i for i in range(1, T - 1) if v <= xs[i]), T - 1)
            slope = (ys[right] - ys[right - 1]) / (xs[right] - xs[right - 1])
            return max(0, ys[right] + slope * (v - xs[right]))

        return sum(chord(2 * v / f.B) for v in f.signed)

    @staticmethod
    def linear_hinge(f):
        m = max(1, -floor(-f.B / 4))
        return sum(max(Fraction(0), m - v) for v in f.signed)

    @staticmethod
    def linear_hinge_3(f):
        return sum(max(Fraction(0), 3 - v) for v in f.signed)

    @staticmethod
    def min_weight(f):
        return sum(abs(v) for v in f.weights + f.biases) if all(f.right) else None

    @staticmethod
    def min_weight_l0(f):
        return sum(v != 0 for v in f.weights + f.biases) if all(f.right) else None

    @staticmethod
    def max_margin(f, eps=Fraction(0)):
        if not all(f.right):
            return None
        total = Fraction(0)
        for rows in f.pre:
            for column in zip(*rows, strict=True):
                margin = min(z if z >= 0 else -z - eps for z in column)
                if margin < 0:
                    return None
                total += margin
        return -total

    @staticmethod
    def max_margin_eps(f):
        return Oracle.max_margin(f, Fraction(1, 4))


OBJECTIVES = {
    "errors": "errors",
    "errors wrong": "errors[ties=wrong]",
    "sign-errors": "sign-errors",
    "sign-errors strict": "sign-errors[strict=true]",
    "hamming": "hamming",
    "saturated-margin": "saturated-margin",
    "squared-hinge": "squared-hinge",
    "min-hinge": "min-hinge",
    "linear-hinge": "linear-hinge",
    "linear-hinge 3": "linear-hinge[margin=3]",
    "min-weight": "min-weight",
    "min-weight l0": "min-weight[norm=l0]",
    "max-margin": "max-margin",
    "max-margin eps": 'max-margin[eps="1/4"]',
    "lexicographic: errors; min-hinge": "lexicographic[levels=(errors,min-hinge)]",
    "lexicographic: sign-errors; min-weight": "lexicographic[levels=(sign-errors,min-weight)]",
}


@st.composite
def datasets(draw, *, classes=None, signed=True, max_rows=6, max_features=3):
    n, d = draw(st.integers(1, max_rows)), draw(st.integers(1, max_features))
    q = classes or draw(st.integers(2, 3))
    rest = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    rows = n + sum(rest)
    low = -3 if signed else 0
    X = draw(st.lists(st.lists(st.integers(low, 3), min_size=d, max_size=d),
                      min_size=rows, max_size=rows))  # fmt: skip
    y = draw(st.lists(st.integers(0, q - 1), min_size=rows, max_size=rows))
    return Dataset(
        "drawn", np.array(X, dtype=np.int8), np.array(y), (n, *rest),
        scale=draw(st.sampled_from([1, 2, 10])), classes=tuple("abc"[:q]),
    )  # fmt: skip


@st.composite
def architectures(draw, inputs, outputs):
    hidden = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    activation = draw(st.sampled_from(["sign", "step"]))
    depth, widths = len(hidden) + 1, (inputs, *hidden, outputs)
    pairs = {(k, k + 1) for k in range(depth)}
    spare = [(s, t) for t in range(2, depth + 1) for s in range(t - 1)]
    if spare:
        pairs |= set(draw(st.lists(st.sampled_from(spare), unique=True)))
        if depth in {t for s, t in pairs if s != depth - 1} and draw(st.booleans()):
            pairs.discard((depth - 1, depth))
    masked = draw(st.booleans())
    connections = []
    for s, t in sorted(pairs):
        size = widths[s] * widths[t]
        bits = draw(st.lists(st.booleans(), min_size=size, max_size=size)) if masked else None
        mask = None if bits is None else np.array(bits).reshape(widths[s], widths[t])
        connections.append(Connection(s, t, mask))
    return Architecture(inputs, hidden, outputs, activation, tuple(connections))


BIASES = st.sampled_from(["same", "asymmetric", "free", "none"])
DOMAINS = st.one_of(
    st.builds(Integer, P=st.integers(1, 4), bias=BIASES),
    st.builds(Binary, bias=BIASES),
    st.builds(FixedPoint, bound=st.integers(1, 2), decimals=st.integers(0, 2), bias=BIASES),
    st.builds(
        TwoValued,
        d=st.integers(0, 3),
        rhos=st.lists(st.integers(-8, 8), min_size=1, max_size=3).map(tuple),
        ones=st.sampled_from([1.0, 0.5, 0.25]),
        bias=BIASES,
    ),
)


@st.composite
def problems(draw, objective=None, **data):
    dataset = draw(datasets(**data))
    one = dataset.n_classes == 2 and draw(st.booleans())
    arch = draw(architectures(dataset.n_features, 1 if one else dataset.n_classes))
    return Problem(dataset, arch, draw(DOMAINS), objective or Errors())


@st.composite
def network_of(draw, problem):
    """A random network of the class; free biases lie on the finest grid or a coarser one."""
    network = problem.random_network(np.random.default_rng(draw(st.integers(0, 2**32))))
    if problem.domain.bias != "free":
        return network
    layers = []
    for k, layer in enumerate(network.layers, start=1):
        bias = draw(st.lists(st.integers(-40, 40), min_size=len(layer.bias),
                             max_size=len(layer.bias)))  # fmt: skip
        unit = draw(st.sampled_from([layer.scale, problem.unit(k)]))
        layers.append(Layer(layer.weights, np.array(bias, dtype=np.int64), layer.scale, unit))
    return Network(network.architecture, tuple(layers))


@pytest.fixture(scope="session")
def oracle():
    return Oracle


@pytest.fixture(scope="session")
def draws():
    """Strategies by name, for ``data.draw(draws.problems())``."""

    class Draws:
        pass

    Draws.datasets = staticmethod(datasets)
    Draws.architectures = staticmethod(architectures)
    Draws.domains = staticmethod(lambda: DOMAINS)
    Draws.problems = staticmethod(problems)
    Draws.network_of = staticmethod(network_of)
    return Draws


@pytest.fixture(scope="session")
def objective_texts():
    """The oracle's name of every built-in objective -> its spec."""
    return OBJECTIVES


@pytest.fixture
def bare(monkeypatch):
    """No installed plugin is seen: what is registered comes from the test."""
    monkeypatch.setattr("bnnbench.registry.entry_points", lambda group: [])
    monkeypatch.delenv("BNNBENCH_DISABLE", raising=False)


@pytest.fixture
def plugin_file(tmp_path):
    """Writes a plugin file with the usual imports in front."""

    def write(body, name="inline.py"):
        head = """
            from __future__ import annotations
            from dataclasses import dataclass
            from typing import ClassVar, Literal
            import numpy as np
            from bnnbench.dataset import Dataset
            from bnnbench.hookspecs import hookimpl
            from bnnbench.interfaces import Formulation, Model, Solver
            from bnnbench.solution import Solution
            from bnnbench.table import Table
        """
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(head) + textwrap.dedent(body))
        return path

    return write


TOYS = '''
    def xor(*, copies: int = 1, seed: int = 0):
        """The four points of exclusive or."""
        X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * copies)
        return Table(X, np.array([0, 1, 1, 0] * copies))

    def half(table, *, part: Literal["train", "test"] = "train"):
        """Every second row."""
        return table.keep(slice(None, None, 2))

    @dataclass(frozen=True)
    class Coin(Solver):
        """Draws one network."""
        name: ClassVar[str] = "coin"
        tries: int = 1
        rate: float = 0.5
        mode: Literal["fast", "slow"] = "fast"
        def solve(self, model, limits, seed, report):
            rng = np.random.default_rng(seed)
            return Solution.found(model.problem.random_network(rng))

    @dataclass(frozen=True)
    class Reader(Solver):
        """Reads programs."""
        name: ClassVar[str] = "reader"
        kind: ClassVar[str] = "milp"
        def solve(self, model, limits, seed, report):
            return Solution()

    class _Programs(Formulation):
        objectives = ("hamming", "errors")
        def accepts(self, problem): return None
        def build(self, problem): return Model(problem, self.kind, None, lambda point: None)

    @dataclass(frozen=True)
    class Program(_Programs):
        """A program."""
        name: ClassVar[str] = "program"
        kind: ClassVar[str] = "milp"
        tight: bool = False

    @dataclass(frozen=True)
    class Energy(_Programs):
        """An energy."""
        name: ClassVar[str] = "energy"
        kind: ClassVar[str] = "qubo"

    @hookimpl
    def bnnbench_datasets(): return [xor]
    @hookimpl
    def bnnbench_transforms(): return [half]
    @hookimpl
    def bnnbench_solvers(): return [Coin, Reader]
    @hookimpl
    def bnnbench_formulations(): return [Program, Energy]
'''


@pytest.fixture
def toys_file(plugin_file):
    """A plugin file: data set xor, transform half, solvers coin and reader, two formulations."""
    return plugin_file(TOYS, "toys.py")


@pytest.fixture
def toys(bare, toys_file):
    """A registry with the toys and nothing else but the core."""
    return Registry.load([toys_file])


@dataclass
class Simulation:
    """Records as runs of some methods on some problems would leave them, with realistic noise.

    Attributes:
        methods: by name; the same figures but times in every run.
        noisy: those of them whose quality differs from run to run, as if stopped by the clock.
        problems: how many.
        seeds: how many.
        limit: on the time, seconds.
        machine: how much slower it is than usual, its noise probe included.
        decades: over which times are spread.
        spells: standard deviation of the logarithm of the machine's speed from run to run.
    """

    methods: tuple[str, ...] = ("highs", "annealing", "ste")
    noisy: tuple[str, ...] = ("ste",)
    problems: int = 3
    seeds: int = 4
    limit: float = 10.0
    machine: float = 1.0
    decades: float = 2.2
    spells: float = 0.0

    def store(
        self, path, run, *, repeat=1, slower=1.0, worse=0.0, suite="sim", edit=None, **common
    ):
        """Write a store: version number ``run``, slower by a factor, less accurate by ``worse``."""
        created, items = common.pop("created", 1000.0 + run), []
        with Store(path) as store:
            for again in range(repeat):
                fresh = np.random.default_rng([7, int(created), again])
                pace = slower * self.machine * math.exp(self.spells * fresh.standard_normal())
                for j, p, seed in product(
                    range(len(self.methods)), range(self.problems), range(self.seeds)
                ):
                    record, seconds = self._record(j, p, seed, fresh, pace, worse)
                    record = msgspec.structs.replace(
                        record, suite=suite, created=created + 86400 * again, **common,
                        versions={"bnnbench": f"0.{run}.0", "python": "3.11.4"},
                    )  # fmt: skip
                    if edit is not None:
                        record = edit(record, msgspec.convert(record.cell, Cell))
                    if record is not None:
                        value = record.evaluation.objective if record.evaluation else 20.0
                        trace = [TracePoint(min(seconds, self.limit) / 2, value, None)]
                        items.append((record, Artefacts(trace=trace)))
            store.extend(items)
        return path

    def _record(self, j, p, seed, fresh, pace, worse):
        fixed = np.random.default_rng([j, p, seed])
        method = self.methods[j]
        quality = fixed if method not in self.noisy else fresh
        value = float(10 + quality.integers(0, 5))
        test = 0.9 - 0.02 * j + quality.normal(0, 0.01) - worse
        seconds = 10 ** fixed.uniform(-1.5, self.decades - 1.5) * pace * fresh.lognormal(0, 0.05)
        late = seconds > self.limit
        cell = Cell(
            data=f"data-{p}", topology=Topology((2,)), domain="binary", objective="errors",
            formulation="", solver=method, seed=seed,
            limits=CellLimits(time=self.limit, target=20.0), versions=("toys 1",),
        )  # fmt: skip
        proved = method == "highs" and not late
        record = Record(
            id=cell.id, cell=cell.plain(), problem=f"problem-{p}",
            ending=Ending.OK, rows=100, solver_bound=value if proved else None,
            lower_bound=5.0, reference_objective=50.0,
            evaluation=Evaluation(
                feasible=True, objective=value, exact=str(value), outside=None,
                parts={"train": PartMetrics(100, 0.9, 0.0, 0.9),
                       "test": PartMetrics(200, test, 0.0, test)},
                sizes={"bits": 64.0, "nonzeros": 30.0}, network="n",
            ),
            claims=Claims(
                status="optimal" if proved else "feasible",
                termination="time" if late else "iterations",
            ),
            seconds=Seconds(solve=min(seconds, self.limit), solve_cpu=min(seconds, self.limit)),
            peak_memory=int(1e8 * fresh.lognormal(0, 0.005)),
            probe=0.005 * self.machine * fresh.lognormal(0, 0.02),
            host={"node": "here", "cpu": "x"},
        )  # fmt: skip
        return record, seconds


@pytest.fixture(scope="session")
def simulation():
    return Simulation
