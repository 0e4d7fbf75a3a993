"""Samplers of libraries and services, and what all of them say about their reads."""

from __future__ import annotations

import itertools
import sys
import types

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.dwave_cloud import DwaveCloud
from bnnbench_qubo.dwave_descent import DwaveDescent
from bnnbench_qubo.dwave_sqa import DwaveSQA
from bnnbench_qubo.dwave_tabu import DwaveTabu
from bnnbench_qubo.fixstars import Fixstars
from bnnbench_qubo.openjij_solver import OpenJij
from bnnbench_qubo.reads import ReadTally
from bnnbench_qubo.simulated_bifurcation_solver import SimulatedBifurcation
from bnnbench_qubo.tree_decomposition import TreeDecomposition, elimination

from bnnbench.errors import ProblemError
from bnnbench.interfaces import ignore_report
from bnnbench.models import Qubo
from bnnbench.solution import Limits, Status, Termination

SAMPLERS = [
    DwaveTabu(num_reads=4, num_restarts=3),
    DwaveDescent(num_reads=40),
    DwaveSQA(num_reads=3, num_sweeps=20),
    OpenJij(num_reads=6, num_sweeps=50),
    OpenJij(method="sqa", num_reads=3, num_sweeps=20),
    SimulatedBifurcation(num_reads=40, num_sweeps=50),
]


def installed(solver):
    reason = solver.available()
    if reason is not None:
        pytest.skip(reason)
    return solver


def ident(solver):
    return solver.name + getattr(solver, "method", "")


@pytest.mark.parametrize("solver", SAMPLERS, ids=ident)
def test_reads_are_decoded_and_claims_true(teacher_model, solver):
    solution = installed(solver).solve(teacher_model, Limits(), 3, ignore_report)
    info, problem = solution.info, teacher_model.problem
    assert solution.termination is Termination.ITERATIONS
    assert solution.objective == float(problem.evaluate(solution.answer).value)
    assert problem.outside(solution.answer) is None
    assert info["reads"] == solver.num_reads
    assert 1 < info["distinct"] <= solver.num_reads
    assert info["min_energy"] <= info["mean_energy"]
    assert min(info[f"{p}_seconds"] for p in ("convert", "sample", "decode")) >= 0
    assert info["overrun_seconds"] == 0


@pytest.mark.parametrize("solver", SAMPLERS, ids=ident)
def test_a_seed_fixes_the_reads_whatever_the_threads(teacher_model, solver):
    def run(seed, threads=1):
        limits = Limits(threads=threads)
        solution = installed(solver).solve(teacher_model, limits, seed, ignore_report)
        return solution.info["min_energy"], solution.info["mean_energy"]

    assert run(1) == run(1)
    assert run(1) == pytest.approx(run(1, threads=2))
    assert run(1) != run(2)


@pytest.mark.parametrize(
    "solver", [DwaveDescent(), DwaveSQA(num_sweeps=30_000), OpenJij(num_sweeps=10**6)], ids=ident
)
def test_sweeps_are_cut_to_the_time_limit_and_an_answer_is_there(teacher_model, solver):
    solution = installed(solver).solve(teacher_model, Limits(time=0.6), 0, ignore_report)
    assert solution.termination is Termination.TIME
    assert solution.answer is not None
    assert solution.info["reads"] >= 1
    assert solution.info.get("sweeps", -1) < getattr(solver, "num_sweeps", 0)


def test_a_group_cut_short_is_the_beginning_of_the_whole_one(teacher_model):
    draw, _ = DwaveDescent().prepare(teacher_model, Limits())
    assert np.array_equal(draw(5, 7, 0)[0], draw(16, 7, 0)[0][:5])


@pytest.mark.parametrize("seed", range(3))
def test_tree_decomposition_proves_the_optimum_of_an_exact_model(random_problem, seed):
    problem = random_problem(5, 3, (1,), seed=seed)
    model = BnnQubo(penalty="exact").build(problem)
    best = min(
        problem.evaluate(model.decode(np.array(bits))).value
        for bits in itertools.product((0, 1), repeat=model.info["weight_bits"])
    )
    solver = TreeDecomposition()
    assert solver.accepts(model) is None
    solution = solver.solve(model, Limits(), 0, ignore_report)
    assert solution.status is Status.OPTIMAL
    assert solution.objective == solution.bound == float(best)


def test_tree_decomposition_refuses_wide_models(teacher_model):
    assert "treewidth up to" in TreeDecomposition().accepts(teacher_model)
    assert "over 10" in TreeDecomposition(max_variables=10).accepts(teacher_model)


def test_elimination_of_a_cycle_has_width_two():
    i = np.arange(6)
    rows, cols = np.minimum(i, (i + 1) % 6), np.maximum(i, (i + 1) % 6)
    order, width = elimination(Qubo(np.zeros(6), rows, cols, np.ones(6)))
    assert sorted(order) == list(range(6))
    assert width == 2


