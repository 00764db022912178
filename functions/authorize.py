"""Lambda authorizer: says who calls, and never denies; the functions themselves answer 401 and 403."""

import hmac
from collections.abc import Iterator
from typing import Any

from callwatch.settings import Settings, get_settings


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Payload v2 with simple responses: `context.role` is none, ingest, viewer or admin; `context.actor` a name."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    role, actor = identify(headers.get("authorization", ""), get_settings())
    return {"isAuthorized": True, "context": {"role": role, "actor": actor}}


def identify(authorization: str, settings: Settings) -> tuple[str, str]:
    """Role and actor for an Authorization header; every known token is compared, in constant time."""
    scheme, _, token = authorization.partition(" ")
    given = token.strip().encode() if scheme.lower() == "bearer" else b""
    found = ("none", "anonymous")
    for role, actor, known in _known_tokens(settings):
        # No early end: the time taken tells nothing about which token was close.
        if hmac.compare_digest(given, known.encode()) and found[0] == "none":
            found = (role, actor)
    return found


def _known_tokens(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for role, tokens in (("admin", settings.admin_secret), ("viewer", settings.viewer_secret)):
        for named in tokens or ():
            yield role, named.name, named.token
    for project_id, keys in (settings.ingest_keys or {}).items():
        for key in keys:
            yield "ingest", f"project:{project_id}", key
