"""An envelope's frame: a header line, then items, each with a header line and a payload."""

import re
from dataclasses import dataclass
from typing import Any

from callwatch.exceptions import Unreadable
from callwatch.ingest.content_encoding import refuse_size
from callwatch.ingest.hostile_json import load_hostile

MAX_ITEMS = 1_000
# The largest headers of Relay have a few KB.
MAX_HEADER_BYTES = 64 * 1024
_BLANK = re.compile(rb"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its type, its headers, its bytes."""

    kind: str
    headers: dict[str, Any]
    payload: bytes


def parse(body: bytes) -> tuple[dict[str, Any], list[Item], Item | None]:
    """Headers, items, and the item where the frame breaks off, with its type if known; None if the frame is whole.

    Raises Unreadable if the envelope header is broken. The contents of items are not read.
    """
    line, after = _read_line(body, 0)
    headers = _load_header(line)
    if headers is None:
        raise Unreadable(f"the envelope header is not a JSON object of at most {MAX_HEADER_BYTES} bytes")
    items: list[Item] = []
    at = _BLANK.match(body, after).end()  # type: ignore[union-attr]  # it matches anything
    while at < len(body):
        if len(items) == MAX_ITEMS:
            raise Unreadable(f"an envelope must have at most {MAX_ITEMS} items")
        item, at, is_whole = _read_item(body, at)
        if not is_whole:
            return headers, items, item
        items.append(item)
        at = _BLANK.match(body, at).end()  # type: ignore[union-attr]
    return headers, items, None


def parse_up_to_attachment(body: bytes) -> tuple[dict[str, Any], list[Item], None]:
    """The same of the beginning of an envelope that is too large, if the attachment at its end is why.

    Raises TooLarge if it ends in anything else.
    """
    try:
        headers, items, rest = parse(body)
    except Unreadable:
        raise refuse_size() from None
    if rest is None or rest.kind != "attachment":
        raise refuse_size()
    return headers, [*items, rest], None


def load(payload: bytes) -> Any:
    """A payload as data; None if it is not JSON at all."""
    return load_marked(payload)[0]


def load_marked(payload: bytes) -> tuple[Any, list[str]]:
    """A payload as data, with the kinds of what was sanitized; None if it is not JSON at all."""
    try:
        return load_hostile(payload)
    except ValueError:
        return None, []


def _read_item(body: bytes, at: int) -> tuple[Item, int, bool]:
    """The item at a position, the position of the next one, and whether the item is whole."""
    line, start = _read_line(body, at)
    headers = _load_header(line)
    if headers is None:
        return Item("", {}, body[at:]), len(body), False
    kind, length = str(headers.get("type") or ""), headers.get("length")
    if length is None:
        payload, after = _read_line(body, start)
        return Item(kind, headers, payload), after, True
    if isinstance(length, int) and not isinstance(length, bool) and 0 <= length <= len(body) - start:
        return Item(kind, headers, body[start : start + length]), start + length, True
    return Item(kind, headers, body[start:]), len(body), False


def _load_header(line: bytes) -> dict[str, Any] | None:
    found = load(line) if len(line) <= MAX_HEADER_BYTES else None
    return found if isinstance(found, dict) else None


def _read_line(body: bytes, at: int) -> tuple[bytes, int]:
    """The line at a position, and the position of the next one; only the line is copied."""
    end = body.find(b"\n", at)
    return (body[at:], len(body)) if end < 0 else (body[at:end], end + 1)
