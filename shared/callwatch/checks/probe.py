"""One HTTP request to a vendor, and what its answer means; reasons are told apart by status and body."""

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from callwatch.models.check import Reason, Status

# Read so much of an answer and no more: reasons stand at its beginning.
_MOST_BYTES = 64 * 1024
_TLS = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status code, body as JSON where it is some, time taken in ms."""

    status: int
    body: Any
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Nothing usable came back."""

    reason: Reason
    latency_ms: float


def ask(method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float) -> Answer | Failure:
    """Send one request; redirects are not followed. The caller's deadline also covers DNS, which no socket does."""
    parts = urlsplit(url)
    started = time.perf_counter()
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, timeout_s)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, {"user-agent": "callwatch", **headers})
        response = connection.getresponse()
        raw = response.read(_MOST_BYTES)
        return Answer(response.status, _json(raw), _ms_since(started))
    except TimeoutError:
        return Failure("timeout", _ms_since(started))
    except (OSError, http.client.HTTPException):
        return Failure("unreachable", _ms_since(started))
    finally:
        connection.close()


def judge_status(status: int) -> tuple[Status, Reason | None]:
    """What an HTTP status says by itself: 401/403 the key, 402 the credit, 429 the rate, 5xx the vendor."""
    if 200 <= status < 300:
        return "healthy", None
    if status in (401, 403):
        return "unhealthy", "auth"
    if status == 402:
        return "unhealthy", "quota"
    if status == 429:
        return "degraded", "rate_limited"
    return "degraded", "error"


def _connection(scheme: str, host: str, port: int | None, timeout_s: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=_tls())
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _tls() -> ssl.SSLContext:
    # Loading the certificates takes 20 ms: once per process.
    global _TLS
    if _TLS is None:
        _TLS = ssl.create_default_context()
    return _TLS


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
