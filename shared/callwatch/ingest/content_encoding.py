"""Decodes request bodies as SDKs encode them, piece by piece: a decompression bomb costs no more than the limit."""

import zlib
from collections.abc import Callable, Iterator

from callwatch.exceptions import TooLarge, Unreadable, UnsupportedType

MAX_ENCODED_BYTES = 6 * 1024 * 1024
MAX_DECODED_BYTES = 20 * 1024 * 1024
# How much of a body is read before its sender is known: encoded, and decoded. The headers of SDKs take about 1 KB.
MAX_START_BYTES = 16 * 1024
MAX_FIRST_LINE_BYTES = 8 * 1024
# SDKs send one member or frame; a body of many empty ones costs more to read than to send.
_MAX_MEMBERS = 100
_PIECE = 64 * 1024
# zstd has no limit on its output: four bytes may become 128 KB, so it is fed small pieces.
_ZSTD_FED = 64
_ZSTD_WINDOW = 8 * 1024 * 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

Decoder = Callable[[bytes], Iterator[bytes]]


def decode(body: bytes, encoding: str) -> bytes:
    """The body without its content-encoding.

    Raises TooLarge above the limits, UnsupportedType for an unknown encoding or more than one, Unreadable for a body that is cut
    off, damaged, or followed by other data.
    """
    pieces, is_whole = _decode_pieces(body, encoding)
    if not is_whole:
        raise refuse_size()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def decode_start(body: bytes, encoding: str) -> tuple[bytes, bool]:
    """The same, or the beginning of a longer body, within the limits; and whether it is whole. Raises the same."""
    pieces, is_whole = _decode_pieces(body, encoding)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), is_whole


def refuse_size(limit: int = MAX_DECODED_BYTES) -> TooLarge:
    """Build the refusal of a body above a limit."""
    message = f"the body is longer than {limit} bytes"
    return TooLarge(message, headers={"x-sentry-error": message})


def decode_first_line(start: bytes, encoding: str) -> bytes:
    """The first line of a body that begins with `start`; empty if no line ends within the limit.

    A short body without a line end counts as one line. Raises UnsupportedType as `decode` does.
    """
    name = _name_encoding(encoding)
    found = bytearray()
    try:
        for piece in _DECODERS[name](start) if name else iter((start,)):
            found += piece[: MAX_FIRST_LINE_BYTES + 1]
            if len(found) > MAX_FIRST_LINE_BYTES or b"\n" in piece:
                break
    except Exception:  # noqa: S110 - the start of a body ends early by nature, and a damaged one has no valid key
        pass
    line, _newline, _rest = bytes(found).partition(b"\n")
    return line if len(line) <= MAX_FIRST_LINE_BYTES else b""


def _name_encoding(encoding: str) -> str:
    """The one encoding that a header names, or an empty text. Raises UnsupportedType."""
    names = [name.strip() for name in encoding[:200].lower().split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(encoding) > 200 or len(names) > 1 or not set(names) <= _DECODERS.keys():
        remedy = f"content-encoding must be one of {', '.join(sorted(_DECODERS))}, or none"
        raise UnsupportedType(remedy, code="unsupported_encoding")
    return names[0] if names else ""


def _decode_pieces(body: bytes, encoding: str) -> tuple[list[bytes], bool]:
    """The decoded body in pieces, at most MAX_DECODED_BYTES of it, and whether that is all."""
    name = _name_encoding(encoding)
    if len(body) > MAX_ENCODED_BYTES:
        raise refuse_size(MAX_ENCODED_BYTES)
    if not name:
        return [body], True
    pieces: list[bytes] = []
    total = 0
    try:
        for piece in _DECODERS[name](body):
            total += len(piece)
            if total > MAX_DECODED_BYTES:
                return pieces, False
            pieces.append(piece)
    except Exception:
        # Each library has its own errors; all of them mean that the body does not match its encoding.
        raise Unreadable(f"the body is not valid {name}") from None
    return pieces, True


def _inflate(body: bytes, window_bits: int, max_members: int = 1) -> Iterator[bytes]:
    """Inflate at most this many zlib streams, one after the other."""
    at = 0
    for _member in range(max_members):
        inflater = zlib.decompressobj(window_bits)
        # Fed in pieces: unconsumed data is copied, and must not be the whole remainder each time.
        while not inflater.eof:
            data = inflater.unconsumed_tail
            if not data:
                data = body[at : at + _PIECE]
                at += len(data)
            piece = inflater.decompress(data, _PIECE)
            if not piece and not data and not inflater.eof:
                raise ValueError("it ends early")
            yield piece
        at -= len(inflater.unused_data)
        if at >= len(body):
            return
    raise ValueError("other data follows its end")


def _decode_gzip(body: bytes) -> Iterator[bytes]:
    return _inflate(body, 16 + zlib.MAX_WBITS, _MAX_MEMBERS)


def _decode_deflate(body: bytes) -> Iterator[bytes]:
    # "deflate" is zlib's format by the standard, and the raw one in practice.
    is_zlib = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _inflate(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _decode_brotli(body: bytes) -> Iterator[bytes]:
    import brotli

    decoder = brotli.Decompressor()
    yield decoder.process(body, output_buffer_limit=_PIECE)
    while not decoder.is_finished():
        piece = decoder.process(b"", output_buffer_limit=_PIECE)
        if not piece and decoder.can_accept_more_data():
            raise ValueError("it ends early")
        yield piece


def _decode_zstd(body: bytes) -> Iterator[bytes]:
    import zstandard

    at = 0
    for _frame in range(_MAX_MEMBERS):
        # A skippable frame and garbage are refused: no SDK sends them.
        if body[at : at + 4] != _ZSTD_MAGIC:
            break
        decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        while not decoder.eof:
            if at >= len(body):
                raise ValueError("it ends early")
            fed = body[at : at + _ZSTD_FED]
            at += len(fed)
            yield decoder.decompress(fed)
        at -= len(decoder.unused_data)
        if at >= len(body):
            return
    raise ValueError("other data follows its end")


_DECODERS: dict[str, Decoder] = {
    "br": _decode_brotli,
    "deflate": _decode_deflate,
    "gzip": _decode_gzip,
    "x-gzip": _decode_gzip,
    "zstd": _decode_zstd,
}
