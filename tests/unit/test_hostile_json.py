"""Malformed bodies of POST /api/errors: the readable part is kept, and sanitized parts are marked."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import brotli
import pytest

from callwatch.api.http import Request
from callwatch.events.work_limit import WorkBudget
from callwatch.exceptions import RequestRefused
from callwatch.ingest.errors import accept_error
from callwatch.ingest.hostile_json import read_json, select_marks
from callwatch.runtime.responses import find_status

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
LIMIT = 5_000_000


def read(body: bytes, **headers: str) -> tuple[Any, list[str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_json(Request("POST", "/api/errors", headers=named, body=body), LIMIT)


def read_status(body: bytes, **headers: str) -> int:
    with pytest.raises(RequestRefused) as caught:
        read(body, **headers)
    return find_status(caught.value)


def test_broken_item_is_the_only_one_marked() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    bodies = [
        b'{"message": "good"}',
        b'{"message": "deep", "context": {"a": %b, "b": 1}}' % deep,
        b'{"message": "caf\xe9"}',
        b'{"message": "first", "context": {"a": 1, "a": 2}, "message": "last"}',
    ]
    items, marks = read(b"[" + b",".join(bodies) + b"]")
    events = [accept_error(item, NOW, "key", select_marks(item, marks)) for item in items]
    assert [event["message"] for event in events] == ["good", "deep", "caf\ufffd", "last"]
    assert [event["sanitized"] for event in events] == [[], ["depth"], ["utf8"], ["duplicate"]]
    assert events[1]["context"]["b"] == 1
    assert "[too deep]" in json.dumps(events[1]["context"]["a"])
    assert events[3]["context"] == {"a": 2}


def test_a_body_may_be_compressed() -> None:
    body = json.dumps({"message": "x"}).encode()
    for encoded, name in ((gzip.compress(body), "gzip"), (brotli.compress(body), "br"), (body, "identity"), (body, "")):
        assert read(encoded, content_encoding=name) == ({"message": "x"}, [])
    assert read_status(body, content_encoding="gzip") == 400
    assert read_status(body, content_encoding="snappy") == 415
    assert read_status(gzip.compress(b" " * (LIMIT + 1)), content_encoding="gzip") == 413


@pytest.mark.parametrize("body", [b"", b"{", b"nope", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe"])
def test_what_is_no_json_is_400(body: bytes) -> None:
    assert read_status(body) == 400


def test_another_type_than_json_is_415() -> None:
    assert read_status(b"{}", content_type="text/plain") == 415
    assert read("{}".encode("utf-16"), content_type="application/vnd.x+json; charset=utf-16") == ({}, [])


def test_a_time_that_had_to_be_moved_is_marked() -> None:
    marks = {
        at: accept_error({"message": "x", "occurred_at": at}, NOW, "key")["sanitized"]
        for at in ("2026-01-01T00:00:00Z", "2026-01-30T12:00:00+02:00", "2026-03-01T00:00:00Z")
    }
    assert list(marks.values()) == [["time"], [], ["time"]]


def test_oversized_text_is_cut_before_it_is_scrubbed() -> None:
    numbers = {"a": "4111 1111 1111 1111 " * 60_000, "b": {f"password{n}": "hunter2" for n in range(30_000)}}
    # A busy machine must not end the work before the size does.
    event = accept_error({"message": "x", "context": numbers}, NOW, "key", budget=WorkBudget(30.0))
    assert "text" in event["trimmed"]
    assert event["scrubbed"] == ["card", "token"]
    assert "hunter2" not in json.dumps(event)
    assert len(event["context"]["b"]) == 200
