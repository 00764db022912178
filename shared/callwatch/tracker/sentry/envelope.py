"""An envelope's frame: a header line, then items, each a header line and a payload."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from callwatch.http import bad_request

MAX_ITEMS = 1_000


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its type, its headers, its bytes."""

    kind: str
    headers: dict[str, Any]
    payload: bytes


def parse(body: bytes) -> tuple[dict[str, Any], list[Item]]:
    """Headers and items. Raises HttpError 400 where the frame is broken; what an item holds is not looked at."""
    line, _, rest = body.partition(b"\n")
    headers = _object(line, "the envelope's header")
    items = list(_items(rest))
    return headers, items


def load(payload: bytes) -> Any:
    """A payload as data, hostile numbers and nesting included; None where it is not JSON at all."""
    try:
        return json.loads(payload.decode("utf-8", "replace"), parse_int=_integer)
    except (ValueError, RecursionError):
        return None


def _items(rest: bytes) -> Iterator[Item]:
    count = 0
    while rest.strip():
        count += 1
        if count > MAX_ITEMS:
            raise bad_request(f"an envelope takes at most {MAX_ITEMS} items")
        rest = rest.lstrip(b"\n")
        line, _, rest = rest.partition(b"\n")
        headers = _object(line, "an item's header")
        length = headers.get("length")
        if length is None:
            payload, _, rest = rest.partition(b"\n")
        elif isinstance(length, int) and not isinstance(length, bool) and 0 <= length <= len(rest):
            payload, rest = rest[:length], rest[length:]
        else:
            raise bad_request("an item's length goes past the envelope's end")
        yield Item(str(headers.get("type") or ""), headers, payload)


def _object(line: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise bad_request(f"{what} is not a JSON object")
    return found


def _integer(text: str) -> int | float:
    # Python refuses to read integers of more than 4,300 digits.
    return int(text) if len(text) < 4_000 else math.inf
