"""Colour-wise and matrix-free machines in torch, against the compiled kernel and the QUBO."""

from __future__ import annotations

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.ising_sa import IsingSA
from bnnbench_qubo.ising_structured import IsingStructured
from bnnbench_qubo.ising_torch import IsingTorch

from bnnbench.errors import ProblemError
from bnnbench.interfaces import direct_model, ignore_report
from bnnbench.solution import Limits, Termination

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_no_two_sites_of_a_colour_are_coupled(teacher_model):
    from bnnbench_qubo.coloured import colours

    qubo = teacher_model.data
    classes = colours(qubo)
    colour = np.zeros(qubo.n, dtype=int)
    for number, sites in enumerate(classes):
        colour[sites] = number
    assert np.array_equal(np.sort(np.concatenate(classes)), np.arange(qubo.n))
    assert (colour[qubo.rows] != colour[qubo.cols]).all()


def anneal(solver, model):
    return solver.solve(model, Limits(), 1, ignore_report).info


@pytest.mark.parametrize("method", ["sparse", "dense"])
def test_it_samples_what_the_compiled_kernel_samples(teacher_model, method):
    """The same sweeps and betas: mean energies and acceptance agree within their errors."""
    size = {"num_reads": 256, "num_sweeps": 60}
    ours = anneal(IsingTorch(**size, replicas=256, method=method), teacher_model)
    base = anneal(IsingSA(**size), teacher_model)
    assert ours["acceptance_rate"] == pytest.approx(base["acceptance_rate"], abs=0.01)
    assert ours["mean_energy"] == pytest.approx(base["mean_energy"], abs=0.35)


def test_the_matrix_free_machine_samples_it_too(teacher_model):
    size = {"num_reads": 128, "num_sweeps": 60}
    ours = anneal(IsingStructured(**size, replicas=128), direct_model(teacher_model.problem))
    base = anneal(IsingSA(**size), teacher_model)
    assert ours["acceptance_rate"] == pytest.approx(base["acceptance_rate"], abs=0.01)
    assert ours["mean_energy"] == pytest.approx(base["mean_energy"], abs=0.45)


@pytest.mark.parametrize(("d", "h", "N"), [(9, 3, 16), (3, 1, 5), (5, 5, 8)])
def test_matrix_free_energies_are_those_of_the_qubo(teacher_problem, d, h, N):
    from bnnbench_qubo.matrix_free import ResidualMachine

    problem = teacher_problem(d, h, N)
    machine, qubo = ResidualMachine(problem, 0.15, "cpu"), BnnQubo().build(problem).data
    x = machine.start(8, 0)
    for beta in (0.1, 2.0, 40.0):
        machine.sweep(x, beta)
        states = machine.states(x)
        tracked = {k: x[k].clone() for k in ("r", "q")}
        assert np.allclose(machine.energies(x), qubo.energy(states), atol=1e-4)
        assert all(torch.allclose(x[k], tracked[k], atol=1e-3) for k in tracked)


def test_tempering_keeps_its_ladder_and_finds_low_energies(teacher_model):
    from bnnbench_qubo.coloured import ColouredMachine

    machine = ColouredMachine(teacher_model.data, "cpu", "auto")
    x, generator = machine.start(9, 0)
    betas = torch.linspace(0.1, 4.0, 9)
    for _ in range(20):
        machine.sweep(x, betas, generator)
        new = machine.exchange(x, betas, generator)
        assert torch.equal(new.sort().values, betas.sort().values)
        betas = new
    energies = machine.energies(x)
    assert energies[betas.argmax()] < energies[betas.argmin()]
    info = anneal(IsingTorch(mode="tempering", num_reads=32, num_sweeps=100, replicas=32),
                  teacher_model)  # fmt: skip
    assert info["min_energy"] < info["mean_energy"] / 2


def test_colder_replicas_take_the_lower_energy_when_they_exchange(teacher_model):
    """With E falling as beta rises there is nothing to gain; reversed, all pairs swap."""
    from bnnbench_qubo.coloured import ColouredMachine

    machine = ColouredMachine(teacher_model.data, "cpu", "auto")
    x, generator = machine.start(2, 0)
    E = machine.energies(x)
    betas = torch.tensor([100.0, 0.01] if E[0] > E[1] else [0.01, 100.0])
    swapped = False
    for _ in range(12):
        new = machine.exchange(x, betas, generator)
        swapped = swapped or not torch.equal(new, betas)
        betas = new
    assert swapped
    assert (betas[0] > betas[1]) == (E[0] < E[1])


@pytest.mark.parametrize(
    "solver", [IsingTorch(num_sweeps=10**6), IsingStructured(num_sweeps=10**6)]
)
def test_the_time_limit_cuts_the_sweeps(teacher_model, solver):
    direct = solver.kind == "direct"
    model = direct_model(teacher_model.problem) if direct else teacher_model
    solution = solver.solve(model, Limits(time=0.5), 0, ignore_report)
    assert solution.termination is Termination.TIME
    assert solution.info["sweeps"] < 10**6
    assert solution.objective == float(teacher_model.problem.evaluate(solution.answer).value)


def test_the_structured_machine_says_what_it_cannot_take(random_problem, digits_problem):
    solver = IsingStructured()
    assert "biases" in solver.accepts(direct_model(digits_problem()))
    assert "tie" in solver.accepts(direct_model(random_problem(3, 4, (3,))))
    assert "hidden layer" in solver.accepts(direct_model(random_problem(3, 3, (3, 3))))


def test_a_missing_gpu_is_named():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    for solver in (IsingTorch(device="cuda"), IsingStructured(device="cuda")):
        assert "CUDA" in solver.available()


@pytest.mark.parametrize(
    "params", [{"mode": "hot"}, {"device": "tpu"}, {"method": "csr"}, {"replicas": 0}]
)
def test_parameters_are_checked(params):
    with pytest.raises(ProblemError):
        IsingTorch(**params)
