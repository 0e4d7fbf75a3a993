"""Sets in archives: CIFAR in both forms, California housing, OpenML."""

import io
import json
import tarfile
from importlib import resources
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from bnnbench_datasets import california, cifar, cifar_jpeg
from bnnbench_datasets.openml import fetch, openml
from bnnbench_datasets.records import RECORDS

from bnnbench.data import make_dataset
from bnnbench.errors import DataError
from bnnbench.registry import Registry
from bnnbench.table import Table


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BNNBENCH_CACHE", str(tmp_path / "cache"))


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def stands_for(monkeypatch):
    """Lets a path stand for a record's checked file."""

    def put(module, path: Path) -> None:
        monkeypatch.setattr(module, "find", lambda record, index=0: path)
        monkeypatch.setattr("bnnbench_datasets.decoded.find", lambda record, index=0: path)

    return put


def test_cifar10_batches(tmp_path, stands_for):
    batch = {name: bytes([k]) + bytes([7]) * 3072 for k, name in enumerate(cifar.MEMBERS)}
    path = archive(tmp_path / "good.tar.gz", {"../escape.bin": b"x", **batch})
    stands_for(cifar, path)
    t = Table.of(cifar.cifar10())
    assert t.y.tolist() == [0, 1, 2, 3, 4, 5]
    assert t.part.tolist() == [0, 0, 0, 0, 0, 2]
    assert t.X.shape == (6, 3072)
    assert not (tmp_path.parent / "escape.bin").exists()
    assert Table.of(cifar.cifar10()).y.tolist() == t.y.tolist()


def test_cifar100_has_two_kinds_of_labels(tmp_path, stands_for):
    pixels = bytes(range(256)) * 12
    names = "\n".join(f"class_{k}" for k in range(100))
    supers = "\n".join(f"super_{k}" for k in range(20))
    members = {
        "cifar-100-binary/train.bin": bytes([3, 97]) + pixels + bytes([19, 0]) + pixels,
        "cifar-100-binary/test.bin": bytes([4, 98]) + pixels,
        "cifar-100-binary/fine_label_names.txt": names.encode(),
        "cifar-100-binary/coarse_label_names.txt": supers.encode(),
    }
    stands_for(cifar, archive(tmp_path / "good.tar.gz", members))
    fine, coarse = cifar.cifar100(), cifar.cifar100(labels="coarse")
    assert (fine.sizes, fine.n_classes, fine.y.tolist()) == ((2, 0, 1), 100, [97, 0, 98])
    assert (coarse.n_classes, coarse.y.tolist()) == (20, [3, 19, 4])
    assert fine.classes[97] == "class_97"
    assert fine.X[0].tolist() == list(pixels)
    members["cifar-100-binary/test.bin"] = bytes([4, 100]) + pixels
    stands_for(cifar, archive(tmp_path / "bad.tar.gz", members))
    with pytest.raises(DataError, match=r"cifar100, record 3: label 100, expected 0\.\.99"):
        cifar._cifar100("fine")


def test_cifar_members_are_checked(tmp_path, stands_for):
    batch = {name: bytes(3073) for name in cifar.MEMBERS}
    short = {**batch, cifar.MEMBERS[2]: b"abc"}
    for members, match in (
        (short, r"data_batch_3.bin has 3 bytes"),
        (dict(list(batch.items())[:5]), r"test_batch.bin is missing"),
    ):
        stands_for(cifar, archive(tmp_path / "bad.tar.gz", members))
        with pytest.raises(DataError, match=match):
            cifar.cifar10()


def jpeg(value: int, size: int = 32) -> bytes:
    image = pytest.importorskip("PIL.Image").new("RGB", (size, size), (value, 0, 255 - value))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95)
    return out.getvalue()


def test_jpeg_images_are_ordered_by_class_and_number(tmp_path):
    members = {
        "train/truck/0000.jpg": jpeg(200),
        "train/airplane/0001.jpg": jpeg(100),
        "train/airplane/0000.jpg": jpeg(50),
    }
    path = archive(tmp_path / "train.tar.gz", members)
    X, y = cifar_jpeg.read_images(path, "train")
    assert y.tolist() == [0, 0, 9]
    assert np.abs(X[:, 0].astype(int) - [50, 100, 200]).max() <= 3
    assert (X[:, 1024:2048] < 8).all()
    with pytest.raises(DataError, match="unexpected member"):
        cifar_jpeg.read_images(path, "test")
    for name, content in (
        ("train/cat/0000.jpg", b"no image"),
        ("train/cat/0000.jpg", jpeg(9, size=31)),
        ("train/cow/0000.jpg", jpeg(9)),
        ("train/cat/../../0000.jpg", jpeg(9)),
    ):
        bad = archive(tmp_path / "bad.tar.gz", {name: content})
        with pytest.raises(DataError, match=r"no JPEG|shape|unexpected member"):
            cifar_jpeg.read_images(bad, "train")


def test_jpeg_without_pillow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(DataError, match=r"pip install 'bnnbench-datasets\[images\]'"):
        cifar_jpeg.cifar10_jpeg()


def test_cifar10_jpeg(raw):
    pytest.importorskip("PIL")
    t = raw("cifar10-jpeg")
    assert (t.X.shape, t.X.dtype) == ((60000, 3072), np.uint8)
    assert np.bincount(t.y[t.train]).tolist() == [5000] * 10
    assert np.bincount(t.y[~t.train]).tolist() == [1000] * 10
    assert "Pillow" in t.notes["decoder"]


