"""An envelope's frame: a header line, then items, each a header line and a payload."""

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


def parse(body: bytes) -> tuple[dict[str, Any], list[Item], Item | None]:
    """Headers, items, and where the frame breaks the rest: an item with what can be told of its type; None where it is whole.

    Raises HttpError 400 where the envelope's own header is broken. What an item holds is not looked at.
    """
    line, after = _line(body, 0)
    headers = load(line)
    if not isinstance(headers, dict):
        raise bad_request("the envelope's header is not a JSON object")
    items: list[Item] = []
    at = _skip_blank(body, after)
    while at < len(body):
        if len(items) == MAX_ITEMS:
            raise bad_request(f"an envelope takes at most {MAX_ITEMS} items")
        item, at, is_whole = _item(body, at)
        if not is_whole:
            return headers, items, item
        items.append(item)
        at = _skip_blank(body, at)
    return headers, items, None


def load(payload: bytes) -> Any:
    """A payload as data; None where it is not JSON at all."""
    return load_marked(payload)[0]


def load_marked(payload: bytes) -> tuple[Any, list[str]]:
    """A payload as data, with the kinds of what was mended; None where it is not JSON at all."""
    try:
        return load_hostile(payload)
    except ValueError:
        return None, []


def _item(body: bytes, at: int) -> tuple[Item, int, bool]:
    """The item at a position, where the next one begins, and whether it is whole."""
    line, start = _line(body, at)
    headers = load(line)
    if not isinstance(headers, dict):
        return Item("", {}, body[at:]), len(body), False
    kind, length = str(headers.get("type") or ""), headers.get("length")
    if length is None:
        payload, after = _line(body, start)
        return Item(kind, headers, payload), after, True
    if isinstance(length, int) and not isinstance(length, bool) and 0 <= length <= len(body) - start:
        return Item(kind, headers, body[start : start + length]), start + length, True
    return Item(kind, headers, body[start:]), len(body), False


def _line(body: bytes, at: int) -> tuple[bytes, int]:
    """The line at a position, and where the next one begins: nothing but the line is copied."""
    end = body.find(b"\n", at)
    return (body[at:], len(body)) if end < 0 else (body[at:end], end + 1)


def _skip_blank(body: bytes, at: int) -> int:
    while at < len(body) and body[at] in b" \t\r\n":
        at += 1
    return at
