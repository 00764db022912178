"""The public keys of the issuer: fetched when a token needs them, kept for a bounded time, never fetched often.

Imported only when a token must be verified: PyJWT and cryptography take tens of milliseconds.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt

from callwatch.exceptions import CallwatchError
from callwatch.http_client.client import RequestFailed, send_request

# Both requests together: the gateway waits ten seconds for the authorizer.
DEADLINE_S = 3.0
# After this time the keys are fetched again; a key that the issuer withdrew is unknown from then on.
FRESH_S = 600.0
# Without an answer of the issuer the keys stay valid up to this age.
MAX_AGE_S = 3600.0
# An unknown key id causes at most one fetch in this time, and an issuer that is down at most one in the other.
REFETCH_S = 60.0
RETRY_S = 15.0
_MAX_BYTES = 256 * 1024
_MAX_KEYS = 50
# 8,192 bits in base64url: verifying takes longer with a larger modulus or exponent.
_MAX_MODULUS_CHARS = 1_400
_MAX_EXPONENT_CHARS = 8
_MIN_RSA_BITS = 2048
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}

_log = logging.getLogger(__name__)


class IssuerUnavailable(CallwatchError):
    """The issuer's keys cannot be read, and none are kept that are recent enough."""


class IssuerKeys:
    """The keys of one issuer in the memory of one execution environment."""

    def __init__(self, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._next_at = 0.0

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """Return the key, None if the issuer has none with this id. Raises IssuerUnavailable."""
        with self._lock:
            age_s = self._measure_age_s()
            if (age_s is None or age_s >= FRESH_S or key_id not in self._keys) and self._clock() >= self._next_at:
                self._refresh()
            age_s = self._measure_age_s()
            if age_s is None or age_s >= MAX_AGE_S:
                self._keys = {}
                raise IssuerUnavailable("the sign-in service of the organization does not respond")
            return self._keys.get(key_id)

    def _measure_age_s(self) -> float | None:
        return None if self._fetched_at is None else self._clock() - self._fetched_at

    def _refresh(self) -> None:
        try:
            self._keys = fetch_keys(self.issuer)
            self._fetched_at = self._clock()
            self._next_at = self._fetched_at + REFETCH_S
        except IssuerUnavailable as error:
            self._next_at = self._clock() + RETRY_S
            _log.warning("the keys of OIDC_ISSUER cannot be read: %s", error)


def fetch_keys(issuer: str) -> dict[str, jwt.PyJWK]:
    """Read the issuer's usable keys by their id. Raises IssuerUnavailable, whose text holds nothing of the response."""
    ends_at = time.monotonic() + DEADLINE_S
    found = _get_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration", ends_at)
    if found.get("issuer") != issuer:
        raise IssuerUnavailable("its discovery document names another issuer")
    address = found.get("jwks_uri")
    if not isinstance(address, str) or urlsplit(address).scheme != urlsplit(issuer).scheme:
        raise IssuerUnavailable("its discovery document names no address of keys")
    listed = _get_json(address, ends_at).get("keys")
    if not isinstance(listed, list):
        raise IssuerUnavailable("its key document lists no keys")
    keys = dict(pair for entry in listed[:_MAX_KEYS] if (pair := read_key(entry)))
    if not keys:
        raise IssuerUnavailable("its key document lists no usable key")
    return keys


def _get_json(url: str, ends_at: float) -> Mapping[str, Any]:
    try:
        response = send_request(
            "GET",
            url,
            {"accept": "application/json"},
            None,
            max(0.0, ends_at - time.monotonic()),
            max_body_bytes=_MAX_BYTES,
            is_repeatable=True,
        )
    except RequestFailed as error:
        raise IssuerUnavailable(error.reason) from None
    except ValueError:
        raise IssuerUnavailable("an address of it is no URL") from None
    if response.status != 200 or response.is_truncated or response.body_error:
        raise IssuerUnavailable(response.body_error or f"status {response.status}, or more than {_MAX_BYTES} bytes")
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        raise IssuerUnavailable("its response is not JSON") from None
    if not isinstance(found, dict):
        raise IssuerUnavailable("its response is not a JSON object")
    return found


def read_key(entry: object) -> tuple[str, jwt.PyJWK] | None:
    """Return id and key of one entry of a key document; None if it is no public key for RS256 or ES256."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    key_id, kind = entry.get("kid"), entry.get("kty")
    algorithm = ALGORITHMS.get(kind) if isinstance(kind, str) else None
    if not isinstance(key_id, str) or algorithm is None or entry.get("alg", algorithm) != algorithm:
        return None
    if algorithm == "ES256" and entry.get("crv") != "P-256":
        return None
    given = {name: entry.get(name) for name in ("kty", "crv", "x", "y", "n", "e") if name in entry}
    if any(not isinstance(text, str) or len(text) > _MAX_MODULUS_CHARS for text in given.values()):
        return None
    if len(given.get("e") or "") > _MAX_EXPONENT_CHARS:
        return None
    try:
        key = jwt.PyJWK(given, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return (key_id, key) if getattr(key.key, "key_size", 0) >= _MIN_RSA_BITS or algorithm == "ES256" else None
