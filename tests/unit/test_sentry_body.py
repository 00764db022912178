"""Encoded bodies: each encoding, truncated, damaged, repeated, and bombs that cost no more than the limit."""

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from callwatch.exceptions import RequestRefused
from callwatch.ingest import content_encoding as module
from callwatch.ingest.content_encoding import (
    MAX_DECODED_BYTES,
    MAX_ENCODED_BYTES,
    MAX_FIRST_LINE_BYTES,
    MAX_START_BYTES,
    decode,
    decode_first_line,
)
from callwatch.runtime.responses import find_status

TEXT = b'{"event_id": "0"}\n' * 500
Encode = Callable[[bytes], bytes]


def bare_deflate(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(raw) + packer.flush()


def quick_brotli(raw: bytes) -> bytes:
    packed: bytes = brotli.compress(raw, quality=1)
    return packed


def streamed_zstd(raw: bytes) -> bytes:
    # Without its size in the frame, as streams are written.
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(raw) + packer.flush()


ENCODERS: list[tuple[str, Encode]] = [
    ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", bare_deflate),
    ("br", quick_brotli), ("zstd", zstandard.ZstdCompressor().compress), ("zstd", streamed_zstd),
]  # fmt: skip
each_encoding = pytest.mark.parametrize(("name", "encode"), ENCODERS, ids=[f"{n}-{e.__name__}" for n, e in ENCODERS])


def read_status(body: bytes, encoding: str) -> int:
    with pytest.raises(RequestRefused) as caught:
        decode(body, encoding)
    return find_status(caught.value)


@each_encoding
def test_each_encoding_is_read(name: str, encode: Encode) -> None:
    for raw in (b"", b"x", TEXT, bytes(range(256)) * 5_000):
        assert decode(encode(raw), name) == raw
        assert decode(encode(raw), f" {name.upper()} ") == raw


@each_encoding
def test_truncated_damaged_or_followed_body_is_400(name: str, encode: Encode) -> None:
    whole = encode(TEXT)
    for broken in (whole[:-1], whole[: len(whole) // 2], b"", b"not encoded at all", whole + b"garbage!"):
        assert read_status(broken, name) == 400, broken[:20]


def test_consecutive_members_and_frames_are_read_as_one() -> None:
    assert decode(gzip.compress(b"a") + gzip.compress(TEXT), "gzip") == b"a" + TEXT
    assert decode(streamed_zstd(b"a") + zstandard.ZstdCompressor().compress(TEXT), "zstd") == b"a" + TEXT


def test_identity_is_no_encoding() -> None:
    assert decode(gzip.compress(TEXT), "identity, gzip") == TEXT
    assert decode(TEXT, "") == decode(TEXT, "identity") == TEXT


@pytest.mark.parametrize(
    "encoding",
    ["compress", "lz4", "gzip, lz4", "gzip;q=1", "gzip," * 4 + "gzip", "aws-chunked", "gzip, gzip", "gzip, br", "x" * 100_000],
)
def test_other_and_stacked_encodings_are_415(encoding: str) -> None:
    assert read_status(gzip.compress(gzip.compress(TEXT)), encoding) == 415
    with pytest.raises(RequestRefused) as caught:
        decode_first_line(gzip.compress(gzip.compress(TEXT)), encoding)
    assert find_status(caught.value) == 415


@pytest.mark.parametrize(("name", "encode"), [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)])
def test_a_body_of_empty_members_is_400_at_once(name: str, encode: Encode) -> None:
    many = (encode(b"") * (MAX_ENCODED_BYTES // len(encode(b""))))[:MAX_ENCODED_BYTES]
    started = time.process_time()
    assert read_status(many, name) == 400
    assert time.process_time() - started < 0.1


def first_line(body: bytes, name: str) -> bytes:
    started = time.process_time()
    line = decode_first_line(body[:MAX_START_BYTES], name)
    assert time.process_time() - started < 0.05
    return line


@each_encoding
def test_the_first_line_is_read_and_no_more(name: str, encode: Encode) -> None:
    line = b'{"dsn":"https://abc@host/1"}'
    for rest in (b"", b"\n", b"\n" + bytes(range(256)) * 5_000, b"\n" + b"0" * 5_000_000):
        assert first_line(encode(line + rest), name) == line


@each_encoding
def test_a_first_line_above_the_cap_is_nothing(name: str, encode: Encode) -> None:
    for size in (MAX_FIRST_LINE_BYTES + 1, 5_000_000):
        assert first_line(encode(b"[" * size), name) == b""
    assert first_line(b"neither", name) == b""


def test_a_body_above_the_first_cap_is_not_even_looked_at() -> None:
    assert read_status(b"\x00" * (MAX_ENCODED_BYTES + 1), "gzip") == 413
    assert read_status(b"\x00" * (MAX_ENCODED_BYTES + 1), "") == 413


@pytest.mark.parametrize(("name", "encode"), [(n, e) for n, e in ENCODERS if n != "x-gzip"])
def test_a_bomb_costs_no_more_than_the_cap(name: str, encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = encode(b"\x00" * (10 * MAX_DECODED_BYTES))
    made = 0
    decoder = module._DECODERS[name]

    def counted(body: bytes) -> Iterator[bytes]:
        nonlocal made
        for piece in decoder(body):
            made += len(piece)
            yield piece

    monkeypatch.setitem(module._DECODERS, name, counted)
    tracemalloc.start()
    assert read_status(bomb, name) == 413
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made <= MAX_DECODED_BYTES + 4 * 1024 * 1024
    assert peak <= MAX_DECODED_BYTES + 12 * 1024 * 1024


@given(st.binary(max_size=300), st.sampled_from([name for name, _encode in ENCODERS]))
def test_no_bytes_at_all_do_more_than_be_refused(body: bytes, name: str) -> None:
    try:
        decode(body, name)
    except RequestRefused as error:
        assert find_status(error) in (400, 413)  # noqa: PT017 - bytes may by chance be valid
