"""Lambda authorizer: names the caller and when it may call again. It never denies; the functions respond 401, 403, 429."""

import base64
import functools
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from callwatch.api.credentials import read_basic, read_bearer
from callwatch.constant_time import equals_any
from callwatch.models.role import EXTERNAL_PREFIX, CallerRole, FailedSignIn
from callwatch.runtime.caller_limits import Caller, CallerLimits
from callwatch.runtime.start import prepare_environment
from callwatch.sessions.cookie import Session, find_cookie, unseal
from callwatch.settings import Settings, get_settings

if TYPE_CHECKING:
    from callwatch.oidc.keys import IssuerKeys

prepare_environment()
_limits = CallerLimits()
# What every signed JSON token begins with: the base64 of {".
_JWT_START = "eyJ"


class CallerContext(TypedDict):
    """What the functions receive about a caller. retry_after_s: of one over its limit. sign_in: of one without a role.
    session_id, session_issued_ms: of one with the cookie of a session instead of a token.
    """

    role: CallerRole
    actor: str
    sign_in: NotRequired[FailedSignIn]
    session_id: NotRequired[str]
    session_issued_ms: NotRequired[int]
    retry_after_s: NotRequired[int]


class AuthorizerResponse(TypedDict):
    """A simple response of payload v2."""

    isAuthorized: bool
    context: CallerContext


def lambda_handler(event: dict[str, Any], _context: Any) -> AuthorizerResponse:
    """Return a simple response of payload v2.

    `context.role` is none, ingest, upload, viewer or admin; `context.actor` is a name. For a caller over its limit,
    `context.retry_after_s` says when it may call again; `context.sign_in` says why a given token has no role.
    """
    return {"isAuthorized": True, "context": describe_caller(event, get_settings(), _limits)}


def describe_caller(event: Mapping[str, Any], settings: Settings, limits: CallerLimits) -> CallerContext:
    """Build the context that the functions receive about a caller."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    authorization = headers.get("authorization", "")
    path = str(event.get("rawPath") or "")
    role, actor = identify(to_bearer(authorization) if path.startswith(EXTERNAL_PREFIX) else authorization, settings)
    failure: FailedSignIn | None = "failed" if role == "none" and authorization.strip() else None
    if failure and settings.oidc_issuer and (token := read_signed_token(authorization)):
        role, actor, failure = identify_by_issuer(token, settings)
    cookie = None if authorization.strip() else find_cookie(event.get("cookies") or (), headers)
    session = None if cookie is None else read_session(cookie, settings)
    if cookie is not None:
        is_open = session is not None and time.time() * 1000 < session.ends_ms
        role, actor = (session.role, session.actor) if session and is_open else (role, actor)
        failure = None if is_open else "expired" if session else "failed"
    context: CallerContext = {"role": role, "actor": actor}
    if session and not failure:
        context |= {"session_id": session.id, "session_issued_ms": session.issued_ms}
    if failure:
        context["sign_in"] = failure
    caller: Caller = role if role != "none" else "failed" if "sign_in" in context else "anonymous"
    address = str(event.get("requestContext", {}).get("http", {}).get("sourceIp", ""))
    retry_after_s = limits.take(caller, actor if role != "none" else address)
    if retry_after_s:
        context["retry_after_s"] = retry_after_s
    return context


def identify(authorization: str, settings: Settings) -> tuple[CallerRole, str]:
    """Return role and actor for an Authorization header; compares every known token in constant time."""
    given = read_bearer(authorization) or ""
    found: tuple[CallerRole, str] = ("none", "anonymous")
    for role, actor, known in _list_known_tokens(settings):
        # No early exit: the duration must not reveal which token was close.
        if equals_any(given, [known]) and found[0] == "none":
            found = (role, actor)
    return found


def read_session(cookie: str, settings: Settings) -> Session | None:
    """Return the session of a cookie that a token in force has made; its time may be over."""
    return unseal(cookie, _list_known_tokens(settings))


def read_signed_token(authorization: str) -> str | None:
    """Return the bearer token if it has the look of a signed JSON token, which no token of ours has to have."""
    token = read_bearer(authorization)
    return token if token and token.startswith(_JWT_START) and token.count(".") == 2 else None


def identify_by_issuer(token: str, settings: Settings) -> tuple[CallerRole, str, FailedSignIn | None]:
    """Return role and actor of a token of OIDC_ISSUER, and why it has no role."""
    # The two packages behind it take tens of milliseconds to import, and only these tokens need them.
    from callwatch.oidc.keys import IssuerUnavailable
    from callwatch.oidc.verify import TokenExpired, TokenRefused, verify_token

    if settings.oidc_issuer is None or settings.oidc_audience is None or settings.oidc_roles is None:
        return "none", "anonymous", "failed"
    try:
        found = verify_token(token, _find_keys(settings.oidc_issuer), settings.oidc_audience, settings.oidc_roles)
    except TokenExpired:
        return "none", "anonymous", "expired"
    except TokenRefused:
        return "none", "anonymous", "failed"
    except IssuerUnavailable:
        return "none", "anonymous", "unavailable"
    return (found.role, found.actor, None) if found.role else ("none", found.actor, "no_role")


@functools.cache
def _find_keys(issuer: str) -> "IssuerKeys":
    from callwatch.oidc.keys import IssuerKeys

    return IssuerKeys(issuer)


def to_bearer(authorization: str) -> str:
    """Return Basic credentials as the bearer token that their password is; anything else unchanged."""
    given = read_basic(authorization)
    if given is None:
        return authorization
    try:
        _user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except ValueError:
        return authorization
    return f"Bearer {password}"


def _list_known_tokens(settings: Settings) -> Iterator[tuple[CallerRole, str, str]]:
    for named in settings.admin_secret or ():
        yield "admin", named.name, named.token
    for named in settings.viewer_secret or ():
        yield "viewer", named.name, named.token
    for named in settings.upload_secret or ():
        yield "upload", named.name, named.token
    for project_id, keys in (settings.ingest_keys or {}).items():
        for key in keys:
            yield "ingest", f"project:{project_id}", key
