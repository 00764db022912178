"""Request bodies as SDKs encode them, decoded piece by piece: a bomb costs no more than the cap."""

import zlib
from collections.abc import Callable, Iterator

from callwatch.http import HttpError, bad_request

MAX_ENCODED_BYTES = 6 * 1024 * 1024
MAX_DECODED_BYTES = 20 * 1024 * 1024
_MAX_ENCODINGS = 3
_PIECE = 64 * 1024
# zstd has no limit on its output: four bytes may become 128 KB, so it is fed by little.
_ZSTD_FED = 64
_ZSTD_WINDOW = 8 * 1024 * 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

Decoder = Callable[[bytes], Iterator[bytes]]


def decode(body: bytes, encoding: str) -> bytes:
    """The body without its content-encodings, the last applied first.

    Raises HttpError 413 above the caps, 415 for an encoding that is not known, 400 for a body that is not what it says:
    cut off, damaged, or with something else behind its end.
    """
    if len(body) > MAX_ENCODED_BYTES:
        raise _too_large(MAX_ENCODED_BYTES)
    names = [name for name in encoding.lower().replace(" ", "").replace("\t", "").split(",") if name not in ("", "identity")]
    if len(names) > _MAX_ENCODINGS or not set(names) <= _DECODERS.keys():
        raise HttpError(415, "unsupported_encoding", f"content-encoding takes {', '.join(sorted(_DECODERS))} or none")
    for name in reversed(names):
        body = _decoded(body, name)
    return body


def _decoded(body: bytes, name: str) -> bytes:
    pieces, total = [], 0
    try:
        for piece in _DECODERS[name](body):
            total += len(piece)
            if total > MAX_DECODED_BYTES:
                raise _too_large(MAX_DECODED_BYTES)
            pieces.append(piece)
    except HttpError:
        raise
    except Exception:
        # Each library has errors of its own; all of them mean that the body is not what it says.
        raise bad_request(f"the body is not valid {name}") from None
    return b"".join(pieces)


def _too_large(limit: int) -> HttpError:
    message = f"the body is longer than {limit} bytes"
    return HttpError(413, "too_large", message, {"x-sentry-error": message})


def _inflate(body: bytes, window_bits: int, is_repeated: bool = False) -> Iterator[bytes]:
    """One zlib stream, or with `is_repeated` as many as stand one after the other."""
    data = body
    while True:
        inflater = zlib.decompressobj(window_bits)
        while not inflater.eof:
            piece = inflater.decompress(data, _PIECE)
            data = inflater.unconsumed_tail
            if not piece and not data and not inflater.eof:
                raise ValueError("it ends early")
            yield piece
        data = inflater.unused_data
        if not data:
            return
        if not is_repeated:
            raise ValueError("something stands behind its end")


def _gzip(body: bytes) -> Iterator[bytes]:
    return _inflate(body, 16 + zlib.MAX_WBITS, is_repeated=True)


def _deflate(body: bytes) -> Iterator[bytes]:
    # "deflate" is zlib's format by the standard, and the bare one in practice.
    is_zlib = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _inflate(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _brotli(body: bytes) -> Iterator[bytes]:
    import brotli

    decoder = brotli.Decompressor()
    yield decoder.process(body, output_buffer_limit=_PIECE)
    while not decoder.is_finished():
        piece = decoder.process(b"", output_buffer_limit=_PIECE)
        if not piece and decoder.can_accept_more_data():
            raise ValueError("it ends early")
        yield piece


def _zstd(body: bytes) -> Iterator[bytes]:
    import zstandard

    at = 0
    while at < len(body) or not body:
        # A skippable frame, or garbage, is neither: no SDK sends one.
        if body[at : at + 4] != _ZSTD_MAGIC:
            raise ValueError("something stands behind its end")
        decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        while not decoder.eof:
            if at >= len(body):
                raise ValueError("it ends early")
            fed = body[at : at + _ZSTD_FED]
            at += len(fed)
            yield decoder.decompress(fed)
        at -= len(decoder.unused_data)


_DECODERS: dict[str, Decoder] = {
    "br": _brotli,
    "deflate": _deflate,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "zstd": _zstd,
}
