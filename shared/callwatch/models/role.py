"""Who may call: the role of a token, and the role that a route needs."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["viewer", "admin", "ingest", "upload"]
# Of people, who sign in on the page.
SessionRole = Literal["viewer", "admin"]
# none: a caller without a valid token.
CallerRole = Literal["none", "ingest", "upload", "viewer", "admin"]
# Why a given token has no role. expired, no_role, unavailable: only by OpenID Connect; unavailable: the issuer is down.
FailedSignIn = Literal["failed", "expired", "no_role", "unavailable"]


@dataclass(frozen=True, slots=True)
class CallerSession:
    """The session of a caller that sent no token. issued_ms: since 1970."""

    id: str
    issued_ms: int


# Below it, the password of Basic credentials is a token: SNS knows no other form.
EXTERNAL_PREFIX = "/api/external/"