class Sampler:
    """dimod's interface on a machine that always answers all ones."""

    def __init__(self, *_, token=None, **__):
        self.token, self.calls = token, []

    def sample(self, bqm, **options):
        import dimod

        Sampler.last = options
        states = np.ones((options.get("num_reads", 1), bqm.num_variables), dtype=np.int8)
        return dimod.SampleSet.from_samples_bqm((states, list(bqm.variables)), bqm)


@pytest.fixture
def services(monkeypatch):
    system = types.ModuleType("dwave.system")
    system.DWaveSampler = system.LeapHybridSampler = Sampler
    system.EmbeddingComposite = lambda inner: inner
    monkeypatch.setitem(sys.modules, "dwave.system", system)
    monkeypatch.setitem(sys.modules, "amplify", stand_in_for_amplify())
    monkeypatch.setenv("DWAVE_API_TOKEN", "token")
    monkeypatch.setenv("AMPLIFY_TOKEN", "token")


def stand_in_for_amplify():
    """The calls that the solver makes of the client."""
    api = types.ModuleType("amplify")

    class Matrix:
        def __init__(self, _, n):
            self.quadratic, self.linear = np.zeros((n, n)), np.zeros(n)
            self.variable_array = types.SimpleNamespace(evaluate=lambda values: values)

    class Client:
        def __init__(self, token):
            self.parameters = types.SimpleNamespace(timeout=None)

    api.VariableGenerator = lambda: types.SimpleNamespace(matrix=Matrix)
    api.FixstarsClient = Client
    api.Model = lambda matrix: matrix
    api.solve = lambda model, client: types.SimpleNamespace(
        best=types.SimpleNamespace(values=np.ones(len(model.linear)))
    )
    return api


@pytest.mark.parametrize(
    ("solver", "options"),
    [
        (DwaveCloud(num_reads=8, annealing_time=50.0), {"num_reads": 8, "annealing_time": 50.0}),
        (DwaveCloud(num_reads=1, device="hybrid", call_seconds=3.0), {"time_limit": 3.0}),
        (Fixstars(num_reads=2), None),
    ],
)
def test_services_are_called_through_their_interface(teacher_model, services, solver, options):
    solution = solver.solve(teacher_model, Limits(), 0, ignore_report)
    assert solution.info["reads"] == solver.num_reads
    assert solution.info["distinct"] == 1
    assert solution.info["min_energy"] == pytest.approx(
        teacher_model.data.energy(np.ones(teacher_model.data.n))[0]
    )
    assert all((a.weights == 1).all() for a in solution.answer.layers)
    assert options is None or Sampler.last == options


@pytest.mark.parametrize(
    ("solver", "variable"), [(DwaveCloud(), "DWAVE_API_TOKEN"), (Fixstars(), "AMPLIFY_TOKEN")]
)
def test_services_name_the_missing_credentials(monkeypatch, solver, variable):
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(type(solver), "requires", ())
    assert variable in solver.available()
    monkeypatch.setenv(variable, "token")
    assert solver.available() is None


def tally(known=None):
    found = ReadTally(known)
    for energy, loss, completed in [(1.0, 2.0, 1.0), (0.5, 1.0, 0.8), (0.5, 3.0, 3.0), (2, 1, 0.8)]:
        found.add(energy, loss, completed)
    return found.info(4.0, completes=True)


def test_the_figures_of_reads_are_counts_of_them():
    info = tally()
    assert info["reads"] == 4
    assert info["read_seconds"] == 1.0
    assert info["feasible_rate"] == 0.25
    assert (info["min_energy"], info["min_energy_objective"]) == (0.5, 1.0)
    assert info["mean_energy"] == 1.0
    assert info["mean_objective"] == 1.75
    assert info["best_reads"] == info["loss_successes"] == 2
    assert info["loss_tts99"] == pytest.approx(np.log(0.01) / np.log(0.5))
    assert info["loss_tts99_low"] < info["loss_tts99"] < info["loss_tts99_high"]
    assert info["energy_successes"] == 2
    assert info["energy_gap"] == 0.0
    assert not info["loss_target_known"]


def test_without_success_the_time_to_solution_is_bounded_by_the_rule_of_three():
    info = tally(known=0.0)
    assert info["loss_target_known"]
    assert info["loss_successes"] == 0
    assert info["loss_tts99"] is None
    assert info["loss_tts99_high"] is None
    p = 1 - 0.05 ** (1 / 4)
    assert info["loss_tts99_low"] == pytest.approx(max(1, np.log(0.01) / np.log(1 - p)))


def test_the_energy_gap_is_to_the_best_completed_network():
    found = ReadTally()
    found.add(5.0, 1.0, 1.5)
    found.add(3.0, 2.0, 2.0)
    info = found.info(1.0, completes=True)
    assert info["energy_gap"] == 1.5
    assert info["energy_successes"] == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: DwaveTabu(read_seconds=0),
        lambda: DwaveSQA(hot=2.0, cold=1.0),
        lambda: OpenJij(method="gpu"),
        lambda: SimulatedBifurcation(mode="quantum"),
        lambda: DwaveCloud(device="cpu"),
        lambda: Fixstars(call_seconds=0),
        lambda: DwaveDescent(num_reads=0),
    ],
)
def test_parameters_are_checked(make):
    with pytest.raises(ProblemError):
        make()
