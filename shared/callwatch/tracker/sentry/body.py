"""Request bodies as SDKs encode them, decoded piece by piece: a bomb costs no more than the cap."""

import zlib
from collections.abc import Callable, Iterator

from callwatch.http import HttpError, bad_request

MAX_ENCODED_BYTES = 6 * 1024 * 1024
MAX_DECODED_BYTES = 20 * 1024 * 1024
_PIECE = 64 * 1024


def decode(body: bytes, encoding: str) -> bytes:
    """The body without its content-encoding. Raises HttpError 413 above the caps, 415 for an unknown encoding, 400."""
    if len(body) > MAX_ENCODED_BYTES:
        raise _too_large(MAX_ENCODED_BYTES)
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise HttpError(415, "unsupported_encoding", f"content-encoding takes {', '.join(sorted(_DECODERS))} or none")
    pieces, total = [], 0
    try:
        for piece in decoder(body):
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
    return HttpError(413, "too_large", f"the envelope is longer than {limit} bytes")


def _inflate(body: bytes, window_bits: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(window_bits)
    data = body
    while data:
        yield inflater.decompress(data, _PIECE)
        data = inflater.unconsumed_tail
    if not inflater.eof:
        raise ValueError("it ends early")


def _gzip(body: bytes) -> Iterator[bytes]:
    return _inflate(body, 16 + zlib.MAX_WBITS)


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

    decoder = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024)
    yield from decoder.read_to_iter(body, write_size=_PIECE)


_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
