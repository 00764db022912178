"""Verifies one token of the issuer, and reads from it who signed in with which role."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jwt

from callwatch.exceptions import CallwatchError
from callwatch.oidc.keys import IssuerKeys
from callwatch.settings.oidc import OidcRoles

LEEWAY_S = 60
# The gateway takes 10,240 bytes of headers altogether.
MAX_TOKEN_CHARS = 10_000
_MAX_HEADER_CHARS = 1_000
_MAX_ACTOR_CHARS = 64
_ACTOR = r"[A-Za-z0-9_.@-]{1,64}"
_ALGORITHMS = ("RS256", "ES256")
_REQUIRED = ["exp", "iat", "iss", "sub"]


class TokenRefused(CallwatchError):
    """A token that proves nothing; its text holds nothing of the token."""


class TokenExpired(TokenRefused):
    """A token that was valid once."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in. role: None if no group of the user has one."""

    actor: str
    role: Literal["viewer", "admin"] | None


def verify_token(token: str, keys: IssuerKeys, client_id: str, roles: OidcRoles) -> Identity:
    """Return the user of a token. Raises TokenRefused, TokenExpired and IssuerUnavailable."""
    key_id, algorithm = _read_header(token)
    key = keys.find(key_id)
    # The key decides the algorithm: a token that names another one cannot use it in an unforeseen way.
    if key is None or key.algorithm_name != algorithm:
        raise TokenRefused("no key of the issuer has this id and algorithm")
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key=key,
            algorithms=[algorithm],
            issuer=keys.issuer,
            leeway=LEEWAY_S,
            options={"require": _REQUIRED, "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise TokenExpired("the token has expired") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TokenRefused(type(error).__name__) from None
    if not _is_for_us(claims, client_id):
        raise TokenRefused("the token is for another application")
    return Identity(_read_actor(claims), _find_role(claims, roles))


def _read_header(token: str) -> tuple[str, str]:
    if len(token) > MAX_TOKEN_CHARS or not re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", token):
        raise TokenRefused("not a signed token")
    if token.index(".") > _MAX_HEADER_CHARS:
        raise TokenRefused("the header is too long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenRefused("the header cannot be read") from None
    key_id, algorithm = header.get("kid"), header.get("alg")
    if not isinstance(key_id, str) or algorithm not in _ALGORITHMS or "crit" in header:
        raise TokenRefused("the header names no accepted algorithm and key")
    return key_id, algorithm


def _is_for_us(claims: Mapping[str, Any], client_id: str) -> bool:
    """Whether the token was issued to the page's application. A logout token has an event and signs nobody in."""
    if "events" in claims:
        return False
    audience = claims.get("aud")
    if audience is None:
        # An access token of Cognito.
        return bool(claims.get("client_id") == client_id)
    audiences = audience if isinstance(audience, list) else [audience]
    is_issued_to_us = len(audiences) == 1 or claims.get("azp", client_id) == client_id
    return client_id in audiences and is_issued_to_us


def _find_role(claims: Mapping[str, Any], roles: OidcRoles) -> Literal["viewer", "admin"] | None:
    listed = claims.get(roles.claim)
    groups = listed if isinstance(listed, list) else [listed]
    found = {roles.by_group.get(group) for group in groups if isinstance(group, str)}
    return "admin" if "admin" in found else "viewer" if "viewer" in found else None


def _read_actor(claims: Mapping[str, Any]) -> str:
    """Return the name that is kept with each action, with the signs and the length of a token's name.

    A user name with other signs gives way to the subject: without them, two users could have one name.
    """
    name = claims.get("preferred_username")
    if isinstance(name, str) and re.fullmatch(_ACTOR, name):
        return f"user:{name}"
    subject = re.sub(r"[^A-Za-z0-9_.@-]", "_", str(claims["sub"])[:_MAX_ACTOR_CHARS])
    return f"user:{subject or 'unnamed'}"
