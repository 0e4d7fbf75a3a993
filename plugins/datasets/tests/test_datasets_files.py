import gzip
import hashlib
import http.server
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bnnbench_datasets import adult, files, heart, wisconsin
from bnnbench_datasets.delimited import labels, numbers, read_fields
from bnnbench_datasets.download import fetch
from bnnbench_datasets.idx import read_idx
from bnnbench_datasets.records import RECORDS

from bnnbench.errors import DataError

CONTENT = struct.pack(">IIII", 2051, 2, 3, 3) + bytes(range(18))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def record(packed: bytes, **more) -> files.Record:
    file = files.RawFile("toy/toy.gz", len(packed), sha(packed), content=sha(CONTENT), **more)
    return files.Record("toy", (file,), "nobody", "none", "Write it yourself.", "nothing")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Puts bytes where the toy set is looked for, in a search path with an empty cache."""
    monkeypatch.setenv("BNNBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BNNBENCH_CACHE", str(tmp_path / "cache"))

    def put(content: bytes, directory: str = "data") -> Path:
        path = tmp_path / directory / "toy" / "toy.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return put


PACKED = gzip.compress(CONTENT, 9, mtime=0)
TOY = record(PACKED)


def test_data_directories_come_before_the_cache(place):
    cached = place(PACKED, "cache")
    assert files.find(TOY) == cached
    given = place(PACKED)
    assert files.find(TOY) == given
    assert files.read(TOY) == CONTENT


def test_another_compression_of_the_same_content_is_accepted(place):
    other = gzip.compress(CONTENT, 1, mtime=99)
    assert other != PACKED
    place(other)
    assert files.read(TOY) == CONTENT


def test_missing_file_says_where_and_how(place, tmp_path):
    with pytest.raises(DataError) as error:
        files.read(TOY)
    for text in ("toy/toy.gz", str(tmp_path / "data"), sha(PACKED), "Write it yourself.", "nobody"):
        assert text in str(error.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (PACKED[:-9], "cannot be decompressed"),
        (gzip.compress(CONTENT[:-1] + b"x", mtime=0), "found sha256"),
        (PACKED[:30] + bytes([PACKED[30] ^ 1]) + PACKED[31:], "found sha256"),
        (b"", "0 bytes"),
    ],
    ids=["cut", "other", "flipped", "empty"],
)
def test_damaged_files_are_refused_and_kept(place, content, match):
    path = place(content)
    with pytest.raises(DataError, match=match) as error:
        files.read(TOY)
    assert f"expected sha256 {sha(PACKED)}" in str(error.value)
    assert path.read_bytes() == content


def test_a_check_is_repeated_when_the_file_changes(place):
    place(PACKED)
    files.find(TOY)
    place(PACKED + b"more")
    with pytest.raises(DataError, match="not the expected file"):
        files.find(TOY)


def test_md5_is_tested_when_no_sha256_is_known(place):
    place(PACKED)
    md5 = hashlib.md5(PACKED).hexdigest()
    bare = replace(TOY, files=(files.RawFile("toy/toy.gz", md5=md5),))
    assert files.read(bare) == CONTENT
    wrong = replace(TOY, files=(files.RawFile("toy/toy.gz", md5="0" * 32),))
    with pytest.raises(DataError, match=f"found md5 {md5}"):
        files.read(wrong)


@pytest.fixture
def server():
    """Serves PACKED under any name but /gone, on this machine only."""
    hits = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            time.sleep(0.5 if self.path == "/slow" else 0)
            self.send_response(404 if self.path == "/gone" else 200)
            self.end_headers()
            self.wfile.write(PACKED)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}", hits
        served.shutdown()
        thread.join()


def test_loading_never_downloads_but_fetch_does(place, server, tmp_path):
    url, hits = server
    toy = record(PACKED, url=f"{url}/toy")
    with pytest.raises(DataError, match="bnnbench data fetch toy"):
        files.find(toy)
    assert hits == []
    assert fetch(toy) == [tmp_path / "cache" / "toy" / "toy.gz"]
    assert files.read(toy) == CONTENT
    fetch(toy)
    assert hits == ["/toy"]


def test_offline_opens_no_connection(place, server, monkeypatch):
    url, hits = server
    monkeypatch.setenv("BNNBENCH_OFFLINE", "1")
    with pytest.raises(DataError, match="BNNBENCH_OFFLINE"):
        fetch(record(PACKED, url=f"{url}/toy"))
    assert hits == []
    place(PACKED)
    assert len(fetch(TOY)) == 1


def test_wrong_download_leaves_nothing_behind(place, server, tmp_path):
    url, _ = server
    wrong = files.RawFile("toy/toy.gz", 3, sha(b"abc"), url=f"{url}/toy")
    with pytest.raises(DataError, match="not the expected file"):
        fetch(replace(TOY, files=(wrong,)))
    assert list((tmp_path / "cache" / "toy").iterdir()) == []
    with pytest.raises(DataError, match="cannot be read"):
        fetch(record(PACKED, url=f"{url}/gone"))


def test_fetching_twice_at_once(place, server, tmp_path):
    url, _ = server
    toy = record(PACKED, url=f"{url}/toy")
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(toy)[0], range(4)))
    assert {p.read_bytes() for p in paths} == {PACKED}
    assert [p.name for p in (tmp_path / "cache" / "toy").iterdir()] == ["toy.gz"]


FETCH = """
import sys
from bnnbench_datasets import files
from bnnbench_datasets.download import fetch

