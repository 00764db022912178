"""The cookie of a session: made with the token that was exchanged for it, and read with the tokens in force.

Its key is derived from the token, slowly, so that a stolen cookie does not help to guess one. A token that is withdrawn ends its
sessions, and no further secret has to be kept.
"""

import functools
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from callwatch.base64url import decode_base64url, encode_base64url
from callwatch.models.role import SessionRole

# Only this host can set a cookie with this prefix, and only over TLS.
SECURE_NAME = "__Host-callwatch"
LOCAL_NAME = "callwatch"
# A page of another origin cannot send it without asking, and CORS does not allow it.
HEADER = "x-callwatch-session"
LIFETIME_S: Mapping[SessionRole, int] = {"admin": 7 * 86_400, "viewer": 30 * 86_400}
_LOOPBACK = re.compile(r"(localhost|[\w.-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?")
_MAX_CHARS = 600


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in. issued_ms, ends_ms: since 1970."""

    id: str
    role: SessionRole
    actor: str
    issued_ms: int
    ends_ms: int


def begin_session(role: SessionRole, actor: str, now_ms: int) -> Session:
    """Return a new session."""
    return Session(secrets.token_urlsafe(16), role, actor, now_ms, now_ms + LIFETIME_S[role] * 1000)


def seal(session: Session, token: str) -> str:
    """Return the value of the cookie."""
    fields = [session.id, session.role, session.actor, session.issued_ms, session.ends_ms]
    payload = encode_base64url(json.dumps(fields, separators=(",", ":")).encode())
    return f"{payload}.{_sign(payload, token)}"


def unseal(value: str, tokens: Iterable[tuple[str, str, str]]) -> Session | None:
    """Return the session of a cookie that one of these tokens (role, name, token) made, None for anything else.

    Its time may be over.
    """
    payload, _, signature = value.partition(".")
    session = _read(payload) if len(value) <= _MAX_CHARS else None
    if session is None:
        return None
    for role, actor, token in tokens:
        is_of_token = (role, actor) == (session.role, session.actor)
        if is_of_token and hmac.compare_digest(signature.encode(), _sign(payload, token).encode()):
            return session
    return None


def name_cookie(headers: Mapping[str, str]) -> str | None:
    """Return the name of the cookie for a request; None where no cookie would be safe: plain HTTP to another machine."""
    if headers.get("x-forwarded-proto", "https").lower() != "http":
        return SECURE_NAME
    return LOCAL_NAME if _LOOPBACK.fullmatch(headers.get("host", "")) else None


def find_cookie(cookies: Iterable[str], headers: Mapping[str, str]) -> str | None:
    """Return the value of the session's cookie, if the page of this very origin sent the request."""
    name = name_cookie(headers)
    if name is None or not headers.get(HEADER) or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return None
    pairs = (cookie.strip().partition("=") for cookie in cookies)
    return next((value for given, _, value in pairs if given == name), None)


def write_cookie(name: str, value: str, lifetime_s: int) -> str:
    """Return the Set-Cookie of a value; of no lifetime, the one that deletes it. No script can read it."""
    secure = "; Secure" if name == SECURE_NAME else ""
    return f"{name}={value}; Path=/; Max-Age={lifetime_s}; HttpOnly; SameSite=Strict{secure}"


def _read(payload: str) -> Session | None:
    try:
        found = json.loads(decode_base64url(payload))
    except ValueError:
        return None
    kinds = (str, str, str, int, int)
    if not isinstance(found, list) or len(found) != len(kinds) or not all(map(isinstance, found, kinds)):
        return None
    return Session(*found) if found[1] in LIFETIME_S else None


def _sign(payload: str, token: str) -> str:
    return encode_base64url(hmac.digest(_derive_key(token), payload.encode(), "sha256"))


@functools.lru_cache(maxsize=32)
def _derive_key(token: str) -> bytes:
    return hashlib.scrypt(token.encode(), salt=b"callwatch session 1", n=2**14, r=8, p=1, dklen=32)
