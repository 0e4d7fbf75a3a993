"""The rules of a formulation."""

from __future__ import annotations

import pickle
import unittest
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import numpy as np
import numpy.typing as npt

from bnnbench.errors import NetworkError
from bnnbench.interfaces import Formulation, Model, Solver, missing
from bnnbench.member import Kind
from bnnbench.models import MatrixMILP, Qubo
from bnnbench.network import Network
from bnnbench.objectives import BUILT_IN, Lexicographic
from bnnbench.problem import Problem
from bnnbench.registry import Registry
from bnnbench.solution import Limits
from bnnbench.spec import parse
from bnnbench.testing.case import ClassCase, require, sensible
from bnnbench.testing.problems import known_optimum, tiny_problems
from bnnbench.testing.trial import attempt, captured, check_claims

NETWORKS = 12
MOST_SOLVED = 8
TOLERANCE = 1e-6
USUAL = {"milp": "highs"}
"""Taken first where it is installed: libraries of different solvers may not stand each other in one
process, and most plugins' tests use this one."""


class FormulationCase(ClassCase):
    """Conformance of a formulation.

    Attributes:
        spec: the formulation, with parameters.
        solver: a solver of its kind, as a spec, to solve what is built; by default HiGHS for
            programs, else the first one that is installed and accepts it. Without one, that rule is
            skipped.
        seconds: time limit of each tiny problem.
    """

    kind = Kind.FORMULATION
    solver: ClassVar[str | None] = None
    seconds: ClassVar[float] = 1.0

    def problems(self) -> list[Problem]:
        """Problems to judge by: the tiny ones, with every built-in objective; may be overridden."""
        names = (*self.subject.objectives, *(o.name for o in BUILT_IN if o is not Lexicographic))
        objectives = [self.registry.objective(parse(n)) for n in dict.fromkeys(names)]
        return [problem for objective in objectives for problem in tiny_problems(objective)]

    def test_accepts(self) -> None:
        """`accepts(problem)` gives None, and then `build` works, or a short reason."""
        for problem in self.problems():
            reason = self.subject.accepts(problem)
            if reason is not None:
                sensible(reason, f"accepts() on {problem.dataset.name}")
        self._built()

    def test_objectives(self) -> None:
        """`objectives`, unless empty, names what it models: each is accepted, others are not."""
        formulation: Formulation = self.subject
        self._built()
        problems = self.problems()
        for name in formulation.objectives:
            reasons = {formulation.accepts(p) for p in problems if p.objective.name == name}
            require(
                None in reasons,
                f"It lists {name} among its objectives but accepts no tiny problem with it:"
                f" {'; '.join(sorted(map(str, reasons)))}.",
                "Take the name out of 'objectives', whose first entry is the default of a run, or"
                " accept a problem of the kit.",
            )
        for problem in problems if formulation.objectives else []:
            name = problem.objective.name
            require(
                name in formulation.objectives or formulation.accepts(problem) is not None,
                f"It accepts a problem with {name}, which it does not list among its objectives.",
                "Add the name to 'objectives', or refuse it: suites leave such pairs out.",
            )

    def test_models(self) -> None:
        """`build` gives a model of its own problem and kind, with plain figures in `info`."""
        for problem, model in self._built():
            where = problem.dataset.name
            require(
                isinstance(model, Model) and model.problem is problem,
                f"build() on {where} gave {type(model).__name__} of another problem.",
                "Return Model(problem, self.kind, data, decode).",
            )
            require(
                model.kind == self.subject.kind,
                f"The model's kind is {model.kind!r}, the formulation's {self.subject.kind!r}.",
                "Pass self.kind to Model: solvers are matched by it.",
            )
            wanted = {"milp": MatrixMILP, "qubo": Qubo}.get(model.kind, object)
            require(
                isinstance(model.data, wanted),
                f"A model of kind {model.kind} holds a {type(model.data).__name__}.",
                f"Build a bnnbench.models.{wanted.__name__}, which every solver of the kind reads.",
            )
            try:
                msgspec.json.encode(model.info)
            except (TypeError, msgspec.MsgspecError) as error:
                require(
                    False,
                    f"info on {where} cannot be stored: {error}.",
                    "Keep ints, floats, texts and lists of these in Model.info.",
                )

    def test_build_repeats(self) -> None:
        """Building twice gives the same model."""
        for problem, model in self._built()[:3]:
            try:
                texts = [pickle.dumps(_plain(m.data)) for m in (model, self.subject.build(problem))]
            except Exception as error:
                raise unittest.SkipTest(f"its models cannot be compared: {error}") from error
            require(
                texts[0] == texts[1],
                f"Two builds on {problem.dataset.name} differ.",
                "Draw nothing at random in build(), and sort what comes out of sets.",
            )

    def test_decode_undoes_encode(self) -> None:
        """Encoding a network and decoding the point gives a network of the same objective."""
        for model, network in self._encodable():
            again = model.decode(self._point(model, network))
            self._in_class(model.problem, again)
            if model.exact:
                want, got = model.problem.evaluate(network), model.problem.evaluate(again)
                require(
                    want.values == got.values,
                    f"On {model.problem.dataset.name} a network of objective {want} came back with"
                    f" {got}.",
                    "decode() must read weights in the order and on the scale in which encode()"
                    " writes them.",
                )

    def test_decode_forgives_noise(self) -> None:
        """Points that are off by a solver's tolerance decode to the same network."""
        rng = np.random.default_rng(0)
        for model, network in self._encodable():
            point = self._point(model, network)
            noisy = point + rng.uniform(-TOLERANCE, TOLERANCE, point.shape)
            require(
                model.decode(noisy).digest == model.decode(point).digest,
                f"On {model.problem.dataset.name} a point moved by {TOLERANCE} decodes to another"
                " network.",
                "Round with np.rint before converting to integers.",
            )

    def test_encoded_points_hold(self) -> None:
        """An exact program holds every network of the class, at the network's own objective."""
        held = 0
        for model, network in self._encodable():
            score = model.problem.evaluate(network)
            if not (model.exact and score.feasible and isinstance(model.data, MatrixMILP)):
                continue
            assert score.value is not None
            point, program = self._point(model, network), model.data
            held += 1
            where = f"On {model.problem.dataset.name} a network of objective {score}"
            require(
                program.violation(point) <= 1e-5,
                f"{where} breaks a row or bound by {program.violation(point):.3g}.",
                "Either encode() is wrong or the program cuts the network off: then it is a"
                " restriction and must say exact=False.",
            )
            value, true = program.objective(point), float(score.value)
            require(
                abs(value - true) <= 1e-5 * max(1.0, abs(true)),
                f"{where} has the program's objective {value:.9g}.",
                "Take constants and scales out: offset and costs are in units of the objective.",
            )
        if not held:
            raise unittest.SkipTest("no exact program with encode() was built")

    def test_states_decode(self) -> None:
        """Any state of a QUBO decodes to a network of the class."""
        rng = np.random.default_rng(0)
        qubos = [(p, m) for p, m in self._built() if isinstance(m.data, Qubo)]
        if not qubos:
            raise unittest.SkipTest("it builds no QUBO")
        for problem, model in qubos:
            for _ in range(NETWORKS):
                self._in_class(problem, model.decode(rng.integers(0, 2, model.data.n)))

    def test_solved(self) -> None:
        """Solved, it decodes to true claims: none better than the optimum, no bound above it."""
        solved = 0
        for problem, model in self._built():
            solver = self._solver_of(model)
            if solver is None or solved == MOST_SOLVED:
                continue
            trial = attempt(solver, model, Limits(time=self.seconds))
            score = known_optimum(problem)
            value = score.value if score and score.feasible else problem.known_objective
            check_claims(trial, None if value is None else float(value))
            solved += 1
        if not solved:
            raise unittest.SkipTest(
                f"no solver of kind {self.subject.kind} is installed that accepts its models"
            )

    def test_silent(self) -> None:
        """Building prints nothing on standard output."""
        problem = self._built()[0][0]
        with captured() as output:
            self.subject.build(problem)
        require(
            not "".join(output).strip(),
            f"It printed {''.join(output).strip()[:80]!r}.",
            "Turn the library's log off, and put figures worth keeping into Model.info.",
        )

    # What the rules share.

    def _built(self) -> list[tuple[Problem, Model]]:
        """The tiny problems that are accepted, with their models, built once for all rules."""
        reason = missing(self.subject.requires)
        if reason is not None:
            raise unittest.SkipTest(reason)
        case = type(self)
        if "_kept" not in vars(case):
            accepted: dict[tuple[str, str], Problem] = {}
            for p in self.problems():
                if not p.infeasible and self.subject.accepts(p) is None:
                    accepted.setdefault((p.dataset.name, p.objective.name), p)
            case._kept = [(p, self.subject.build(p)) for p in accepted.values()]
        if not case._kept:
            raise unittest.SkipTest("it accepts none of the kit's problems; override problems()")
        return case._kept

    _kept: ClassVar[list[tuple[Problem, Model]]]

    def _encodable(self) -> Iterator[tuple[Model, Network]]:
        models = [m for _, m in self._built() if m.encode is not None]
        if not models:
            raise unittest.SkipTest("its models have no encode(); warm starts need one")
        for model in models:
            rng = np.random.default_rng(0)
            reference = model.problem.dataset.reference
            if reference is not None and (model.exact or _holds(model, reference)):
                yield model, reference
            for _ in range(NETWORKS):
                network = model.problem.random_network(rng)
                if model.exact or _holds(model, network):
                    yield model, network

    @staticmethod
    def _point(model: Model, network: Network) -> npt.NDArray[np.float64]:
        assert model.encode is not None
        return np.asarray(model.encode(network), dtype=np.float64)

    def _in_class(self, problem: Problem, network: Network) -> None:
        outside = problem.outside(network)
        require(
            outside is None,
            f"On {problem.dataset.name} decode() gave a network outside the class: {outside}.",
            "Decode to Layer(weights, bias, domain.scale, ...) with values of the domain.",
        )

    def _solver_of(self, model: Model) -> Solver | None:
        return next(
            (s for s in _solvers(self.registry, model.kind, self.solver) if not s.accepts(model)),
            None,
        )


def _solvers(registry: Registry, kind: str, spec: str | None) -> Iterator[Solver]:
    """The solver that is named, or all of a kind that can run here, with their defaults."""
    if spec is not None:
        yield registry.solver(parse(spec))
        return
    members = [m for m in registry.members(Kind.SOLVER) if m.target.kind == kind]
    for member in sorted(members, key=lambda m: m.name != USUAL.get(kind)):
        solver: Solver = member.make(parse(member.name))
        if solver.available() is None:
            yield solver


def _holds(model: Model, network: Network) -> bool:
    """Whether a restriction has a point for a network."""
    try:
        return model.encode is not None and model.encode(network) is not None
    except NetworkError:
        return False


def _plain(data: Any) -> Any:
    """What can be compared of a model's data: the arrays of our own formats."""
    if isinstance(data, (MatrixMILP, Qubo)):
        return {k: v for k, v in vars(data).items() if not callable(v)}
    return data
