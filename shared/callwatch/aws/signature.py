"""Signs requests to AWS: Signature Version 4, as "Create a signed AWS API request" in the IAM user guide defines it."""

import functools
import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """The keys of one caller; a role's keys are valid only with their token."""

    access_key: str
    secret_key: str
    token: str | None = None


class Scope(NamedTuple):
    """What a signature is valid for, such as ("us-east-1", "sqs")."""

    region: str
    service: str


def sign_post(
    headers: Mapping[str, str], body: bytes, credentials: Credentials, scope: Scope, signed_at: str, path: str = "/"
) -> dict[str, str]:
    """Return the headers of a signed POST without a query; the path needs no encoding.

    headers: names in lower case, with "host"; all of them are signed. signed_at: UTC, such as 20150830T123600Z.
    """
    signed = {**headers, "x-amz-date": signed_at}
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = sorted(signed)
    lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in names)
    signed_names = ";".join(names)
    request = f"POST\n{path}\n\n{lines}\n{signed_names}\n{hashlib.sha256(body).hexdigest()}"
    day = signed_at[:8]
    where = f"{day}/{scope.region}/{scope.service}/aws4_request"
    text = f"{_ALGORITHM}\n{signed_at}\n{where}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(_derive_key(credentials.secret_key, day, scope), text.encode(), hashlib.sha256).hexdigest()
    proof = f"Credential={credentials.access_key}/{where}, SignedHeaders={signed_names}, Signature={signature}"
    signed["authorization"] = f"{_ALGORITHM} {proof}"
    return signed


@functools.lru_cache(maxsize=8)
def _derive_key(secret_key: str, day: str, scope: Scope) -> bytes:
    """The signing key of a day."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
