"""Encoded bodies: each encoding, cut off, damaged, repeated, and bombs that cost no more than the cap."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from callwatch.http import HttpError
from callwatch.tracker.sentry import body as module
from callwatch.tracker.sentry.body import MAX_DECODED_BYTES, MAX_ENCODED_BYTES, decode

TEXT = b'{"event_id": "0"}\n' * 500
Encode = Callable[[bytes], bytes]


def bare_deflate(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(raw) + packer.flush()


def quick_brotli(raw: bytes) -> bytes:
    packed: bytes = brotli.compress(raw, quality=1)
    return packed


def streamed_zstd(raw: bytes) -> bytes:
    # Without its size in the frame, as a stream is written.
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(raw) + packer.flush()


ENCODERS: list[tuple[str, Encode]] = [
    ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", bare_deflate),
    ("br", quick_brotli), ("zstd", zstandard.ZstdCompressor().compress), ("zstd", streamed_zstd),
]  # fmt: skip
each_encoding = pytest.mark.parametrize(("name", "encode"), ENCODERS, ids=[f"{n}-{e.__name__}" for n, e in ENCODERS])


def status_of(body: bytes, encoding: str) -> int:
    with pytest.raises(HttpError) as caught:
        decode(body, encoding)
    return caught.value.status


@each_encoding
def test_each_encoding_is_read(name: str, encode: Encode) -> None:
    for raw in (b"", b"x", TEXT, bytes(range(256)) * 5_000):
        assert decode(encode(raw), name) == raw
        assert decode(encode(raw), f" {name.upper()} ") == raw


@each_encoding
def test_a_body_that_is_cut_off_damaged_or_followed_by_something_is_400(name: str, encode: Encode) -> None:
    whole = encode(TEXT)
    for broken in (whole[:-1], whole[: len(whole) // 2], b"", b"not encoded at all", whole + b"garbage!"):
        assert status_of(broken, name) == 400, broken[:20]


def test_members_and_frames_that_follow_each_other_are_read_as_one() -> None:
    assert decode(gzip.compress(b"a") + gzip.compress(TEXT), "gzip") == b"a" + TEXT
    assert decode(streamed_zstd(b"a") + zstandard.ZstdCompressor().compress(TEXT), "zstd") == b"a" + TEXT


def test_encodings_on_top_of_each_other_are_undone_in_turn() -> None:
    assert decode(brotli.compress(gzip.compress(TEXT)), "gzip, br") == TEXT
    assert decode(gzip.compress(TEXT), "identity, gzip") == TEXT
    assert decode(TEXT, "") == decode(TEXT, "identity") == TEXT


@pytest.mark.parametrize("encoding", ["compress", "lz4", "gzip, lz4", "gzip;q=1", "gzip," * 4 + "gzip", "aws-chunked"])
def test_an_encoding_that_is_not_known_is_415(encoding: str) -> None:
    assert status_of(gzip.compress(TEXT), encoding) == 415


def test_a_body_above_the_first_cap_is_not_even_looked_at() -> None:
    assert status_of(b"\x00" * (MAX_ENCODED_BYTES + 1), "gzip") == 413
    assert status_of(b"\x00" * (MAX_ENCODED_BYTES + 1), "") == 413


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
    assert status_of(bomb, name) == 413
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made <= MAX_DECODED_BYTES + 4 * 1024 * 1024
    assert peak <= MAX_DECODED_BYTES + 12 * 1024 * 1024


def test_a_bomb_inside_of_a_body_is_stopped_as_well() -> None:
    assert status_of(gzip.compress(brotli.compress(b"\x00" * (2 * MAX_DECODED_BYTES), quality=1)), "br, gzip") == 413


@given(st.binary(max_size=300), st.sampled_from([name for name, _encode in ENCODERS]))
def test_no_bytes_at_all_do_more_than_be_refused(body: bytes, name: str) -> None:
    try:
        decode(body, name)
    except HttpError as error:
        assert error.status in (400, 413)  # noqa: PT017 - bytes may by chance be valid
