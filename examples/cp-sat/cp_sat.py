"""A formulation and a solver of kind ``cp``: a chain of sign units for CP-SAT (ortools).

With integer features x_k / s and integer weights, s times a first-layer pre-activation is the
linear form p = x_k . w + s b. A unit's activation a in {0, 1} is reified: a <=> p >= 0. Deeper
layers add products of a weight and a sign, which are implications: q = w when a, q = -w when not a.
Row k counts as an error unless its output literal is the label. N rows, n_l units in layer l:
N n_l literals and N n_l n_(l+1) products.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from bnnbench.domain import Grid
from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Clock, Formulation, Model, Report, Solver, missing
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench.solution import Limits, Solution, Status, Termination


@dataclass(frozen=True)
class CpProgram:
    """What formulation and solver of this kind agree on.

    Attributes:
        model: an ``ortools.sat.python.cp_model.CpModel`` that minimises the objective.
        answer: the variables that make up a point, in order.
    """

    model: Any
    answer: list[Any]


@dataclass(frozen=True)
class CpNetwork(Formulation):
    """Fewest errors of a chain of sign layers with one output, for constraint programming."""

    name: ClassVar[str] = "cp-network"
    kind: ClassVar[str] = "cp"
    objectives: ClassVar[tuple[str, ...]] = ("errors",)
    requires: ClassVar[tuple[str, ...]] = ("ortools",)

    def accepts(self, problem: Problem) -> str | None:
        arch, domain = problem.architecture, problem.domain
        if problem.objective.name != "errors":
            return f"counts errors, not {problem.objective.name}"
        if arch.outputs > 1 or not arch.dense or arch.activation != "sign":
            return f"needs one output and full layers of sign units, not {arch.text}"
        if domain.scale != 1 or len(domain.grids()) > 1 or domain.bias == "free":
            return f"needs integer weights and no free bias, not {domain.spec}"
        return None

    def build(self, problem: Problem) -> Model:
        network = _Network(problem)
        errors = network.rows()
        network.model.minimize(sum(errors))
        program = CpProgram(network.model, network.numbers)
        arch = problem.architecture

        def decode(point: Any) -> Network:
            values, layers, start = np.rint(np.asarray(point)).astype(np.int64), [], 0
            for fan_in, width in pairwise(arch.widths):
                block = values[start : start + (fan_in + 1) * width].reshape(fan_in + 1, width)
                layers.append(Layer(block[:-1], block[-1]))
                start += block.size
            return Network(arch, tuple(layers))

        def encode(network: Network) -> Any:
            blocks = [np.vstack([a.weights, a.bias]).ravel() for a in network.layers]
            return np.concatenate(blocks)

        return Model(problem, self.kind, program, decode, encode, exact=True)


class _Network:
    """The variables of a network, and its forward pass on every training row."""

    def __init__(self, problem: Problem) -> None:
        from ortools.sat.python import cp_model

        self.model, self.problem = cp_model.CpModel(), problem
        self.grid = problem.domain.grids()[0]
        biases = problem.domain.bias_grid(self.grid) or Grid(0, 0)
        weight, bias = (cp_model.Domain.from_values(g.values.tolist()) for g in (self.grid, biases))
        self.layers: list[tuple[list[list[Any]], list[Any]]] = []
        self.numbers: list[Any] = []
        widths = problem.architecture.widths
        for fan_in, width in pairwise(widths):
            W = [[self._number(weight) for _ in range(width)] for _ in range(fan_in)]
            b = [self._number(bias) for _ in range(width)]
            self.layers.append((W, b))

    def _number(self, domain: Any) -> Any:
        variable = self.model.new_int_var_from_domain(domain, f"n{len(self.numbers)}")
        self.numbers.append(variable)
        return variable

    def rows(self) -> list[Any]:
        """For each training row a literal, or its negation, that is true for an error."""
        X, y = self.problem.dataset.part("train")
        return [
            output.negated() if label else output
            for x, label in zip(X.tolist(), y.tolist(), strict=True)
            for output in [self._forward(x)]
        ]

    def _forward(self, x: list[int]) -> Any:
        """The literal of the output unit on one row."""
        scale, signs = self.problem.dataset.scale, []
        for k, (W, b) in enumerate(self.layers):
            units = []
            for j, bias in enumerate(b):
                if k:
                    terms = [self._product(row[j], a) for row, a in zip(W, signs, strict=True)]
                    z = sum(terms) + bias
                else:
                    z = sum(v * row[j] for v, row in zip(x, W, strict=True)) + scale * bias
                units.append(self._reified(z))
            signs = units
        return signs[0]

    def _reified(self, z: Any) -> Any:
        literal = self.model.new_bool_var("")
        self.model.add(z >= 0).only_enforce_if(literal)
        self.model.add(z <= -1).only_enforce_if(literal.negated())
        return literal

    def _product(self, weight: Any, sign: Any) -> Any:
        """The weight, or its negation where the sign is -1."""
        most = int(self.grid.largest)
        product = self.model.new_int_var(-most, most, "")
        self.model.add(product == weight).only_enforce_if(sign)
        self.model.add(product == -weight).only_enforce_if(sign.negated())
        return product


@dataclass(frozen=True)
class CpSat(Solver):
    """CP-SAT of ortools, with streamed incumbents and bounds."""

    name: ClassVar[str] = "cp-sat"
    kind: ClassVar[str] = "cp"
    requires: ClassVar[tuple[str, ...]] = ("ortools",)
    # Preloading gives it a fork server of its own, which highspy never enters.
    preload: ClassVar[tuple[str, ...]] = ("ortools.sat.python.cp_model",)

    def available(self) -> str | None:
        return missing(self.requires)

    def accepts(self, model: Model) -> str | None:
        return None if isinstance(model.data, CpProgram) else "needs a model of cp-network's form"

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        from ortools.sat.python import cp_model

        clock, solver = Clock(limits), cp_model.CpSolver()
        solver.parameters.num_workers = limits.threads
        solver.parameters.random_seed = seed % 2**31
        solver.parameters.max_time_in_seconds = max(0.01, min(0.98 * clock.left, 1e9))
        watch = _watch(model.data, report, limits)
        status = solver.solve(model.data.model, watch)
        ended = watch.ended or _termination(status)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Solution(termination=ended)
        point = np.array([solver.value(v) for v in model.data.answer])
        proved = status == cp_model.OPTIMAL
        return Solution(
            point,
            Status.OPTIMAL if proved else Status.FEASIBLE,
            Termination.OPTIMAL if proved else ended,
            solver.objective_value,
            solver.best_objective_bound,
            {"branches": solver.num_branches, "conflicts": solver.num_conflicts},
        )


def _watch(program: CpProgram, report: Report, limits: Limits) -> Any:
    """A callback that streams every solution and stops when it is told to."""
    from ortools.sat.python import cp_model

    class Watch(cp_model.CpSolverSolutionCallback):
        ended: Termination | None = None
        lock = threading.Lock()

        def on_solution_callback(self) -> None:
            with self.lock:
                point = np.array([self.value(v) for v in program.answer])
                value, bound = self.objective_value, self.best_objective_bound
                if report(point, objective=value, bound=bound):
                    hit = limits.target is not None and value <= limits.target
                    self.ended = Termination.TARGET if hit else Termination.INTERRUPTED
                    self.stop_search()

    return Watch()


def _termination(status: Any) -> Termination:
    from ortools.sat.python import cp_model

    return {
        cp_model.OPTIMAL: Termination.OPTIMAL,
        cp_model.FEASIBLE: Termination.TIME,
        cp_model.UNKNOWN: Termination.TIME,
        cp_model.INFEASIBLE: Termination.INFEASIBLE,
    }.get(status, Termination.ERROR)


@hookimpl
def bnnbench_formulations():
    """``cp-network``."""
    return [CpNetwork]


@hookimpl
def bnnbench_solvers():
    """``cp-sat``."""
    return [CpSat]
