"""Parses the settings of sign-in by OpenID Connect.

Each parser takes the raw text and returns the value, or raises ValueError whose text completes the sentence "NAME must be ...".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from callwatch.settings.values import parse_http_url, split_entries

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ROLES: Mapping[str, Literal["viewer", "admin"]] = {"viewer": "viewer", "admin": "admin"}


@dataclass(frozen=True, slots=True)
class OidcRoles:
    """The claim that lists a user's groups, and the role that each group gives."""

    claim: str
    by_group: Mapping[str, Literal["viewer", "admin"]]


def parse_issuer(raw: str) -> str:
    """The issuer, exactly as its tokens name it: a trailing slash is part of it."""
    expected = "the https URL that the issuer's tokens name, without a query, a password, or signs that only a policy uses"
    parts = urlsplit(parse_http_url(raw))
    is_safe = parts.scheme == "https" or parts.hostname in _LOOPBACK
    if not is_safe or not re.fullmatch(r"https?://[A-Za-z0-9._~:/%\[\]-]{1,500}", raw):
        raise ValueError(expected)
    return raw


def parse_issuer_origin(raw: str) -> str:
    """An origin; it becomes part of the page's Content-Security-Policy."""
    issuer = parse_issuer(raw)
    if find_origin(issuer) != issuer:
        raise ValueError("an origin such as https://team.auth.eu-west-1.amazoncognito.com, without a path")
    return issuer


def find_origin(url: str) -> str:
    """The origin of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def parse_client_id(raw: str) -> str:
    """The id of the application that the issuer knows."""
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", raw):
        raise ValueError("the client id of the page's application, without spaces")
    return raw


def parse_oidc_roles(raw: str) -> OidcRoles:
    """`claim:group=role,group=role`. The claim may hold colons (cognito:groups), a group may not."""
    expected = "claim:group=role entries such as groups:ops=admin,support=viewer; a role is viewer or admin"
    claim, colon, first = raw.partition("=")[0].rpartition(":")
    if not colon or not re.fullmatch(r"[\x21-\x7e]{1,200}", claim):
        raise ValueError(expected)
    found: dict[str, Literal["viewer", "admin"]] = {}
    for entry in split_entries(raw[len(claim) + 1 :]):
        group, equals, role = (part.strip() for part in entry.partition("="))
        if not equals or not group or role not in _ROLES or group in found:
            raise ValueError(expected)
        found[group] = _ROLES[role]
    if not first.strip():
        raise ValueError(expected)
    return OidcRoles(claim, found)
