"""Vercel's log drain: its signature, its handshake, and the crashes among its lines."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callwatch.api.http import Request, read_int
from callwatch.constant_time import equals_any
from callwatch.exceptions import Forbidden, NotFound, TooLarge, Unauthenticated, Unreadable
from callwatch.ingest.content_encoding import decode
from callwatch.ingest.crashes.crash import Crash, Kind, find_duration_ms, find_kind, read_time
from callwatch.ingest.routes import normalize_route

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_LINES = 10_000
_PATHS = ("logs",)
_CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MESSAGE_CHARS = 500
_GATEWAY_TIMEOUT = 504
_NO_RESPONSE = -1
# Their lines are not about a function.
_OTHER_SOURCES = frozenset({"build", "static", "external", "redirect", "firewall"})


def find_code(request: Request, configured: str | None) -> str | None:
    """The code with which the handshake is answered: the configured one, or the one that the request names."""
    given = configured or request.headers.get("x-vercel-verify", "")
    return given if _CODE.fullmatch(given) else None


def verify_signature(request: Request, body: bytes, secrets: Mapping[int, Sequence[str]]) -> int:
    """The project whose secret signed the body. Raises NotFound, Unauthenticated, Forbidden.

    Every secret of the project is compared, in constant time.
    """
    if request.path_parameters.get("proxy", "").rstrip("/") not in _PATHS:
        raise NotFound("Vercel's log drain is served at /api/<project>/vercel/logs")
    raw = request.path_parameters.get("project", "")
    project_id = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else -1
    signature = request.headers.get("x-vercel-signature", "")
    if not signature:
        raise Unauthenticated("the body must be signed: x-vercel-signature is missing")
    expected = [hmac.new(secret.encode(), body, hashlib.sha1).hexdigest() for secret in secrets.get(project_id, ())]
    if not equals_any(signature, expected):
        raise Forbidden("x-vercel-signature is not made with a secret of this project in VERCEL_LOG_SECRET")
    return project_id


def read_lines(body: bytes, encoding: str) -> list[Any]:
    """Read the lines of a batch, which is a JSON array or one JSON value per line. A line that is not JSON becomes None.

    Raises Unreadable for an array that is not JSON, TooLarge above MAX_BODY_BYTES, and what `decode` raises.
    """
    text = decode(body, encoding)
    if len(text) > MAX_BODY_BYTES:
        raise TooLarge(f"the body is longer than {MAX_BODY_BYTES} bytes: send fewer lines at once")
    if text.lstrip()[:1] == b"[":
        found = _load(text)
        if not isinstance(found, list):
            raise Unreadable("the body is neither a JSON array nor JSON line by line")
        return found[:MAX_LINES]
    return [_load(line) for line in text.split(b"\n", MAX_LINES)[:MAX_LINES] if line.strip()]


def list_crashes(lines: Sequence[Any]) -> Iterator[Crash]:
    """The crashes among the lines of a drain."""
    for line in lines:
        if isinstance(line, dict):
            crash = _read_line(line)
            if crash is not None:
                yield crash


def _read_line(line: Mapping[str, Any]) -> Crash | None:
    if str(line.get("source")) in _OTHER_SOURCES:
        return None
    message = line["message"] if isinstance(line.get("message"), str) else ""
    status = line.get("statusCode")
    kind = (
        find_kind(message)
        or _find_kind_of_status(status)
        or ("fatal" if "fatal" in (line.get("level"), line.get("type")) else None)
    )
    if kind is None:
        return None
    path = _read_text(line, "path")
    function = _read_text(line, "entrypoint") or (normalize_route(path, is_raw=True) if path else "unknown function")
    return Crash(
        platform="vercel",
        kind=kind,
        function=function[:200],
        message=message.strip()[:_MESSAGE_CHARS] or f"no response (status {status})",
        occurred_at=read_time(line.get("timestamp")),
        log_id=_read_text(line, "id") or json.dumps(line, sort_keys=True, default=str)[:10_000],
        request_id=_read_text(line, "requestId"),
        duration_ms=find_duration_ms(message),
        environment=_read_text(line, "environment"),
        release=_read_text(line, "deploymentId"),
        context={
            "status_code": status if isinstance(status, int) else None,
            "host": _read_text(line, "host"),
            "region": _read_text(line, "executionRegion"),
            "vercel_project": _read_text(line, "projectName") or _read_text(line, "projectId"),
        },
    )


def _find_kind_of_status(status: Any) -> Kind | None:
    """-1: the function sent no response."""
    return "timeout" if status == _GATEWAY_TIMEOUT else "crash" if status == _NO_RESPONSE else None


def _read_text(line: Mapping[str, Any], name: str) -> str | None:
    value = line.get(name)
    return value[:300] if isinstance(value, str) and value else None


def _load(text: bytes) -> Any:
    try:
        return json.loads(text, parse_int=read_int)
    except (ValueError, RecursionError):
        return None
