"""Loading once: the decoded form in the cache, and one read per run of a suite."""

import gzip
import hashlib
import mmap
import os
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from bnnbench_datasets import files, memory, mnist
from bnnbench_datasets.decoded import decoded

from bnnbench.dataset import Dataset
from bnnbench.errors import DataError
from bnnbench.registry import Registry
from bnnbench.runner import Runner
from bnnbench.store import Store
from bnnbench.suite import Suite, expand
from bnnbench.suite.schema import LimitsTable, MethodTable, ProblemTable, SuiteFile

SIZES = (30, 12)


def idx_files() -> dict[str, bytes]:
    """Four small files in MNIST's format."""
    rng = np.random.default_rng(0)
    found = {}
    for name, n in zip(("train", "t10k"), SIZES, strict=True):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        head = struct.pack(">IIII", 2051, n, 28, 28)
        found[f"{name}-images-idx3-ubyte.gz"] = gzip.compress(head + images.tobytes())
        found[f"{name}-labels-idx1-ubyte.gz"] = gzip.compress(
            struct.pack(">II", 2049, n) + labels.tobytes()
        )
    return found


@pytest.fixture
def small(tmp_path, monkeypatch) -> files.Record:
    """A set like MNIST in a data directory, with an empty cache."""
    monkeypatch.setenv("BNNBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BNNBENCH_CACHE", str(tmp_path / "cache"))
    raw = []
    for name, content in idx_files().items():
        path = tmp_path / "data" / "small" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        raw.append(files.RawFile(f"small/{name}", len(content), digest))
    return files.Record("small", tuple(raw), "nobody", "none", "Write it.", "nothing")


class Counted:
    def __init__(self, record: files.Record) -> None:
        self.record, self.calls = record, 0

    def load(self) -> Dataset:
        return decoded(self.record, self.decode)

    def decode(self):
        self.calls += 1
        return mnist._decode(self.record, tuple("0123456789"))


def test_the_second_load_maps_what_the_first_decoded(small):
    counted = Counted(small)
    first, second = counted.load(), counted.load()
    assert counted.calls == 1
    assert second.digest == first.digest
    assert np.array_equal(second.X, first.X)
    assert np.array_equal(second.group_counts, first.group_counts)
    assert (second.sizes, second.classes, second.features) == (
        (30, 0, 12),
        first.classes,
        first.features,
    )
    base = second.X
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, mmap.mmap)
    assert not second.X.flags.writeable
    bare = Dataset("again", np.array(second.X), second.y, second.sizes, 1, second.classes)
    assert bare.digest == second.digest


def test_what_was_cut_or_changed_is_decoded_anew(small, tmp_path):
    counted = Counted(small)
    whole = np.array(counted.load().X)
    (folder,) = (tmp_path / "cache" / "decoded").iterdir()
    for name, damage in (("X.npy", b"\x93NUMPY"), ("meta.json", b"{"), ("stamp.json", b"[]")):
        (folder / name).write_bytes(damage)
        assert np.array_equal(counted.load().X, whole)
    assert counted.calls == 4
    counted.load()
    assert counted.calls == 4


def test_a_corrupt_raw_file_is_refused_whatever_the_cache_holds(small, tmp_path):
    counted = Counted(small)
    counted.load()
    path = tmp_path / "data" / small.files[0].path
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="not the expected file"):
        counted.load()
    path.unlink()
    with pytest.raises(DataError, match="is missing"):
        counted.load()


def test_without_a_writable_cache_every_load_is_a_first_one(small, tmp_path, monkeypatch):
    (tmp_path / "occupied").write_text("not a directory")
    monkeypatch.setenv("BNNBENCH_CACHE", str(tmp_path / "occupied"))
    counted = Counted(small)
    assert counted.load().digest == counted.load().digest
    assert counted.calls == 2


def test_a_passed_check_is_remembered_for_the_very_same_file(tmp_path):
    cache, path = tmp_path / "cache", tmp_path / "raw"
    path.write_bytes(b"abc")
    memory.remember(cache, path, path.stat(), "hash")
    assert not memory.remembered(cache, path, path.stat(), "hash"), "too fresh to be sure"
    old = os.stat_result([*path.stat()[:9], time.time() - 60])
    memory.remember(cache, path, old, "hash")
    assert memory.remembered(cache, path, old, "hash")
    assert not memory.remembered(cache, path, old, "other hash")
    assert not memory.remembered(cache, tmp_path / "copy", old, "hash")
    longer = os.stat_result([*old[:6], old.st_size + 1, *old[7:]])
    assert not memory.remembered(cache, path, longer, "hash")


PLUGIN = '''
import mmap
from pathlib import Path

import numpy as np

from bnnbench.hookspecs import hookimpl
from bnnbench.interfaces import Solver
from bnnbench.solution import Solution
from bnnbench.table import Table


class Idle(Solver):
    """Answers nothing."""

    name, kind = "idle", "direct"

    def solve(self, model, limits, seed, report):
        base = model.problem.dataset.X
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(base, mmap.mmap)
        return Solution()


def once(*, path: str) -> Table:
    """Reads its file and removes it, so that nobody can read it twice."""
    values = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8)
    Path(path).unlink()
    with open(path + ".log", "a") as log:
        log.write("read")
    return Table(X=values.reshape(-1, 4), y=np.arange(len(values) // 4) % 2)


@hookimpl
def bnnbench_solvers():
    return [Idle]


@hookimpl
def bnnbench_datasets():
    return [once]
'''


def test_a_suite_reads_each_data_set_once(tmp_path: Path):
    plugin = tmp_path / "once.py"
    plugin.write_text(PLUGIN)
    paths = [tmp_path / "a.raw", tmp_path / "b.raw"]
    for k, path in enumerate(paths):
        path.write_bytes(np.random.default_rng(k).bytes(400))
    registry = Registry.load([plugin])
    file = SuiteFile(
        problem=[
            ProblemTable(
                data=[f'once[path="{p}"]' for p in paths], objective="errors", hidden=[[2], [3]]
            )
        ],
        method=[MethodTable(solver="idle")],
        seeds=list(range(6)),
        limits=LimitsTable(time=5),
    )
    suite = expand(file, registry, name="once")
    suite = Suite(suite.name, file, None, suite.cells, (plugin,))

    class Quiet:
        def __getattr__(self, name):
            return lambda *_: None

    with Store(tmp_path / "s.bnnbench") as store:
        records = Runner(suite, registry, store, Quiet(), jobs=2).run().records
    assert len(records) == 24
    assert {r.ending for r in records} == {"ok"}
    assert len({r.data for r in records}) == 2
    assert [Path(f"{p}.log").read_text() for p in paths] == ["read", "read"]
