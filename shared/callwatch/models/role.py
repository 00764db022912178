"""Who may call: the role of a token, and the role that a route needs."""

from typing import Literal

Role = Literal["viewer", "admin", "ingest", "upload"]
# none: a caller without a valid token.
CallerRole = Literal["none", "ingest", "upload", "viewer", "admin"]

# Below it, the password of Basic credentials is a token: SNS knows no other form.
EXTERNAL_PREFIX = "/api/external/"
