"""QUBOs as files, by suffix: ``.coo`` text, ``.bqm`` of dimod, ``.json`` with the role table.

============  ==============================================  ===================================
suffix        content                                         read by
============  ==============================================  ===================================
``.coo``      a line ``i j value`` per term, ``i i value``    dimod.serialization.coo (without the
              linear; the offset in a comment                 offset), most annealers' tools
``.bqm``      dimod's binary file                             dimod, D-Wave's hybrid services
``.json``     all arrays of :class:`bnnbench.models.Qubo`     anything; roles tell which variable
                                                              is a weight
============  ==============================================  ===================================

Numbers are written with all their digits, so that reading gives back the same ones. ``complete``, a
function, is not written. dimod's file keeps couplings in an order of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.models import Qubo
from bnnbench_qubo.sampling import to_bqm

FORMAT = "bnnbench-qubo"
VERSION = 1


def save(qubo: Qubo, path: Path | str) -> None:
    """Write a QUBO in the format of the path's suffix.

    Raises:
        ProblemError: for another suffix.
    """
    path = Path(path)
    if path.suffix == ".coo":
        path.write_text(_coo(qubo), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(_document(qubo)), encoding="utf-8")
    elif path.suffix == ".bqm":
        with to_bqm(qubo).to_file() as source:
            path.write_bytes(source.read())
    else:
        raise ProblemError(f"{path.name}: a QUBO file ends in .coo, .bqm or .json.")


def load(path: Path | str) -> Qubo:
    """Read a QUBO file.

    Raises:
        ProblemError: when it is none, or of another version.
    """
    path = Path(path)
    try:
        if path.suffix == ".coo":
            return _from_coo(path.read_text(encoding="utf-8"))
        if path.suffix == ".json":
            return _from_document(json.loads(path.read_text(encoding="utf-8")))
        if path.suffix == ".bqm":
            return _from_bqm(path)
    except (ValueError, KeyError, IndexError) as error:
        raise ProblemError(f"{path.name} is no QUBO file: {error}") from error
    raise ProblemError(f"{path.name}: a QUBO file ends in .coo, .bqm or .json.")


def _coo(qubo: Qubo) -> str:
    lines = ["# vartype=BINARY", f"# n={qubo.n}", f"# offset={qubo.offset!r}"]
    lines += [f"{i} {i} {v!r}" for i, v in enumerate(qubo.linear.tolist()) if v]
    terms = zip(qubo.rows.tolist(), qubo.cols.tolist(), qubo.values.tolist(), strict=True)
    lines += [f"{i} {j} {v!r}" for i, j, v in terms]
    return "\n".join(lines) + "\n"


def _from_coo(text: str) -> Qubo:
    known: dict[str, str] = {}
    rows: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            known[key.strip()] = value.strip()
        elif line.strip():
            rows.append(line.split())
    if known.get("vartype", "BINARY") != "BINARY":
        raise ValueError(f"vartype {known['vartype']}, expected BINARY")
    first = np.array([int(r[0]) for r in rows], dtype=np.int64)
    second = np.array([int(r[1]) for r in rows], dtype=np.int64)
    values = np.array([float(r[2]) for r in rows])
    largest = max(first.max(initial=-1), second.max(initial=-1))
    n = int(known.get("n", largest + 1))
    offset = float(known.get("offset", 0.0))
    return Qubo.from_terms(n, np.zeros(n), first, second, values, offset=offset)


def _document(qubo: Qubo) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "linear": qubo.linear.tolist(),
        "rows": qubo.rows.tolist(),
        "cols": qubo.cols.tolist(),
        "values": qubo.values.tolist(),
        "offset": qubo.offset,
        "roles": {name: np.asarray(index).tolist() for name, index in qubo.roles.items()},
    }


def _from_document(document: dict[str, Any]) -> Qubo:
    if document.get("format") != FORMAT or document.get("version") != VERSION:
        raise ValueError(f"expected format {FORMAT}, version {VERSION}")
    return Qubo(
        linear=np.array(document["linear"], dtype=np.float64),
        rows=np.array(document["rows"], dtype=np.int64),
        cols=np.array(document["cols"], dtype=np.int64),
        values=np.array(document["values"], dtype=np.float64),
        offset=float(document["offset"]),
        roles={k: np.array(v, dtype=np.int64) for k, v in document["roles"].items()},
    )


def _from_bqm(path: Path) -> Qubo:
    import dimod

    with path.open("rb") as source:
        bqm = dimod.BinaryQuadraticModel.from_file(source).change_vartype("BINARY", inplace=False)
    if set(bqm.variables) != set(range(bqm.num_variables)):
        raise ValueError("variables are not numbered from 0")
    vectors = bqm.to_numpy_vectors(variable_order=range(bqm.num_variables))
    first, second, values = vectors.quadratic
    return Qubo.from_terms(
        bqm.num_variables,
        np.asarray(vectors.linear_biases, dtype=np.float64),
        first.astype(np.int64),
        second.astype(np.int64),
        values,
        offset=float(bqm.offset),
    )