def housing(path: Path, rows: list[str]) -> Path:
    return archive(path, {california.MEMBER: "\n".join(rows).encode()})


def test_california_is_cut_at_the_median(tmp_path, stands_for):
    rows = [
        "-122.230000,37.880000,41.000000,880.000000,129.000000,322.000000,126.000000,8.325200,9.0",
        "-122.220000,37.860000,21.000000,7099.000000,1106.000000,2401.000000,1138.000000,8.3014,5",
        "-122.240000,37.850000,52.000000,1467.000000,190.000000,496.000000,177.000000,7.257400,7",
    ]
    stands_for(california, housing(tmp_path / "a.tgz", rows))
    t = california.california()
    assert t.y.tolist() == [1, 0, 0]
    assert t.X[0, :3].tolist() == [8.3252, 41.0, 880 / 126]
    assert t.X[0, 6:].tolist() == [37.88, -122.23]
    assert t.X.shape == (3, len(california.FEATURES))
    for bad in ("1,2,3", "1,2,3,4,5,6,0,8,9", "x,2,3,4,5,6,7,8,9", "1,2,3,4,5,6,7,8,nan"):
        with pytest.raises(DataError, match=r"cal_housing\.data"):
            california.read_numbers(housing(tmp_path / "b.tgz", [bad] * 2))
    with pytest.raises(DataError, match="missing or too large"):
        california.read_numbers(archive(tmp_path / "c.tgz", {"other": b"1"}))


def test_california_as_fetched(raw):
    t = raw("california")
    assert t.X.shape == (20640, 8)


class Reply(io.BytesIO):
    def info(self) -> dict[str, str]:
        return {"Content-Encoding": "gzip"}


@pytest.fixture
def openml_org(monkeypatch):
    """scikit-learn's own stored answers of openml.org; the addresses that were asked for."""
    asked: list[str] = []
    kinds = {"data": "api-v1-jd-", "features": "api-v1-jdf-", "qualities": "api-v1-jdq-"}

    def answer(request, *args, **kwargs):
        url = request.get_full_url()
        asked.append(url)
        parts = url.split("/")
        number = asked[0].split("/")[-1]
        folder = resources.files("sklearn.datasets.tests.data.openml") / f"id_{number}"
        if "download" in parts:
            (name,) = [f.name for f in folder.iterdir() if f.name.endswith(".arff.gz")]
        else:
            name = f"{kinds[parts[-2]]}{number}.json.gz"
        if not (folder / name).is_file():
            raise URLError("not stored")
        return Reply((folder / name).read_bytes())

    pytest.importorskip("sklearn.datasets.tests.data.openml")
    monkeypatch.setattr("sklearn.datasets._openml.urlopen", answer)
    return asked


def test_openml_is_fetched_once_and_then_read_without_a_connection(openml_org, tmp_path):
    with pytest.raises(DataError, match="bnnbench data fetch openml:61"):
        openml(id=61)
    assert openml_org == []
    (path,) = fetch(id=61)
    assert path == tmp_path / "cache" / "openml" / "61" / "data.csv"
    count = len(openml_org)
    assert count >= 3
    fetch(id=61)
    data = make_dataset(Registry.load(), "openml:61 | fixed[decimals=1]")
    assert len(openml_org) == count
    assert data.X.shape == (150, 4)
    assert data.classes == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
    assert data.features[0] == "sepallength"
    assert data.X[0].tolist() == [51, 35, 14, 2]
    assert (len(data.notes["sha256"]), len(data.notes["arff_sha256"])) == (64, 64)
    assert data.notes["name"] == "iris"
    same = make_dataset(Registry.load(), "openml[id=61] | fixed[decimals=1]")
    assert same.digest == data.digest


def test_openml_nominal_and_missing_values(openml_org):
    fetch(id=2)
    with pytest.raises(DataError, match="is missing"):
        openml(id=2)
    t = openml(id=2, missing="level")
    assert "family=?" in t.features
    assert set(np.unique(t.X[:, t.features.index("family=?")])) <= {0.0, 1.0}
    assert len(t.y) == 11


def test_openml_offline_and_damaged(openml_org, tmp_path, monkeypatch):
    monkeypatch.setenv("BNNBENCH_OFFLINE", "1")
    with pytest.raises(DataError, match="BNNBENCH_OFFLINE"):
        fetch(id=61)
    assert openml_org == []
    monkeypatch.delenv("BNNBENCH_OFFLINE")
    (path,) = fetch(id=61)
    meta = json.loads((path.parent / "meta.json").read_text())
    path.write_bytes(path.read_bytes().replace(b"5.1", b"5.2"))
    with pytest.raises(DataError, match=f"expected {meta['sha256']}"):
        openml(id=61)


def test_openml_number_that_does_not_exist(openml_org, tmp_path, monkeypatch):
    monkeypatch.setattr("sklearn.datasets._openml.time.sleep", lambda seconds: None)
    with pytest.warns(UserWarning, match="network error"), pytest.raises(DataError, match="99999"):
        fetch(id=99999)
    assert not (tmp_path / "cache" / "openml" / "99999").exists()


def test_openml_sets_that_are_no_classification(openml_org):
    with pytest.raises(DataError, match="STRING attributes"):
        fetch(id=40945)


def test_hashes_of_what_can_be_fetched_are_known():
    for name in ("cifar10", "cifar100", "california"):
        for file in RECORDS[name].files:
            assert file.url.startswith("https://")
            assert file.sha256 or file.md5
