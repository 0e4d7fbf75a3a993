"""Every rule of the conformance cases is broken by something, and only that is blamed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import unittest
from dataclasses import replace

import numpy as np
import pytest

from bnnbench.testing import (
    BrokenRuleError,
    DatasetCase,
    FormulationCase,
    SolverCase,
    TransformCase,
    large_problem,
    tiny_problems,
    verdicts,
)
from bnnbench.testing.case import Case
from bnnbench.testing.problems import known_optimum

HEAD = """
    import random, time
    from dataclasses import dataclass, replace
    import numpy as np
    from bnnbench.dataset import Dataset
    from bnnbench.hookspecs import hookimpl
    from bnnbench.interfaces import Formulation, Model, Solver
    from bnnbench.models import MatrixMILP, RowBuilder
    from bnnbench.network import Layer, Network
    from bnnbench.solution import Solution, Status, Termination
    from bnnbench.table import Table

    def draw(model, rng):
        network = model.problem.random_network(rng)
        return network, float(model.problem.evaluate(network).value)
"""

SOLVERS = """
    class Good(Solver):
        '''Descends by random draws.'''
        name = "good"
        def solve(self, model, limits, seed, report):
            rng, best, value = np.random.default_rng(seed), None, float("inf")
            end, why = time.monotonic() + 0.9 * limits.time, Termination.ITERATIONS
            for _ in range(300):
                network, new = draw(model, rng)
                if new < value:
                    best, value = network, new
                    if report(best, objective=value):
                        hit = limits.target is not None and value <= limits.target
                        why = Termination.TARGET if hit else Termination.INTERRUPTED
                        break
                if time.monotonic() > end:
                    why = Termination.TIME
                    break
            return Solution.found(best, why, objective=value)

    class Mute(Good):
        name = "mute"
        def solve(self, model, limits, seed, report):
            raise RuntimeError("no licence")
    Mute.__doc__ = ""

    class Boaster(Good):
        '''Claims less than it has.'''
        name = "boaster"
        def solve(self, *a):
            found = super().solve(*a)
            return replace(found, objective=found.objective - 1)

    class Prover(Good):
        '''Claims the bound of its own answer.'''
        name = "prover"
        def solve(self, model, limits, seed, report):
            network, value = draw(model, np.random.default_rng(seed))
            return Solution.found(network, Termination.OPTIMAL, objective=value, bound=value)

    class Nothing(Good):
        '''Finds nothing.'''
        name = "nothing"
        def solve(self, *a): return Solution()

    class Backwards(Good):
        '''Streams everything.'''
        name = "backwards"
        def solve(self, model, limits, seed, report):
            for s in range(20):
                network, value = draw(model, np.random.default_rng([seed, s]))
                report(network, objective=value)
            return Solution.found(network, objective=value)

    class Global(Good):
        '''Draws from the global generator.'''
        name = "global"
        def solve(self, model, limits, seed, report):
            return super().solve(model, limits, np.random.randint(10**6), report)

    class Late(Good):
        '''Does not look at the clock.'''
        name = "late"
        def solve(self, model, limits, seed, report):
            if model.problem.dataset.name.endswith("large"):
                time.sleep(limits.time + 0.7)
            return super().solve(model, limits, seed, report)

    class Deaf(Good):
        '''Does not listen to report.'''
        name = "deaf"
        def solve(self, model, limits, seed, report):
            super().solve(model, limits, seed, lambda *a, **k: bool(report(*a, **k)) and False)
            if model.problem.dataset.name.endswith("large"):
                time.sleep(0.9 * min(limits.time, 4))
            return super().solve(model, limits, seed, lambda *a, **k: False)

    class Forgetful(Good):
        '''Forgets the target's name.'''
        name = "forgetful"
        def solve(self, *a):
            time.sleep(0.01)
            found = super().solve(*a)
            time.sleep(0.01)
            return replace(found, termination=Termination.ITERATIONS)

    class Loud(Good):
        '''Prints.'''
        name = "loud"
        def solve(self, *a):
            import os
            os.write(1, b"node 17\\n")
            return super().solve(*a)

    class Blind(Good):
        '''Does not say what is missing.'''
        name = "blind"
        requires = ("numpy",)
        def available(self): return None

    class Talker(Good):
        '''Gives a novel for a reason.'''
        name = "talker"
        def accepts(self, model): return "word " * 200

    class Loose(Good):
        '''Is no dataclass.'''
        name = "loose"
        def __init__(self, steps: int = 3): self.steps = steps

    class Comma(Good):
        '''Forgot a comma.'''
        name = "comma"
        requires = ("numpy")

    @dataclass(frozen=True)
    class Rounder(Good):
        '''Changes its own parameter.'''
        name = "rounder"
        rate: float = 0.25
        def __post_init__(self): object.__setattr__(self, "rate", self.rate / 2)

    @dataclass(frozen=True)
    class Lambda(Good):
        '''Cannot be pickled.'''
        name = "lambda"
        steps: int = 1
        def __post_init__(self): object.__setattr__(self, "hidden", lambda: 0)

    class Crash(Good):
        '''Ends the process.'''
        name = "crash"
        def solve(self, *a):
            import os
            if os.environ.get("CRASH_HERE"):
                return super().solve(*a)
            os._exit(3)

    @hookimpl
    def bnnbench_solvers():
        return [Good, Mute, Boaster, Prover, Nothing, Backwards, Global, Late, Deaf, Forgetful,
                Loud, Blind, Talker, Loose, Comma, Rounder, Lambda, Crash]
