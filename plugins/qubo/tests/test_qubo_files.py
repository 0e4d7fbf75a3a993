from __future__ import annotations

import numpy as np
import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo
from bnnbench_qubo.files import load, save

from bnnbench.errors import ProblemError


def terms(qubo):
    order = np.lexsort((qubo.cols, qubo.rows))
    return qubo.rows[order], qubo.cols[order], qubo.values[order]


@pytest.mark.parametrize("suffix", [".coo", ".bqm", ".json"])
def test_a_qubo_survives_its_file(teacher_problem, tmp_path, suffix):
    qubo = BnnQubo(penalty=0.15, margin=0.3).build(teacher_problem(N=8)).data
    path = tmp_path / f"model{suffix}"
    save(qubo, path)
    back = load(path)
    assert np.array_equal(back.linear, qubo.linear)
    assert back.offset == qubo.offset
    assert all(np.array_equal(a, b) for a, b in zip(terms(back), terms(qubo), strict=True))


def test_the_role_table_is_kept_by_json(teacher_model, tmp_path):
    save(teacher_model.data, tmp_path / "m.json")
    roles = load(tmp_path / "m.json").roles
    assert {k: v.tolist() for k, v in roles.items()} == {
        k: v.tolist() for k, v in teacher_model.data.roles.items()
    }


def test_dimod_reads_the_coo_file(teacher_model, tmp_path):
    import dimod.serialization.coo as coo

    qubo = teacher_model.data
    save(qubo, tmp_path / "m.coo")
    bqm = coo.loads((tmp_path / "m.coo").read_text())
    states = np.random.default_rng(0).integers(0, 2, (4, qubo.n))
    labelled = (states, range(qubo.n))
    assert np.allclose(bqm.energies(labelled) + qubo.offset, qubo.energy(states))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "{}"),
        ("a.json", "no json"),
        ("a.coo", "0 zero 1"),
        ("a.coo", "# vartype=SPIN\n0 1 1.0"),
        ("a.bqm", "no model"),
        ("a.txt", ""),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(ProblemError, match=name):
        load(tmp_path / name)


def test_an_unknown_suffix_is_refused(teacher_model, tmp_path):
    with pytest.raises(ProblemError, match=r"\.coo, \.bqm or \.json"):
        save(teacher_model.data, tmp_path / "m.mps")
