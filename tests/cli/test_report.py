"""``bnnbench report``."""

from __future__ import annotations

import sys

import pytest

from bnnbench.report import vega
from bnnbench.store import Store


def test_tables_and_a_page(bnnbench, store_file):
    found = bnnbench("report", store_file)
    assert found.code == 0
    assert "xor; 2; integer[P=1]; errors" in found.out
    assert "objective      coin" in found.out
    assert "By objective: " in found.out
    assert "crash x1" in found.out
    page = store_file.with_suffix(".html")
    assert f"{page}: " in found.out
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert 'src="http' not in text
    assert 'href="http' not in text


def test_where_files_go(bnnbench, store_file, tmp_path):
    found = bnnbench("report", store_file, "--html", "deep/page.html", "--figures", "figures", "-q")
    assert found.code == 0
    assert "xor" not in found.out
    assert (tmp_path / "deep" / "page.html").is_file()
    assert list((tmp_path / "figures").glob("*.svg"))
    assert not store_file.with_suffix(".html").exists()


def test_tables_only(bnnbench, store_file):
    assert bnnbench("report", store_file, "--no-html").code == 0
    assert not store_file.with_suffix(".html").exists()
    assert bnnbench("report", store_file, "--no-html", "--html", "x.html").code == 2


def test_one_suite(bnnbench, store_file):
    assert bnnbench("report", store_file, "--suite", "toss").code == 0
    found = bnnbench("report", store_file, "--suite", "tosss")
    assert found.code == 2
    assert "has no records of suite 'tosss'. Did you mean 'toss'?" in found.err


def test_an_empty_store(bnnbench, tmp_path):
    Store(tmp_path / "empty.bnnbench").close()
    found = bnnbench("report", "empty.bnnbench")
    assert found.code == 0
    assert "holds no records" in found.out
    assert (tmp_path / "empty.html").is_file()


def test_no_store(bnnbench):
    assert bnnbench("report", "nowhere.bnnbench").code == 3


@pytest.mark.parametrize("missing", ["altair", "vl_convert"])
def test_a_missing_library_is_named(bnnbench, store_file, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    vega._library.cache_clear()
    found = bnnbench("report", store_file)
    assert found.code == 3
    assert "pip install 'bnnbench[report]'" in found.err
    assert bnnbench("report", store_file, "--no-html").code == 0
    vega._library.cache_clear()
