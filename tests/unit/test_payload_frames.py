"""Lines of payloads in frames: what goes in comes out, alone and together, also after one of them was erased."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.payloads.frames import (
    BLANK_LINE,
    MAX_LINE_BYTES,
    build_blank_frame,
    is_blank,
    iterate_frames,
    pack_lines,
    unpack_line,
)
from callwatch.payloads.lines import LineFields, format_line_time, parse_line, render_line
from callwatch.payloads.members import build_filter, list_positions

FEW = settings(max_examples=40, deadline=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
)
FIELDS: LineFields = {
    "event_id": "0" * 32, "project_id": 1, "environment": "production", "fingerprint": "2:a", "occurred_at": "",
    "received_at": "", "severity": "high", "category": "unknown", "type": None, "message": "", "endpoint": None,
    "release": None, "service": None, "user_hash": None,
}  # fmt: skip


@FEW
@given(TEXTS, TEXTS, st.dictionaries(TEXTS, JSON), st.sampled_from([None, 1]))
def test_line_returns_what_was_rendered(message: str, kind: str, event: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(event, indent=indent)
    line = render_line({**FIELDS, "message": message, "type": kind}, text)
    assert line.count(b"\n") == 1
    payload = parse_line(line)
    assert (payload.fields["message"], payload.fields["type"]) == (message, kind)
    assert json.loads(payload.event_text) == event
    assert json.loads(line)["event"] == event


@FEW
@given(st.lists(st.binary(max_size=500), min_size=1, max_size=5))
def test_each_frame_is_readable_alone(lines: list[bytes]) -> None:
    frames = pack_lines(lines)
    assert [unpack_line(frame) for frame in frames] == lines


@FEW
@given(st.integers(15, 400_000) | st.sampled_from([131_084, 131_085, 131_086, 131_087, 131_088, 262_159, 262_162]))
def test_blank_frame_has_exactly_its_size(size: int) -> None:
    frame = build_blank_frame(size)
    assert len(frame) == size
    assert is_blank(unpack_line(frame))


def test_blank_frame_is_read_by_other_readers() -> None:
    lines = [json.dumps({"n": number, "text": "x" * 300_000}).encode() + b"\n" for number in range(3)]
    frames = pack_lines(lines)
    frames[1] = build_blank_frame(len(frames[1]))
    whole = zstandard.ZstdDecompressor().stream_reader(b"".join(frames), read_across_frames=True).read()
    assert [json.loads(line) for line in whole.splitlines()] == [json.loads(lines[0]), {}, json.loads(lines[2])]


def test_smallest_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="no frame of 14 bytes"):
        build_blank_frame(14)
    assert len(pack_lines([BLANK_LINE])[0]) < 15 < len(pack_lines([render_line(FIELDS, "{}")])[0])


@FEW
@given(st.binary(max_size=300))
def test_anything_else_is_no_frame(garbage: bytes) -> None:
    with pytest.raises(ValueError, match="frame"):
        unpack_line(garbage)


def test_damaged_frame_is_refused() -> None:
    frame = pack_lines([b"x" * 1_000])[0]
    huge = zstandard.ZstdCompressor().compress(b"x" * (MAX_LINE_BYTES + 1))
    for damaged in (frame[:-1], frame[1:], frame + b"x", frame + frame, huge):
        with pytest.raises(ValueError, match="frame"):
            unpack_line(damaged)


@FEW
@given(st.integers(0, 10**11), st.integers(0, 999_999), st.integers(-720, 720))
def test_times_sort_as_their_texts(second: int, microsecond: int, offset_min: int) -> None:
    zone = timezone(timedelta(minutes=offset_min))
    when = (datetime(1970, 1, 2, tzinfo=UTC) + timedelta(seconds=second, microseconds=microsecond)).astimezone(zone)
    assert format_line_time(when) < format_line_time(when + timedelta(microseconds=1))
    assert datetime.fromisoformat(format_line_time(when)) == when


@FEW
@given(st.lists(st.binary(max_size=9_000), max_size=12))
def test_frames_of_an_object_are_found_again(lines: list[bytes]) -> None:
    frames = pack_lines(lines)
    content = b"".join(frames)
    found = list(iterate_frames(content))
    assert [line for _start, _size, line in found] == lines
    assert [content[start : start + size] for start, size, _line in found] == frames


@FEW
@given(st.lists(st.binary(max_size=9_000), min_size=1, max_size=4), st.data())
def test_cut_object_is_damaged_and_no_shorter_one(lines: list[bytes], data: st.DataObject) -> None:
    frames = pack_lines(lines)
    cut = data.draw(st.integers(1, len(frames[-1]) - 1))
    with pytest.raises(ValueError, match=r"frame"):
        list(iterate_frames(b"".join(frames)[:-cut]))


@FEW
@given(st.sets(st.text(), max_size=300))
def test_filter_denies_nothing_that_is_in_it(keys: set[str]) -> None:
    content = build_filter(keys)
    assert len(content) == 2 * max(1, len(keys))
    assert all(has_key(content, key) for key in keys)


def test_filter_admits_few_that_are_not_in_it() -> None:
    content = build_filter([f"{number:032x}" for number in range(2_000)])
    admitted = sum(has_key(content, f"{number:032x}") for number in range(10_000, 60_000))
    assert admitted < 50_000 / 600


def has_key(content: bytes, key: str) -> bool:
    bits = len(content) * 8
    return all(content[position % bits >> 3] >> (position % bits & 7) & 1 for position in list_positions(key))