"""

BROKEN_SOLVERS = {
    "mute": ("summary", "characters"),
    "boaster": ("claims_are_true", "claims objective"),
    "prover": ("claims_are_true", "enumeration finds"),
    "nothing": ("answers", "0 of"),
    "backwards": ("incumbents_improve", "the wrong way"),
    "global": ("same_seed_same_answer", "two runs"),
    "late": ("time_limit", "it took"),
    "deaf": ("interrupt", "report() returned True after"),
    "forgetful": ("target", "stopped by iterations"),
    "loud": ("silent", "node 17"),
    "blind": ("available", "still gives None"),
    "talker": ("accepts", "as its reason"),
    "loose": ("parameters_are_fields", "not equal"),
    "comma": ("requires_are_names", "is 'numpy'"),
    "rounder": ("parameters_read_back", "expected"),
    "lambda": ("pickles", "cannot be pickled"),
    "crash": ("runs_as_a_cell", "crash"),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    def write(body, name):
        path = tmp_path_factory.mktemp("plugins") / f"{name}.py"
        path.write_text(textwrap.dedent(HEAD) + textwrap.dedent(body), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def solvers(file):
    return file(SOLVERS, "solvers")


def case_of(base: type[Case], spec: str, path, **more) -> type[Case]:
    return type("Check", (base,), {"spec": spec, "plugins": (path,), "seconds": 0.4, **more})


def failures(case) -> dict[str, str]:
    return {v.rule: v.why for v in verdicts(case) if v.outcome == "failed"}


def test_a_good_solver_breaks_no_rule(solvers):
    found = list(verdicts(case_of(SolverCase, "good", solvers)))
    assert [v for v in found if v.outcome == "failed"] == []
    # a solver without parameters, on a machine that is fast enough to finish before the limit
    assert {v.rule for v in found if v.outcome == "skipped"} <= {"parameters_are_fields"}


@pytest.mark.parametrize("name", BROKEN_SOLVERS)
def test_a_broken_solver_is_caught(name, solvers, monkeypatch):
    rule, words = BROKEN_SOLVERS[name]
    monkeypatch.setattr("bnnbench.testing.solver_case.GRACE", 0.5)
    monkeypatch.setattr("bnnbench.testing.solver_case.PROMPT", 1.5)
    case = case_of(SolverCase, name, solvers, problems=lambda self: tiny_problems()[:3])
    if name == "crash":
        monkeypatch.setattr("bnnbench.testing.cell_rule.SECONDS", 1.0)
        case = case_of(SolverCase, name, solvers)
    with pytest.raises(BrokenRuleError) as broken:
        getattr(case(), f"test_{rule}")()
    assert words in broken.value.why
    assert broken.value.remedy.endswith((".", "]"))


def test_cpu_time_beyond_the_threads_is_caught(solvers):
    class Check(case_of(SolverCase, "good", solvers)):
        def _timed(self):
            return replace(super()._timed(), wall=1.0, cpu=1.9)

    with pytest.raises(BrokenRuleError, match="of CPU in"):
        Check().test_threads()


FORMULATIONS = """
    class Good(Formulation):
        '''One unit, by big-M rows.'''
        name, kind, objectives = "good", "milp", ("errors",)
        def accepts(self, problem):
            plain = problem.architecture.text == "3-1" and problem.objective.name == "errors"
            return None if plain else "needs three features and a unit"
        shift, off, cut = 0, 0.0, None
        def build(self, problem):
            X, y = problem.dataset.part("train")
            X = X.astype(int)
            rows = RowBuilder()
            w = rows.variables("w", (3,), -1, 1 if self.cut is None else self.cut, integer=True)
            b = rows.variables("b", (1,), -1, 1, integer=True)
            e = rows.variables("e", (len(X),), 0, 1, integer=True, cost=1.0)
            M = np.where(y == 1, 5, -5)[:, None]
            rows.rows((len(X),), [(w[None], X), (b[None], 1), (e[:, None], M)],
                      np.where(y == 1, 0, -np.inf), np.where(y == 1, np.inf, -1))
            def decode(point):
                numbers = np.asarray(point)[:4] + self.shift
                numbers = self.whole(numbers)
                return Network(problem.architecture, (Layer(numbers[:3, None], numbers[3:]),))
            def encode(network):
                (a,) = network.layers
                wrong = (network.forward(X).output[:, 0] >= 0) != (y == 1)
                return np.concatenate([a.weights[:, 0], a.bias, wrong]).astype(float)
            return Model(problem, self.kind, rows.build(self.off), decode, encode, info=self.info())
        def whole(self, numbers): return np.rint(numbers).astype(int)
        def info(self): return {"rows": 1}

    class Shifted(Good):
        '''Decodes beside the class.'''
        name, shift = "shifted", 1

    class Constant(Good):
        '''Forgets a constant.'''
        name, off = "constant-off", 2.0

    class Cut(Good):
        '''Cuts networks off.'''
        name, cut = "cut", 0

    class Floor(Good):
        '''Rounds down.'''
        name = "floor"
        def whole(self, numbers): return np.floor(numbers).astype(int)

    class Moody(Good):
        '''Draws a constant.'''
        name = "moody"
        def build(self, problem):
            self.__class__.off = random.random()
            return super().build(problem)

    class Promise(Good):
        '''Lists what it refuses.'''
        name, objectives = "promise", ("errors", "hamming")

    class Modest(Good):
        '''Lists less than it accepts.'''
        name = "modest"
        def accepts(self, problem):
            return None if problem.architecture.text == "3-1" else "needs three features and a unit"

    class Arrays(Good):
        '''Puts objects into its info.'''
        name = "arrays"
        def info(self): return {"what": object()}

    class Shy(Good):
        '''Accepts what it cannot build.'''
        name = "shy"
        def accepts(self, problem): return None

    class Chatty(Good):
        '''Prints.'''
        name = "chatty"
        def build(self, problem):
            print("building")
            return super().build(problem)

    @hookimpl
    def bnnbench_formulations():
        return [Good, Shifted, Constant, Cut, Floor, Moody, Promise, Modest, Arrays, Shy, Chatty]
