"""JSON as the outside sends it: what Python's parser cannot read, or reads in silence, is mended and marked."""

import json
import re
from collections.abc import Iterable
from typing import Any

from callwatch.http import HttpError, Request, bad_request, read_int
from callwatch.tracker.sentry.body import decode

# Deeper than anything that is kept, and far from what Python's parser cannot do.
MAX_DEPTH = 200
_TOO_DEEP = "[too deep]"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class _Repeated(dict[str, Any]):
    """An object in which a name stood more than once: the last value holds, as everywhere."""


def body_of(request: Request, max_bytes: int) -> tuple[Any, list[str]]:
    """A request's body without its content-encodings, as `load_hostile` reads it.

    Raises HttpError: 400 where it is no JSON, 413 above `max_bytes`, 415 for another type or an unknown encoding.
    """
    request.expect_json()
    body = decode(request.body, request.headers.get("content-encoding", ""))
    if len(body) > max_bytes:
        raise HttpError(413, "too_large", f"the body is longer than {max_bytes} bytes: send fewer at once")
    try:
        return load_hostile(body)
    except ValueError:
        raise bad_request("the body is not valid JSON") from None


def load_hostile(payload: bytes) -> tuple[Any, list[str]]:
    """A payload as data, hostile numbers and nesting included, with the kinds of what was mended: utf8, depth, duplicate.

    Raises ValueError where it is not JSON at all.
    """
    encoding = json.detect_encoding(payload)
    try:
        text, marks = payload.decode(encoding, "surrogatepass"), []
    except UnicodeDecodeError:
        text, marks = payload.decode(encoding, "replace"), ["utf8"]
    data, has_repeated = None, False

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_repeated
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        has_repeated = True
        return _Repeated(found)

    try:
        data = json.loads(text, parse_int=read_int, object_pairs_hook=object_of)
    except RecursionError:
        marks.append("depth")
        try:
            data = json.loads(_flattened(text), parse_int=read_int, object_pairs_hook=object_of)
        except RecursionError:
            raise ValueError("nested too deep") from None
    return data, [*marks, *["duplicate"] * has_repeated]


def marks_within(part: Any, marks: Iterable[str]) -> list[str]:
    """Those of the marks of a whole that a part of it bears."""
    sought = set(marks)
    found: set[str] = set()
    waiting = [part] if sought else []
    while waiting and found != sought:
        value = waiting.pop()
        if isinstance(value, str):
            found |= {"utf8"} & sought if "\ufffd" in value else set()
            found |= {"depth"} & sought if value == _TOO_DEEP else set()
        elif isinstance(value, dict):
            found |= {"duplicate"} if isinstance(value, _Repeated) else set()
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
    return sorted(found)


def _flattened(text: str) -> str:
    """JSON text with whatever is nested deeper than MAX_DEPTH cut out, so that the rest can be read."""
    parts, done, depth = [], 0, 0
    for match in _TOKEN.finditer(text):
        bracket = match[0]
        if bracket in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                parts.append(text[done : match.start()])
        elif bracket in "]}":
            if depth == MAX_DEPTH + 1:
                parts.append(f'"{_TOO_DEEP}"')
                done = match.end()
            depth -= 1
    return "".join([*parts, text[done:]])
