"""Shortens the JSON of an event that is too long to be read as it is, without parsing it: in linear time and little memory."""

import re
from collections.abc import Iterable

# Of an event that is too long: the length of its texts, tried in this order.
_TEXT_BYTES = (8_000, 1_000, 200)
# What identifies an event is dropped after everything else.
_IDENTITY = re.compile(
    rb'\s*"(?:event_id|timestamp|level|type|platform|environment|release|transaction|message|logentry|exception|tags|sdk)"'
)
# Of a trace that is too long: what a request is read from.
_REQUEST = frozenset(
    b"type timestamp start_timestamp transaction transaction_info contexts request tags environment release".split()
)
_TRACE_CONTEXTS = frozenset([b"trace", b"response"])
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
# A text that may be long, after all that comes before it: the engine passes short ones without a call of Python. It matches
# everywhere, so that no search starts twice.
_TEXT = re.compile(rb'((?:[^"]*+"[^"\\]{0,190}+")*+[^"]*+)(' + _STRING + rb")?", re.DOTALL)
_TOKEN = re.compile(_STRING + rb"|[\[\]{},]", re.DOTALL)
# Inside of a member, its commas say nothing.
_NESTED_TOKEN = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
# Whole characters and escapes; of a surrogate pair both halves.
_WHOLE = re.compile(
    rb"(?:[^\\]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\[^u])*+", re.DOTALL
)
_LAST_LONG_CHARACTER = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,3}\Z")
_ELLIPSIS = rb"\u2026"


def shorten_event(payload: bytes, max_bytes: int) -> bytes:
    """The event in at most `max_bytes`: its texts cut, then its longest members left out, those that identify it last.

    What is no JSON object, as far as its brackets tell, comes back as no JSON.
    """
    for limit in _TEXT_BYTES:
        payload = _cut_texts(payload, limit)
        if len(payload) <= max_bytes:
            return payload
    return _drop_members(payload, max_bytes)


def shorten_trace(payload: bytes, max_bytes: int) -> bytes:
    """The transaction in at most `max_bytes`: without its spans, and without contexts that say nothing about the request."""
    members = []
    for member in _split_members(payload):
        name, value = _split_name(member)
        if name == b"contexts":
            member = b'"contexts":' + _join(each for each in _split_members(value) if _split_name(each)[0] in _TRACE_CONTEXTS)
        if name in _REQUEST:
            members.append(member)
    return shorten_event(_join(members), max_bytes) if members else b""


def _split_name(member: bytes) -> tuple[bytes, bytes]:
    """The name of a member, empty if it has none, and its value."""
    before, _quote, rest = member.partition(b'"')
    name, _quote, value = rest.partition(b'"')
    return (b"", b"") if before.strip() else (name, value.partition(b":")[2])


def _join(members: Iterable[bytes]) -> bytes:
    return b"{" + b",".join(members) + b"}"


def _cut_texts(payload: bytes, limit: int) -> bytes:
    def cut(match: re.Match[bytes]) -> bytes:
        text = match[2] or b""
        if len(text) <= limit:
            return match[0]
        kept = _WHOLE.match(text[1:limit])
        return match[1] + b'"' + _LAST_LONG_CHARACTER.sub(b"", kept[0] if kept else b"") + _ELLIPSIS + b'"'

    return _TEXT.sub(cut, payload)


def _drop_members(payload: bytes, max_bytes: int) -> bytes:
    members = _split_members(payload)
    if not members:
        return b""
    room = max_bytes - 2
    kept = set()
    for at in sorted(range(len(members)), key=lambda at: (not _IDENTITY.match(members[at]), len(members[at]))):
        room -= len(members[at]) + 1
        if room < 0:
            break
        kept.add(at)
    return _join(member for at, member in enumerate(members) if at in kept)


def _split_members(payload: bytes) -> list[bytes]:
    """The members of an object, each with its name; none of what is no object or does not end as one."""
    members: list[bytes] = []
    depth = start = end = 0
    if not payload.lstrip().startswith(b"{"):
        return []
    while match := (_TOKEN if depth == 1 else _NESTED_TOKEN).search(payload, end):
        end = match.end()
        sign = payload[match.start() : match.start() + 1]
        if sign in (b"[", b"{"):
            depth += 1
            start = match.end() if depth == 1 else start
        elif sign in (b"]", b"}"):
            depth -= 1
            if depth == 0:
                is_all = not payload[match.end() :].strip()
                return [*members, payload[start : match.start()]] if is_all else []
        elif sign == b"," and depth == 1:
            members.append(payload[start : match.start()])
            start = match.end()
    return []