"""

BROKEN_FORMULATIONS = {
    "shifted": ("decode_undoes_encode", "outside the class"),
    "constant-off": ("encoded_points_hold", "the program's objective"),
    "cut": ("encoded_points_hold", "breaks a row or bound"),
    "floor": ("decode_forgives_noise", "another network"),
    "moody": ("build_repeats", "differ"),
    "promise": ("objectives", "lists hamming"),
    "modest": ("objectives", "does not list"),
    "arrays": ("models", "cannot be stored"),
    "shy": ("accepts", ""),
    "chatty": ("silent", "building"),
}


@pytest.fixture(scope="module")
def formulations(file):
    return file(FORMULATIONS, "formulations")


def test_a_good_formulation_breaks_no_rule(formulations):
    assert failures(case_of(FormulationCase, "good", formulations)) == {}


@pytest.mark.parametrize("name", BROKEN_FORMULATIONS)
def test_a_broken_formulation_is_caught(name, formulations):
    rule, words = BROKEN_FORMULATIONS[name]
    broken = failures(case_of(FormulationCase, name, formulations))
    assert words in broken[rule]


DATA = """
    def good(*, rows: int = 30, seed: int = 0):
        '''Signs and their product.'''
        X = 2 * np.random.default_rng(seed).integers(0, 2, (rows, 3)) - 1
        return Table(X, (X.prod(axis=1) > 0).astype(int), classes=("minus", "plus"))

    def unseeded(*, seed: int = 0):
        '''Ignores its seed.'''
        return good(seed=3)

    def moody(*, seed: int = 0):
        '''Draws from the global generator.'''
        return good(seed=np.random.randint(10**6))

    def overlap():
        '''Tests on what it trains on.'''
        table, part = good(), np.repeat([0, 2], [20, 10])
        return replace(table, part=part, rows=np.arange(30) % 20)

    def loud():
        '''Prints.'''
        print("reading")
        return good()

    def silent_doc(): return good()

    def nan():
        '''Has a hole.'''
        return Table(np.array([[1.0], [np.nan]]), np.array([0, 1]))

    def copied(table):
        '''Leaves its input alone.'''
        return table.with_features(np.array(table.X) - np.array(table.X)[table.train].mean(axis=0))

    def in_place(table):
        '''Writes into its input.'''
        table.X[:] = 0
        return table

    def leaky(table):
        '''Fits on all rows.'''
        return table.with_features(table.X - table.X.mean(axis=0))

    def dice(table):
        '''Draws from the global generator.'''
        return table.with_features(table.X + np.random.rand())

    def torn(table):
        '''Loses rows.'''
        return replace(table, X=table.X[1:])

    @hookimpl
    def bnnbench_datasets(): return [good, unseeded, moody, overlap, loud, silent_doc, nan]

    @hookimpl
    def bnnbench_transforms(): return [copied, in_place, leaky, dice, torn]
