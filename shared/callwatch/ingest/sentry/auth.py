"""Finds the key of a DSN without decoding a body: in a header, the query, or the first line of the envelope."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from callwatch.api.http import Request
from callwatch.constant_time import equals_any
from callwatch.exceptions import Forbidden, RequestRefused, Unauthenticated
from callwatch.ingest.content_encoding import MAX_START_BYTES, decode_first_line

_IN_HEADER = re.compile(r"sentry_key\s{0,9}=\s{0,9}([0-9a-fA-F]{1,64})")
# What sends no DSN, such as an exporter of OpenTelemetry, sends the key as a token.
_BEARER = re.compile(r"bearer {1,9}([0-9a-fA-F]{1,64}) {0,9}", re.IGNORECASE)
_KEY = re.compile(r"[0-9a-zA-Z]{1,64}")
_MAX_HEADER_CHARS = 4_000


def find_key(request: Request, read_start: Callable[[int], bytes]) -> str:
    """The key that came with the request, or an empty text.

    read_start: returns the beginning of the body; called only if no key stands outside of the body. Raises UnsupportedType for an
    unknown encoding.
    """
    for name in ("x-sentry-auth", "authorization"):
        match = _IN_HEADER.search(request.headers.get(name, "")[:_MAX_HEADER_CHARS])
        if match:
            return match[1]
    bearer = _BEARER.fullmatch(request.headers.get("authorization", "")[:_MAX_HEADER_CHARS])
    if bearer:
        return bearer[1]
    if request.query.get("sentry_key"):
        return _check_key(request.query["sentry_key"])
    line = decode_first_line(read_start(MAX_START_BYTES), request.headers.get("content-encoding", ""))
    return _find_key(line)


def authenticate(key: str, raw_project: str, known: Mapping[int, Sequence[str]]) -> int:
    """The project in the path, if the key is one of its keys. Raises Unauthenticated or Forbidden.

    Every known key is compared, in constant time.
    """
    if not key:
        raise _refuse(Unauthenticated, "send the DSN's key as sentry_key in X-Sentry-Auth or in the query, or as a bearer token")
    project_id = int(raw_project) if raw_project.isascii() and raw_project.isdigit() and len(raw_project) < 10 else -1
    owners = {owner for owner, keys in known.items() if equals_any(key, keys)}
    if not owners:
        raise _refuse(Unauthenticated, "the DSN's key is not known")
    if project_id not in owners:
        raise _refuse(Forbidden, "the DSN's key belongs to another project")
    return project_id


def find_owner(key: str, known: Mapping[int, Sequence[str]]) -> int:
    """The project that a key belongs to. Raises Unauthenticated. Every known key is compared, in constant time."""
    owners = [owner for owner, keys in known.items() if equals_any(key, keys)]
    if not owners:
        raise _refuse(Unauthenticated, "the key in the address is not known: use one of INGEST_KEYS")
    return owners[0]


def _find_key(line: bytes) -> str:
    """The key in the `dsn` of an envelope header; an empty text for any other line."""
    try:
        headers = json.loads(line)
        dsn = headers.get("dsn") if isinstance(headers, dict) else None
        return _check_key(urlsplit(dsn).username or "") if isinstance(dsn, str) else ""
    except (ValueError, RecursionError):
        return ""


def _check_key(key: str) -> str:
    return key if _KEY.fullmatch(key) else ""


def _refuse(kind: type[RequestRefused], message: str) -> RequestRefused:
    return kind(message, headers={"x-sentry-error": message})
