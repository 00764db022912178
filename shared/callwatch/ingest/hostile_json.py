"""Reads JSON from outside: what Python's parser cannot read, or misreads without an error, is replaced and marked."""

import json
import re
from collections.abc import Iterable
from typing import Any

from callwatch.api.http import Request, read_int
from callwatch.events.work_limit import WorkBudget, WorkLimitReached
from callwatch.exceptions import TooLarge, Unreadable
from callwatch.ingest.content_encoding import decode

# Deeper than anything that is kept, and far below the limit of Python's parser.
MAX_DEPTH = 200
_TOO_DEEP = "[too deep]"
# A string without an end takes the whole remainder; otherwise the search would run to the end from each quote in it.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class _Repeated(dict[str, Any]):
    """An object in which a name stood more than once: the last value counts, as in all parsers."""


def read_json(request: Request, max_bytes: int, budget: WorkBudget | None = None) -> tuple[Any, list[str]]:
    """A request's body without its content-encoding, as `load_hostile` reads it. budget: that of the request, if it has one.

    Raises Unreadable if it is not JSON, TooLarge above `max_bytes` or if reading takes too long, UnsupportedType for another
    type or an unknown encoding.
    """
    request.expect_json()
    body = decode(request.body, request.headers.get("content-encoding", ""))
    if len(body) > max_bytes:
        raise TooLarge(f"the body is longer than {max_bytes} bytes: send fewer at once")
    try:
        with (budget or WorkBudget()).spend(0.5):
            return load_hostile(body)
    except WorkLimitReached:
        raise TooLarge("the body takes too long to read: send fewer at once") from None
    except ValueError:
        raise Unreadable("the body is not valid JSON") from None


def load_hostile(payload: bytes) -> tuple[Any, list[str]]:
    """A payload as data, including hostile numbers and nesting, with the kinds of what was sanitized: utf8, depth, duplicate.

    Raises ValueError if it is not JSON at all.
    """
    encoding = json.detect_encoding(payload)
    try:
        text, marks = payload.decode(encoding, "surrogatepass"), []
    except UnicodeDecodeError:
        text, marks = payload.decode(encoding, "replace"), ["utf8"]
    data, has_repeated = None, False

    def parse_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_repeated
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        has_repeated = True
        return _Repeated(found)

    try:
        data = json.loads(text, parse_int=read_int, object_pairs_hook=parse_object)
    except RecursionError:
        marks.append("depth")
        try:
            data = json.loads(_flatten(text), parse_int=read_int, object_pairs_hook=parse_object)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    return data, [*marks, *["duplicate"] * has_repeated]


def select_marks(part: Any, marks: Iterable[str]) -> list[str]:
    """The marks of a whole body that apply to a part of it."""
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


def _flatten(text: str) -> str:
    """JSON text without anything nested deeper than MAX_DEPTH, so that the remainder can be read."""
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
