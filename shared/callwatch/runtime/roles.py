"""The roles that may call each function."""

from collections.abc import Mapping

from callwatch.api.http import Request
from callwatch.exceptions import Forbidden, Unauthenticated
from callwatch.models.role import EXTERNAL_PREFIX, FailedSignIn, Role

# Admin also reads, sends and uploads; ingest only sends, and upload only reports releases.
_ALLOWED: Mapping[str, frozenset[str]] = {
    "viewer": frozenset({"viewer", "admin"}),
    "admin": frozenset({"admin"}),
    "ingest": frozenset({"ingest", "admin"}),
    "upload": frozenset({"upload", "admin"}),
}

_REMEDIES: Mapping[FailedSignIn, str] = {
    "expired": "the sign-in has expired; sign in again",
    "unavailable": "the sign-in service of the organization does not respond; try again later, or use a token",
}


def check_role(request: Request, role: Role | None) -> None:
    """Raise Unauthenticated for a caller without a valid token, Forbidden for one with an insufficient role."""
    if role is None or request.role in _ALLOWED[role]:
        return
    if request.sign_in == "no_role":
        raise Forbidden("the account that signed in is in no group with a role here")
    if request.role == "none":
        remedy = _REMEDIES.get(request.sign_in or "failed", "send a valid token as `Authorization: Bearer <token>`")
        is_external = request.path.startswith(EXTERNAL_PREFIX)
        challenge = 'Basic realm="callwatch", charset="UTF-8"' if is_external else "Bearer"
        raise Unauthenticated(remedy, headers={"www-authenticate": challenge})
    raise Forbidden(f"this needs the role {role}; the token has the role {request.role}")
