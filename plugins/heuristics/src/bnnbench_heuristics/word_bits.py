"""Operations on words of 64 rows: vectors of numbers on one side, bits of a word on the other.

Hidden pre-activations over one denominator are kept as quotient and rest of a division by a unit,
``z = unit * s + r`` with ``0 <= r < unit``, because z >= 0 exactly where s >= 0: a column whose
non-zeros are multiples of the unit moves quotients alone, in lanes of 16 bits instead of 32.

Written as vector operations of LLVM, which splits them to what the processor has, since no loop
over lanes that sets the bits of a word is vectorised by itself. ``at`` is the flat index of a
word's first row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

# The declared type of a decorated function has the arguments of its generator, not of its calls.
intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = extending.intrinsic
_functions: Any = cgutils
_LANES = 64
_WIDE = 16
_INT = ir.IntType(32)
_WORD = ir.IntType(64)
_REAL = ir.DoubleType()


class _Rows:
    """A run of an array as one vector."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any, at: Any, lanes: int):
        data = context.make_array(kind)(context, builder, array).data
        self.item = context.get_value_type(kind.dtype)
        self.bytes = kind.dtype.bitwidth // 8
        vector = ir.VectorType(self.item, lanes).as_pointer()
        self.builder = builder
        self.pointer = builder.bitcast(builder.gep(data, [at]), vector)

    def load(self) -> Any:
        return self.builder.load(self.pointer, align=self.bytes)

    def store(self, vector: Any) -> None:
        self.builder.store(vector, self.pointer, align=self.bytes)


def _everywhere(builder: Any, value: Any, lanes: int) -> Any:
    """A vector of one value."""
    one = ir.VectorType(value.type, lanes)
    first = builder.insert_element(ir.Constant(one, ir.Undefined), value, ir.Constant(_INT, 0))
    zeros = ir.Constant(ir.VectorType(_INT, lanes), [0] * lanes)
    return builder.shuffle_vector(first, ir.Constant(one, ir.Undefined), zeros)


def _resized(builder: Any, value: Any, bits: int) -> Any:
    """An integer, or a vector of them, of so many bits; its sign is kept."""
    vector = isinstance(value.type, ir.VectorType)
    item = value.type.element if vector else value.type
    to = ir.VectorType(ir.IntType(bits), value.type.count) if vector else ir.IntType(bits)
    if bits == item.width:
        return value
    return builder.sext(value, to) if bits > item.width else builder.trunc(value, to)


@intrinsic
def ones(_: Any, word: Any) -> Any:
    """Number of bits that are set."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def lowest(_: Any, word: Any) -> Any:
    """Index of the lowest bit that is set; 64 when none is."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@intrinsic
def entry(_: Any, table: Any, at: Any) -> Any:
    """An entry of a table of losses, never made part of a gather.

    Gathers of 8 such entries take about twice as long as 8 loads on some processors. An atomic load
    without an order is a plain load to the processor, and one that no loop is vectorised over.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, arguments[0]).data
        pointer = builder.gep(data, [arguments[1]])
        return builder.load_atomic(pointer, "monotonic", kind.dtype.bitwidth // 8)

    return table.dtype(table, types.int64), generate


@intrinsic
def crossing(_: Any, sums: Any, at: Any, mask: Any, step: Any) -> Any:
    """Rows of a mask on which a quotient changes its sign with a step.

    Up: -step <= s < 0; down: 0 <= s < -step. Both are one unsigned comparison of s + max(0, step)
    with the size of the step.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = _Rows(context, builder, signature.args[0], arguments[0], arguments[1], _LANES)
        step = _resized(builder, arguments[3], rows.item.width)
        zero = ir.Constant(rows.item, 0)
        rises = builder.icmp_signed(">", step, zero)
        low = builder.select(rises, step, zero)
        size = builder.select(rises, step, builder.neg(step))
        moved = builder.add(rows.load(), _everywhere(builder, low, _LANES))
        turned = builder.icmp_unsigned("<", moved, _everywhere(builder, size, _LANES))
        return builder.and_(builder.bitcast(turned, _WORD), arguments[2])

    return types.uint64(sums, types.int64, types.uint64, types.int64), generate


