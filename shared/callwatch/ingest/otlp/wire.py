"""The wire format of Protocol Buffers: the fields of one message, read without a schema.

docs/decisions/0081 says why this is not the library: its parser needs 85 bytes of memory for a byte of a hostile body, and
nothing can interrupt it. (Encoding: https://protobuf.dev/programming-guides/encoding/.)
"""

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
_FIXED = {FIXED64: 8, FIXED32: 4}
_SIGN = 1 << 63

Field = tuple[int, int, int | bytes]


def walk_fields(message: bytes) -> Iterator[Field]:
    """Number, wire type and value of each field: whole numbers without a sign, and bytes. Raises ValueError if it breaks off."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _read_varint(message, at, end)
        kind = tag & 7
        if kind == BYTES:
            size, at = _read_varint(message, at, end)
            if size > end - at:
                raise ValueError("a field is longer than its message")
            yield tag >> 3, kind, message[at : at + size]
            at += size
        elif kind == VARINT:
            value, at = _read_varint(message, at, end)
            yield tag >> 3, kind, value
        elif kind in _FIXED:
            size = _FIXED[kind]
            if size > end - at:
                raise ValueError("a field is longer than its message")
            yield tag >> 3, kind, int.from_bytes(message[at : at + size], "little")
            at += size
        else:
            raise ValueError(f"wire type {kind} is not one of OTLP")


def to_signed(value: int) -> int:
    """A number of an int64 field with its sign."""
    return value - (_SIGN << 1) if value & _SIGN else value


def to_double(value: int) -> float:
    """The number of a double field."""
    return float(struct.unpack("<d", value.to_bytes(8, "little"))[0])


def encode_number(number: int, value: int) -> bytes:
    """A field with a whole number that is not negative; empty for 0, which is the default."""
    return _encode_varint(number << 3 | VARINT) + _encode_varint(value) if value else b""


def encode_bytes(number: int, value: bytes) -> bytes:
    """A field with bytes, a text or a message."""
    return _encode_varint(number << 3 | BYTES) + _encode_varint(len(value)) + value


def _read_varint(message: bytes, at: int, end: int) -> tuple[int, int]:
    first = message[at] if at < end else 0x80
    if first < 0x80:
        # Nearly all tags and lengths have one byte.
        return first, at + 1
    value = 0
    for place in range(_MAX_VARINT_BYTES):
        if at + place >= end:
            break
        byte = message[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise ValueError("a number does not end")


def _encode_varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
