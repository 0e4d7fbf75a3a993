r"""Compiled Metropolis sweeps over many replicas at once (qubo.md sections 4.2 and 6).

A replica is one column: arrays have shape (n, R) with replicas innermost, so that every loop below
runs over adjacent numbers and becomes SIMD code. Replicas share the model's rows and nothing else:
each has its own generator, and its trajectory does not depend on R or on its column.

A site's field is f_i = sum_j Q_ij x_j; a flip of x_i changes the energy by s_i (l_i + f_i) with
s = 1 - 2 x, and adds Q_ij s_i to the field of every neighbour j. Sites are visited in order and
every flip is seen by the next visit: exact sequential Metropolis, accepted if the change is <= 0 or
u < exp(-beta change). exp is 2^t by a polynomial of degree 5 on (-1, 0] (relative error 2e-7), u
has 24 bits and lies in (0, 1).

Cost of a sweep: O(n R) for the visits, O(flipped rows' degrees x R) for the fields.

Random numbers: xoroshiro64* (Blackman and Vigna 2021, 32-bit, period 2^64 - 1), one per replica.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

LANES = 16
"""Replicas per vector instruction; R is a multiple of it."""

Function = TypeVar("Function", bound=Callable[..., Any])
Array = npt.NDArray[Any]


# numba's annotations describe the decorated objects, not what they are called with.
_njit: Any = njit
_intrinsic: Callable[[Callable[..., Any]], Any] = intrinsic
_make_array: Any = make_array
FAST = {"contract", "nnan", "nsz"}


def _compiled(function: Function) -> Function:
    # numba's stamp of its cache is the date of this file alone, so all compiled code stays in it.
    return cast("Function", _njit(cache=True, nogil=True, fastmath=FAST)(function))


def _inlined(function: Function) -> Function:
    return cast("Function", _njit(forceinline=True, fastmath=FAST)(function))


@_intrinsic
def _as_float(typing_context: Any, bits: Any) -> Any:
    """The float32 with the bits of an int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@_intrinsic