@intrinsic
def shift_sums(_: Any, sums: Any, at: Any, mask: Any, step: Any) -> Any:
    """Add a step to the quotients of the rows of a mask."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = _Rows(context, builder, signature.args[0], arguments[0], arguments[1], _LANES)
        step = _everywhere(builder, _resized(builder, arguments[3], rows.item.width), _LANES)
        chosen = builder.bitcast(arguments[2], ir.VectorType(ir.IntType(1), _LANES))
        nothing = ir.Constant(ir.VectorType(rows.item, _LANES), None)
        rows.store(builder.add(rows.load(), builder.select(chosen, step, nothing)))
        return context.get_dummy_value()

    return types.void(sums, types.int64, types.uint64, types.int64), generate


class _Quarter:
    """A quarter of a word's rows before and after steps that are no multiples of the unit."""

    def __init__(self, context: Any, builder: Any, kinds: Any, arguments: Any, part: int):
        sums, rests, entries, at, entry_at, unit, delta = arguments
        offset = ir.Constant(_WORD, part * _WIDE)
        first, entry = builder.add(at, offset), builder.add(entry_at, offset)
        self.sums = _Rows(context, builder, kinds[0], sums, first, _WIDE)
        self.rests = _Rows(context, builder, kinds[1], rests, first, _WIDE)
        steps = _Rows(context, builder, kinds[2], entries, entry, _WIDE)
        quotient, rest, step = (
            _resized(builder, rows.load(), 32) for rows in (self.sums, self.rests, steps)
        )
        self.unit = _everywhere(builder, builder.trunc(unit, _INT), _WIDE)
        factor = _everywhere(builder, builder.trunc(delta, _INT), _WIDE)
        self.old = builder.add(builder.mul(quotient, self.unit), rest)
        self.new = builder.add(self.old, builder.mul(step, factor))


@intrinsic
def crossing_finely(
    _: Any, sums: Any, rests: Any, entries: Any, at: Any, entry_at: Any, unit: Any, delta: Any
) -> Any:
    """Rows on which a pre-activation changes its sign with ``delta`` times an entry."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.Constant(_WORD, 0)
        for part in range(_LANES // _WIDE):
            rows = _Quarter(context, builder, signature.args, arguments, part)
            changed = builder.xor(rows.old, rows.new)
            turned = builder.icmp_signed("<", changed, ir.Constant(changed.type, None))
            bits = builder.zext(builder.bitcast(turned, ir.IntType(_WIDE)), _WORD)
            word = builder.or_(word, builder.shl(bits, ir.Constant(_WORD, part * _WIDE)))
        return word

    numbers = (types.int64,) * 4
    return types.uint64(sums, rests, entries, *numbers), generate


@intrinsic
def shift_finely(
    _: Any, sums: Any, rests: Any, entries: Any, at: Any, entry_at: Any, unit: Any, delta: Any
) -> Any:
    """Add ``delta`` times the entries to pre-activations.

    The quotient is floor((z + 1/2) / unit) in floats: at less than 30 bits the half keeps it away
    from the integers by more than the error of a product with the inverse.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        real, wide = ir.VectorType(_REAL, _WIDE), ir.VectorType(_INT, _WIDE)
        kind = ir.FunctionType(real, [real])
        floor = _functions.get_or_insert_function(builder.module, kind, f"llvm.floor.v{_WIDE}f64")
        inverse = builder.fdiv(ir.Constant(_REAL, 1.0), builder.sitofp(arguments[5], _REAL))
        factor = _everywhere(builder, inverse, _WIDE)
        half = ir.Constant(real, [0.5] * _WIDE)
        for part in range(_LANES // _WIDE):
            rows = _Quarter(context, builder, signature.args, arguments, part)
            shifted = builder.fadd(builder.sitofp(rows.new, real), half)
            below = builder.call(floor, [builder.fmul(shifted, factor)])
            quotient = builder.fptosi(below, wide)
            rest = builder.sub(rows.new, builder.mul(quotient, rows.unit))
            rows.rests.store(_resized(builder, rest, rows.rests.item.width))
            rows.sums.store(_resized(builder, quotient, rows.sums.item.width))
        return context.get_dummy_value()

    numbers = (types.int64,) * 4
    return types.void(sums, rests, entries, *numbers), generate
