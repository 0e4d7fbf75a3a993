"""Networks that come with data: known objectives, gaps, and solvers that reach them."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from bnnbench_datasets.synthetic.circuits import at_least, parity

from bnnbench.analysis import gap, knowledge
from bnnbench.architecture import Architecture, layered
from bnnbench.dataset import Dataset
from bnnbench.domain import Binary, FixedPoint, Integer, TwoValued
from bnnbench.objectives import Errors, Hamming, LinearHinge
from bnnbench.problem import Problem
from bnnbench.record import Ending, Record
from bnnbench.registry import Registry
from bnnbench.runner import Runner
from bnnbench.store import Store
from bnnbench.suite import Suite, expand
from bnnbench.suite.schema import LimitsTable, MethodTable, ProblemTable, SuiteFile

CLASSES = [
    ("h=3", {"hidden": (3,)}, Integer(P=1)),
    ("h=(4,3),domain=integer[P=3]", {"hidden": (4, 3)}, Integer(P=3)),
    ("h=3,domain=binary", {"hidden": (3,)}, Binary()),
    ("h=()", {"hidden": ()}, Integer(P=1)),
    (
        "h=4,activation=step,domain=integer[P=2,bias=free]",
        {"hidden": (4,), "activation": "step"},
        Integer(P=2, bias="free"),
    ),
    (
        "h=(3,2),skips=((0,2),(1,3)),density=0.6,mask_seed=5",
        {"hidden": (3, 2), "skips": ((0, 2), (1, 3)), "density": 0.6, "mask_seed": 5},
        Integer(P=1),
    ),
    (
        "h=5,domain=two-valued[rhos=(-4)]",
        {"hidden": (5,)},
        TwoValued(rhos=(-4,)),
    ),
    (
        "h=(6,4),domain=two-valued[d=2,rhos=(-2,-1,0),ones=0.4],inputs=byte,activation=step",
        {"hidden": (6, 4), "activation": "step"},
        TwoValued(d=2, rhos=(-2, -1, 0), ones=0.4),
    ),
    ("h=3,outputs=3,domain=fixed-point[decimals=1]", {"hidden": (3,)}, FixedPoint(decimals=1)),
]


@pytest.mark.parametrize(("text", "topology", "domain"), CLASSES)
@pytest.mark.parametrize("r", [0, 4])
def test_planted_networks_of_any_class_are_known_solutions(dataset_of, text, topology, domain, r):
    data = dataset_of(f"planted[n=8,N=40,{text}] | dup[r={r},seed=1]")
    outputs = data.reference.architecture.outputs
    problem = Problem(data, layered(8, outputs=outputs, **topology), domain, Errors())
    assert problem.known_objective == r
    assert problem.lower_bound == r


@pytest.mark.parametrize("inputs", ["pm1", "byte", "unit4"])
def test_two_valued_weights_have_the_wanted_share(dataset_of, inputs):
    domain = "two-valued[d=3,rhos=(-4),ones=0.3]"
    data = dataset_of(f"planted[n=30,h=8,N=60,inputs={inputs},domain={domain},p=0.2,seed=2]")
    weights = np.concatenate([layer.weights.ravel() for layer in data.reference.layers])
    assert set(weights.tolist()) == {-4, 4}
    assert 0.1 < (weights == 4).mean() < 0.3


def test_a_network_outside_the_class_says_nothing(dataset_of):
    data = dataset_of("planted[n=8,h=3,N=40,domain=integer[P=2],seed=3]")
    arch = data.reference.architecture
    assert Problem(data, arch, Integer(P=2), Errors()).known_objective == 0
    assert Problem(data, arch, Integer(P=3), Errors()).known_objective == 0
    assert Problem(data, arch, Integer(P=1), Errors()).known_objective is None
    assert Problem(data, layered(8, (4,), 1), Integer(P=2), Errors()).known_objective is None
    assert Problem(data, layered(8, (3,), 2), Integer(P=2), Errors()).known_objective is None


def test_known_objectives_of_other_losses_are_the_exact_scores(dataset_of):
    data = dataset_of("planted[n=8,h=6,N=30,outputs=3,allgood=true,seed=4]")
    for objective in (Hamming(), LinearHinge()):
        problem = Problem(data, data.reference.architecture, Integer(P=1), objective)
        assert problem.known_objective == problem.evaluate(data.reference).value
    assert Problem(data, data.reference.architecture, Integer(P=1), Hamming()).known_objective == 0


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ("split[train=0.5]", True),
        ("noise[r=2]", True),
        ("dup[r=2]", True),
        ("take[n=9]", True),
        ("dedup", True),
        ("classes[keep=(0,1)]", True),
        ("first-features[n=8]", True),
        ("fixed", True),
        ("classes[keep=(1,0)]", False),
        ("first-features[n=7]", False),
        ("median", False),
        ("threshold[t=0]", False),
        ("thermometer[b=2]", False),
        ("minmax", False),
        ("onehot[columns=0]", False),
    ],
)
def test_transforms_keep_the_network_only_with_its_features(dataset_of, steps, kept):
    data = dataset_of(f"planted[n=8,h=3,N=40] | {steps}")
    assert (data.reference is not None) == kept


def test_the_network_is_saved_beside_the_data_and_outside_the_digest(dataset_of, tmp_path):
    data = dataset_of("planted[n=8,h=(3,2),N=40,activation=step,density=0.7,seed=1]")
    data.save(tmp_path / "a")
    again = Dataset.load(tmp_path / "a")
    assert again.reference.digest == data.reference.digest
    bare = Dataset(data.name, data.X, data.y, data.sizes, data.scale, data.classes)
    assert bare.digest == data.digest
    bare.save(tmp_path / "b")
    assert Dataset.load(tmp_path / "b").reference is None


@pytest.mark.parametrize("n", range(1, 9))
def test_circuits_compute_their_functions(n):
    X = np.array(list(product((-1, 1), repeat=n)))
    minus = (X < 0).sum(axis=1)
    assert np.array_equal(parity(n).forward(X).output[:, 0] >= 0, minus % 2 == 1)
    for k in range(n + 1):
        assert np.array_equal(at_least(n, k).forward(X).output[:, 0] >= 0, n - minus >= k)


@pytest.mark.parametrize(
    ("text", "hidden", "domain"),
    [
        ("f=parity,n=2", (2,), Integer(P=1)),
        ("f=parity,n=3", (3,), Integer(P=1)),
        ("f=parity,n=5", (5,), Integer(P=3)),
        ("f=majority,n=5", (), Integer(P=1)),
        ("f=and,n=4", (), Integer(P=3)),
        ("f=threshold,n=4,k=3", (), Integer(P=1)),
    ],
)
def test_boolean_functions_are_known_to_be_reachable(dataset_of, text, hidden, domain):
    data = dataset_of(f"boolean[{text}]")
    problem = Problem(data, Architecture(data.n_features, hidden, 1), domain, Errors())
    assert problem.known_objective == 0
    assert dataset_of("boolean[f=multiplexer,n=3]").reference is None


SOLVER = '''
from itertools import product

import numpy as np

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver
from bnnbench.network import Layer, Network
from bnnbench.solution import Solution, Status, Termination


class Enumeration(Solver):
    """All n-h-1 networks, one after another."""

    name, kind = "enumeration", "direct"

    def solve(self, model, limits, seed, report):
        problem = model.problem
        arch, grid = problem.architecture, problem.domain.grids()[0].values
        (n, h), best = (arch.inputs, arch.hidden[0]), None
        units = [np.array(w) for w in product(grid, repeat=n + 1)]
        outputs = [np.array(w) for w in product(grid, repeat=h + 1)]
        for chosen in product(units, repeat=h):
            first = Layer(np.array(chosen)[:, :-1].T, np.array(chosen)[:, -1])
            for last in outputs:
                network = Network(arch, (first, Layer(last[:-1, None], last[-1:])))
                value = problem.evaluate(network).value
                if best is None or value < best[0]:
                    best = value, network
        value = float(best[0])
        return Solution(best[1], Status.OPTIMAL, Termination.OPTIMAL, value, value)


@hookimpl
def bnnbench_solvers():
    return [Enumeration]
'''


def run(tmp_path: Path, data: str, hidden: int) -> Record:
    plugin = tmp_path / "enumeration.py"
    plugin.write_text(SOLVER)
    registry = Registry.load([plugin])
    file = SuiteFile(
        problem=[ProblemTable(data=data, objective="errors", hidden=[hidden], outputs="one")],
        method=[MethodTable(solver="enumeration")],
        limits=LimitsTable(time=60),
    )
    suite = expand(file, registry, name="planted")
    suite = Suite(suite.name, file, None, suite.cells, (plugin,))

    class Quiet:
        def __getattr__(self, name):
            return lambda *_: None

    with Store(tmp_path / "s.bnnbench") as store:
        return Runner(suite, registry, store, Quiet()).run().records[0]


@pytest.mark.parametrize("r", [0, 2])
def test_an_exact_solver_reaches_the_planted_optimum(tmp_path, r):
    record = run(tmp_path, f"planted[n=3,h=1,N=6,seed=1,dup={r}]", 1)
    assert record.ending is Ending.OK
    assert record.evaluation.objective == record.known_objective == record.lower_bound == r
    known = knowledge([record])[record.problem]
    assert (known.best, known.bound, gap(record, known).proved) == (r, r, True)


def test_knowledge_counts_the_reference_and_flags_bounds_above_it():
    def record(name: str, **more) -> Record:
        return Record(id=name, cell={}, problem="p", ending=Ending.OK, rows=10, **more)

    known = knowledge([record("a", known_objective=3.0, solver_bound=2.0)])["p"]
    assert (known.best, known.bound, known.contradicted) == (3.0, 2.0, {})
    wrong = knowledge([record("a", known_objective=3.0), record("b", solver_bound=4.0)])["p"]
    assert wrong.bound is None
    assert list(wrong.contradicted) == ["b"]
    assert "reference network" in wrong.contradicted["b"]


def test_the_gap_of_the_planted_network_is_zero(dataset_of):
    data = dataset_of("planted[n=9,h=4,N=50,seed=5] | dup[r=6]")
    problem = Problem(data, data.reference.architecture, Integer(P=1), Errors())
    assert problem.known_objective - problem.lower_bound == 0
