"""Replaces the ids of people by HMACs: the same person can be found again, and nobody can be read from what is stored."""

import hashlib
import hmac
from typing import Literal

from callwatch.exceptions import ConfigurationError


def hash_identity(kind: Literal["actor", "subject"], text: str, key: str | None) -> str:
    """The HMAC of an id, as 40 hex digits. The kinds differ, so that an actor is not found as a subject.

    Raises ConfigurationError without a key: anybody could compute such hashes.
    """
    if not key:
        raise ConfigurationError("USER_HASH_KEY or INGEST_KEYS must be set, so that ids can be kept as HMACs")
    return hmac.new(key.encode(), f"{kind}\0{text.strip()}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:40]
