from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnbench import netfile
from bnnbench.architecture import Architecture
from bnnbench.errors import NetworkError
from bnnbench.network import Layer, Network


def small():
    arch = Architecture(2, (2,), 1)
    return Network(arch, (Layer(np.array([[1, -1], [0, 300]]), np.array([5, 2**40]), 10, 100),
                          Layer(np.array([[1], [-1]]), np.array([0]))))  # fmt: skip


@given(st.data())
def test_round_trip(draws, data):
    network = data.draw(draws.network_of(data.draw(draws.problems())))
    back = netfile.from_bytes(netfile.to_bytes(network))
    assert back.digest == network.digest
    assert back.architecture.text == network.architecture.text
    for c, d in zip(network.architecture.connections, back.architecture.connections, strict=True):
        assert (c.source, c.target) == (d.source, d.target)
        assert (c.mask is None) == (d.mask is None)
        assert c.mask is None or (c.mask == d.mask).all()


def test_files(tmp_path):
    path = tmp_path / "a.net"
    netfile.save(small(), path)
    assert netfile.load(path).digest == small().digest


@pytest.mark.parametrize("size", [127, 128, 2**15, 2**31, 2**62])
def test_weights_of_every_size(size):
    arch = Architecture(1, (), 2)
    network = Network(arch, (Layer(np.array([[size, -size]]), np.array([0, 1 - size])),))
    assert netfile.from_bytes(netfile.to_bytes(network)).digest == network.digest


def test_small_weights_take_a_byte():
    arch = Architecture(1000, (), 1)
    network = Network(arch, (Layer(np.ones((1000, 1), int), np.array([0])),))
    assert len(netfile.to_bytes(network)) < 1300


def test_every_truncation_is_noticed():
    content = netfile.to_bytes(small())
    for end in range(len(content)):
        with pytest.raises(NetworkError, match="here is corrupt or truncated"):
            netfile.from_bytes(content[:end], "here")
    with pytest.raises(NetworkError, match="corrupt"):
        netfile.from_bytes(content + b"\x00")


@settings(max_examples=400)
@given(st.data())
def test_corrupt_bytes_are_refused_or_still_a_network(data):
    """Nothing else than a NetworkError comes out, whatever bytes go in."""
    content = bytearray(netfile.to_bytes(small()))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        network = netfile.from_bytes(bytes(content))
    except NetworkError:
        return
    assert network.architecture.inputs >= 1


@given(st.binary(max_size=60))
def test_any_bytes(content):
    with pytest.raises(NetworkError):
        netfile.from_bytes(content)


def test_bytes_nested_without_end():
    with pytest.raises(NetworkError, match="corrupt"):
        netfile.from_bytes(b"\x81\xa1a" + b"\x91" * 100_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a bnnbench network file"),
        ({"version": 2}, "has version 2, this bnnbench reads 1"),
        ({"hidden": [0]}, "corrupt"),
        ({"hidden": [2, 2]}, "needs 3 layers"),
        ({"activation": "tanh"}, "corrupt"),
        ({"inputs": "two"}, "corrupt"),
        ({"layers": []}, "needs 2 layers"),
    ],
)
def test_fields_that_make_no_sense(change, message):
    head = msgspec.msgpack.decode(netfile.to_bytes(small()))
    with pytest.raises(NetworkError, match=message):
        netfile.from_bytes(msgspec.msgpack.encode(head | change))


def test_a_number_type_that_is_not_in_the_format():
    head = msgspec.msgpack.decode(netfile.to_bytes(small()))
    head["layers"][0]["weights"]["dtype"] = "O"
    with pytest.raises(NetworkError, match="unexpected number type 'O'"):
        netfile.from_bytes(msgspec.msgpack.encode(head))


def test_a_missing_file(tmp_path):
    with pytest.raises(NetworkError, match=r"Cannot read network file .*none\.net: No such file"):
        netfile.load(tmp_path / "none.net")