size, digest, url = sys.argv[1:]
file = files.RawFile("toy/toy.gz", int(size), digest, url=url)
print(fetch(files.Record("toy", (file,), "nobody", "none", "Write it.", "nothing"))[0])
"""


def test_two_processes_fetch_once(place, server, tmp_path):
    url, hits = server
    command = [sys.executable, "-c", FETCH, str(len(PACKED)), sha(PACKED), f"{url}/slow"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    paths = {p.communicate(timeout=60)[0].strip() for p in both}
    assert paths == {str(tmp_path / "cache" / "toy" / "toy.gz")}
    assert [p.returncode for p in both] == [0, 0]
    assert hits == ["/slow"]


def test_unwritable_cache(place, server, tmp_path, monkeypatch):
    url, _ = server
    (tmp_path / "occupied").write_text("not a directory")
    monkeypatch.setenv("BNNBENCH_CACHE", str(tmp_path / "occupied"))
    with pytest.raises(DataError, match="BNNBENCH_CACHE"):
        fetch(record(PACKED, url=f"{url}/toy"))


def test_set_without_download(place):
    with pytest.raises(DataError, match="there is no download"):
        fetch(RECORDS["heart"])


def test_records_are_complete():
    for name, entry in RECORDS.items():
        assert entry.name == name
        assert entry.licence
        assert entry.citation
        for file in entry.files:
            assert len(file.sha256) == 64 or len(file.md5) == 32
            assert len(file.content) in (0, 64)
            assert not file.path.startswith("/")


def test_idx():
    assert read_idx(CONTENT, "toy", 3).tolist() == np.arange(18).reshape(2, 3, 3).tolist()
    with pytest.raises(DataError, match="magic number 2051, expected 2049"):
        read_idx(CONTENT, "toy", 1)
    with pytest.raises(DataError, match="33 bytes, but sizes"):
        read_idx(CONTENT[:-1], "toy", 3)
    with pytest.raises(DataError, match="magic number None"):
        read_idx(b"", "toy", 3)


def test_ragged_rows_and_bad_fields_are_named():
    assert read_fields("1, 2\r\n\r\n3, 4\r\n", "f", ",", 2) == [["1", "2"], ["3", "4"]]
    with pytest.raises(DataError, match="f, line 2: 1 fields, expected 2"):
        read_fields("1,2\n3\n", "f", ",", 2)
    with pytest.raises(DataError, match="no rows"):
        read_fields("\n", "f", ",", 2)
    for bad in ("x", "nan", "inf", "", "1.5"):
        with pytest.raises(DataError, match=f"f, row 2, column 1: '{bad}', expected a whole"):
            numbers([["1", "2"], [bad, "3"]], "f")
    assert numbers([["0.1", "-2.3"]], "f", scale=10).tolist() == [[1, -23]]
    with pytest.raises(DataError, match=r"row 3: label '10', expected one of 0, 1"):
        labels(["0", "1", "10"], ["0", "1"], "f")


LINE = (
    "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White,"
    " Male, 2174, 0, 40, United-States, {}\n"
)


@pytest.mark.parametrize("comment", ["", "|1x3 Cross validator\n"])
def test_adult_test_file_with_and_without_comment(tmp_path, monkeypatch, comment):
    parts = [LINE.format("<=50K") + LINE.format(">50K") + "\n"] * 2
    parts[1] = comment + parts[1].replace("50K", "50K.")
    monkeypatch.setattr(adult, "read_text", lambda record, index: parts[index])
    t = adult.adult()
    assert t.y.tolist() == [0, 1, 0, 1]
    assert t.part.tolist() == [0, 0, 2, 2]
    assert t.X.shape == (4, 14)
    parts[1] = parts[1].replace(">50K.", "50K.")
    with pytest.raises(DataError, match=r"adult.test, row 2: label '50K'"):
        adult.adult()


def test_cleveland_and_its_missing_values(monkeypatch):
    text = (
        "63.0,1.0,1.0,145.0,233.0,1.0,2.0,150.0,0.0,2.3,3.0,0.0,6.0,0\n"
        "53.0,0.0,3.0,128.0,216.0,0.0,2.0,115.0,0.0,0.0,1.0,0.0,?,4\n"
    )
    monkeypatch.setattr(heart, "read_text", lambda record: text)
    t = heart.cleveland(missing="level")
    assert t.y.tolist() == [0, 1]
    assert t.X[0].tolist() == [630, 10, 10, 1450, 2330, 10, 20, 1500, 0, 23, 30, 0, 60]
    assert t.X[1, 12] == -10
    assert heart.cleveland().source_rows.tolist() == [0]


def test_bcw_original_drops_rows_without_bare_nuclei(monkeypatch):
    text = "1000025,5,1,1,1,2,1,3,1,1,2\n1057013,8,4,5,1,2,?,7,3,1,4\n1,8,4,5,1,2,9,7,3,1,4\n"
    monkeypatch.setattr(wisconsin, "read_text", lambda record: text)
    t = wisconsin.bcw_original()
    assert (t.y.tolist(), t.source_rows.tolist()) == ([0, 1], [0, 2])
    assert t.X.tolist() == [[5, 1, 1, 1, 2, 1, 3, 1, 1], [8, 4, 5, 1, 2, 9, 7, 3, 1]]