"""


@pytest.fixture(scope="module")
def data(file):
    return file(DATA, "data")


def test_good_data_break_no_rule(data):
    assert failures(case_of(DatasetCase, "good[rows=20]", data, drawn="seed")) == {}
    assert failures(case_of(TransformCase, "copied", data)) == {}


@pytest.mark.parametrize(
    ("base", "name", "rule"),
    [
        (DatasetCase, "unseeded", "seed_draws"),
        (DatasetCase, "moody", "repeats"),
        (DatasetCase, "overlap", "parts_are_apart"),
        (DatasetCase, "loud", "silent"),
        (DatasetCase, "silent-doc", "summary"),
        (DatasetCase, "nan", "makes_a_data_set"),
        (TransformCase, "in-place", "leaves_its_input"),
        (TransformCase, "leaky", "learns_from_training_rows"),
        (TransformCase, "dice", "repeats"),
        (TransformCase, "torn", "gives_a_table"),
    ],
)
def test_broken_data_are_caught(base, name, rule, data):
    more = {"drawn": "seed"} if name == "unseeded" else {}
    assert rule in failures(case_of(base, name, data, **more))


def test_an_early_import_is_caught(file):
    path = file(
        """
        import scipy
        class Early(Solver):
            '''Imports scipy at once.'''
            name = "early"
            def solve(self, *a): return Solution()
        @hookimpl
        def bnnbench_solvers(): return [Early]
        """,
        "early",
    )
    with pytest.raises(BrokenRuleError, match="imports scipy"):
        case_of(SolverCase, "early", path)().test_import_is_lazy()


def test_what_is_not_installed_is_skipped_and_so_is_its_cell(file):
    path = file(
        """
        class Far(Solver):
            '''Needs what nobody has.'''
            name, requires = "far", ("no-such-distribution-at-all",)
            def solve(self, *a): raise AssertionError
        @hookimpl
        def bnnbench_solvers(): return [Far]
        """,
        "far",
    )
    case = case_of(SolverCase, "far", path)
    case().test_available()
    case().test_runs_as_a_cell()
    with pytest.raises(unittest.SkipTest, match="no-such-distribution-at-all"):
        case().test_claims_are_true()


def test_every_rule_says_what_it_is():
    for base in (SolverCase, FormulationCase, DatasetCase, TransformCase):
        for name in dir(base):
            if name.startswith("test_"):
                said = getattr(base, name).__doc__
                assert said, f"{base.__name__}.{name}"
                assert said.endswith(".")


def test_tiny_problems_are_different_and_known():
    problems = tiny_problems()
    assert len({p.digest for p in problems}) == len(problems)
    known = [known_optimum(p) for p in problems]
    assert sum(k is not None for k in known) == len(problems) - 1
    for problem, score in zip(problems, known, strict=True):
        if problem.known_objective is not None and score is not None:
            assert score.value == problem.known_objective
    assert problems[0].lower_bound > 0
    assert large_problem().dataset.sizes[0] == 80
    assert all(
        np.array_equal(p.dataset.X, q.dataset.X)
        for p, q in zip(problems, tiny_problems(), strict=True)
    )


def test_the_kit_imports_nothing_before_it_is_asked():
    script = (
        "import sys, bnnbench.testing.fixtures;"
        "print(sorted({'numpy', 'msgspec', 'pluggy', 'click'} & set(sys.modules) - {'pluggy'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
