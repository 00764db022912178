"""Who may call: the role of a token, and the role that a route needs."""

from typing import Literal

Role = Literal["viewer", "admin", "ingest", "upload"]
# none: a caller without a valid token.
CallerRole = Literal["none", "ingest", "upload", "viewer", "admin"]
# Why a given token has no role. expired, no_role, unavailable: only by OpenID Connect; unavailable: the issuer is down.
FailedSignIn = Literal["failed", "expired", "no_role", "unavailable"]

# Below it, the password of Basic credentials is a token: SNS knows no other form.
EXTERNAL_PREFIX = "/api/external/"
