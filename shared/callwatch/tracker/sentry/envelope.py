"""An envelope's frame: a header line, then items, each a header line and a payload."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from callwatch.http import bad_request
from callwatch.tracker.hostile_json import load_hostile

MAX_ITEMS = 1_000


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its type, its headers, its bytes."""

    kind: str
    headers: dict[str, Any]
    payload: bytes


def parse(body: bytes) -> tuple[dict[str, Any], list[Item]]:
    """Headers and items. Raises HttpError 400 where the frame is broken; what an item holds is not looked at."""
    line, after = _line(body, 0)
    return _object(line, "the envelope's header"), list(_items(body, after))


def load(payload: bytes) -> Any:
    """A payload as data; None where it is not JSON at all."""
    return load_marked(payload)[0]


def load_marked(payload: bytes) -> tuple[Any, list[str]]:
    """A payload as data, with the kinds of what was mended; None where it is not JSON at all."""
    try:
        return load_hostile(payload)
    except ValueError:
        return None, []


def _items(body: bytes, at: int) -> Iterator[Item]:
    count = 0
    while (at := _skip_blank(body, at)) < len(body):
        count += 1
        if count > MAX_ITEMS:
            raise bad_request(f"an envelope takes at most {MAX_ITEMS} items")
        line, start = _line(body, at)
        headers = _object(line, "an item's header")
        length = headers.get("length")
        if length is None:
            payload, at = _line(body, start)
        elif isinstance(length, int) and not isinstance(length, bool) and 0 <= length <= len(body) - start:
            payload, at = body[start : start + length], start + length
        else:
            raise bad_request("an item's length goes past the envelope's end")
        yield Item(str(headers.get("type") or ""), headers, payload)


def _line(body: bytes, at: int) -> tuple[bytes, int]:
    """The line at a position, and where the next one begins: nothing but the line is copied."""
    end = body.find(b"\n", at)
    return (body[at:], len(body)) if end < 0 else (body[at:end], end + 1)


def _skip_blank(body: bytes, at: int) -> int:
    while at < len(body) and body[at] in b" \t\r\n":
        at += 1
    return at


def _object(line: bytes, what: str) -> dict[str, Any]:
    found = load(line)
    if not isinstance(found, dict):
        raise bad_request(f"{what} is not a JSON object")
    return found