def _add_strip(typing_context: Any, target: Any, value: Any, source: Any, at: Any) -> Any:
    """``target[at : at + LANES] += value * source[at : at + LANES]`` for contiguous vectors.

    As vector instructions: numba's arrays may overlap as far as LLVM knows, and checking that at
    every neighbour costs more than the addition.
    """
    element = target.dtype

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lane = context.get_value_type(element)
        vector = ir.VectorType(lane, LANES)

        def place(kind: Any, array: Any) -> Any:
            data = _make_array(kind)(context, builder, array).data
            return builder.bitcast(builder.gep(data, [arguments[3]]), vector.as_pointer())

        to, by = place(signature.args[0], arguments[0]), place(signature.args[2], arguments[2])
        one = builder.insert_element(
            ir.Constant(vector, ir.Undefined), arguments[1], ir.Constant(ir.IntType(32), 0)
        )
        shuffle = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        factor = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), shuffle)
        old, more = (builder.load(p, align=element.bitwidth // 8) for p in (to, by))
        if isinstance(element, types.Float):
            new = builder.fadd(
                old, builder.fmul(factor, more, flags=["contract"]), flags=["contract"]
            )
        else:
            new = builder.add(old, builder.mul(factor, more))
        builder.store(new, to, align=element.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(target, element, source, types.intp), generate


@_inlined
def _add(target: Array, value: Any, source: Array) -> None:
    """``target += value * source`` for rows whose length is a multiple of :data:`LANES`."""
    for at in range(0, len(target), LANES):
        _add_strip(target, value, source, at)


def _powers_of_two() -> list[np.float32]:
    """Coefficients of 2^t on [-1, 0]."""
    fit = np.polynomial.Chebyshev.interpolate(lambda t: 2.0**t, 5, domain=[-1, 0])
    return [np.float32(c) for c in fit.convert(kind=np.polynomial.Polynomial).coef]


C0, C1, C2, C3, C4, C5 = _powers_of_two()
ZERO, HALF, LOWEST, STEP = np.float32(0), np.float32(0.5), np.float32(-120), np.float32(2.0**-24)
MULTIPLIER = np.uint32(0x9E3779BB)


@_inlined
def _draw(first: Array, second: Array, r: int) -> Any:
    """The next 32 random bits of replica r."""
    a = first[r]
    b = np.uint32(second[r] ^ a)
    turned = np.uint32(np.uint32(a << np.uint32(26)) | np.uint32(a >> np.uint32(6)))
    first[r] = np.uint32(turned ^ b ^ np.uint32(b << np.uint32(9)))
    second[r] = np.uint32(np.uint32(b << np.uint32(13)) | np.uint32(b >> np.uint32(19)))
    return np.uint32(a * MULTIPLIER)


@_inlined
def _visit(
    spins: Array, fields: Array, bias: Any, scale: Any, first: Array, second: Array, flips: Array
) -> Any:
    """Offer one site of all replicas a flip; ``flips`` gets the old spin where accepted, else 0."""
    count = np.int32(0)
    for r in range(len(spins)):
        u = (np.float32(np.int32(_draw(first, second, r) >> np.uint32(8))) + HALF) * STEP
        t = np.float32(spins[r]) * (np.float32(fields[r]) + bias) * scale
        t = min(ZERO, max(t, LOWEST))
        whole = np.int32(t)
        g = t - np.float32(whole)
        mantissa = C0 + g * (C1 + g * (C2 + g * (C3 + g * (C4 + g * C5))))
        power = mantissa * _as_float(np.int32((whole + np.int32(127)) << np.int32(23)))
        accepted = (u < power) | (t >= ZERO)
        flip = spins[r] if accepted else spins.dtype.type(0)
        flips[r] = flip
        spins[r] -= flip + flip
        count = np.int32(count + np.int32(accepted))
    return count


@_compiled
def start(spins: Array, state: Array) -> None:
    """Random spins, shape (n, R), from generators of shape (2, R)."""
    one = spins.dtype.type(1)
    for i in range(spins.shape[0]):
        row = spins[i]
        for r in range(len(row)):
            row[r] = -one if _draw(state[0], state[1], r) >> np.uint32(31) else one


@_compiled
def set_fields(
    starts: Array, neighbours: Array, couplings: Array, spins: Array, fields: Array
) -> None:
    """Fields sum_j Q_ij x_j of all sites from scratch."""
    one = spins.dtype.type(1)
    for i in range(spins.shape[0]):
        field = fields[i]
        field[:] = 0
        for k in range(starts[i], starts[i + 1]):
            other, value = spins[neighbours[k]], couplings[k]
            for r in range(len(field)):
                if other[r] != one:
                    field[r] += value


@_compiled
def sweep_sparse(
    starts: Array,
    neighbours: Array,
    couplings: Array,
    bias: Array,
    scales: Array,
    spins: Array,
    fields: Array,
    state: Array,
    flips: Array,
) -> int:
    """One sweep per scale, over a model in compressed rows; returns the accepted flips.

    Args:
        starts: where the rows of Q begin, shape (n + 1,).
        neighbours: column of every entry, both triangles.
        couplings: its value.
        bias: linear coefficients l, float32.
        scales: -beta / ln 2 of every sweep, float32.
        spins: shape (n, R), of the couplings' type; updated.
        fields: likewise.
        state: generators, shape (2, R); updated.
        flips: room for R numbers.
    """
    first, second = state[0], state[1]
    total = 0
    for scale in scales:
        for i in range(spins.shape[0]):
            count = _visit(spins[i], fields[i], bias[i], scale, first, second, flips)
            if count == 0:
                continue
            total += count
            for k in range(starts[i], starts[i + 1]):
                _add(fields[neighbours[k]], couplings[k], flips)
    return total


@_compiled
def sweep_block(
    couplings: Array,
    bias: Array,
    scale: Any,
    spins: Array,
    fields: Array,
    state: Array,
    flips: Array,
) -> int:
    """One visit to every site of a block whose fields are known; returns the accepted flips.

    Fields of later sites of the block follow the flips of earlier ones; the fields of sites
    already visited are not kept.

    Args:
        couplings: Q among the block's b sites, shape (b, b).
        bias: shape (b,).
        scale: -beta / ln 2.
        spins: shape (b, R); updated.
        fields: shape (b, R); overwritten.
        state: generators, shape (2, R).
        flips: room for R numbers.
    """
    first, second = state[0], state[1]
    total = 0
    for i in range(spins.shape[0]):
        count = _visit(spins[i], fields[i], bias[i], scale, first, second, flips)
        if count == 0:
            continue
        total += count
        for j in range(i + 1, spins.shape[0]):
            _add(fields[j], couplings[i, j], flips)
    return total


@_compiled
def products(
    starts: Array, neighbours: Array, couplings: Array, positions: Array, out: Array
) -> None:
    """``out = couplings @ positions`` on compressed rows, float32, shape (n, R)."""
    for i in range(out.shape[0]):
        row = out[i]
        row[:] = 0
        for k in range(starts[i], starts[i + 1]):
            _add(row, couplings[k], positions[neighbours[k]])


@_compiled
def bifurcate(
    positions: Array, momenta: Array, products: Array, bias: Array, constants: Array
) -> None:
    """One symplectic Euler step with walls at -1 and 1.

    Args:
        positions: x, float32, shape (n, R); updated.
        momenta: y, likewise.
        products: couplings times positions (or their signs), likewise.
        bias: shape (n,).
        constants: step, detuning a - 1 and the force's factor c, float32.
    """
    step, detuning, factor = constants
    for i in range(positions.shape[0]):
        x, y, product, constant = positions[i], momenta[i], products[i], bias[i]
        for r in range(len(x)):
            momentum = y[r] + step * (detuning * x[r] + factor * (product[r] + constant))
            position = x[r] + step * momentum
            outside = (position > np.float32(1)) | (position < np.float32(-1))
            x[r] = min(np.float32(1), max(np.float32(-1), position))
            y[r] = np.float32(0) if outside else momentum


@_compiled
def energies(linear: Array, rows: Array, cols: Array, values: Array, spins: Array) -> Array:
    """Energies of all replicas without the constant, in float64, from the QUBO itself."""
    total = np.zeros(spins.shape[1])
    one = spins.dtype.type(1)
    for i in range(spins.shape[0]):
        row, value = spins[i], linear[i]
        for r in range(len(total)):
            if row[r] != one:
                total[r] += value
    for k in range(len(values)):
        left, right, value = spins[rows[k]], spins[cols[k]], values[k]
        for r in range(len(total)):
            if (left[r] != one) & (right[r] != one):
                total[r] += value
    return total
