"""Generates the secrets that no third party issues."""

import base64
import secrets


def generate_secrets() -> dict[str, str]:
    """New random values, by variable."""
    return {
        "ADMIN_SECRET": f"admin:{_make_token()}",
        "VIEWER_SECRET": f"viewer:{_make_token()}",
        "UPLOAD_SECRET": f"upload:{_make_token()}",
        "INGEST_KEYS": f"1:{secrets.token_hex(16)}",
        "USER_HASH_KEY": secrets.token_hex(32),
        "ALERT_WEBHOOK_SECRET": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "STATUS_WEBHOOK_SECRET": secrets.token_hex(32),
    }


def _make_token() -> str:
    """A token that is known by its look, so that it is scrubbed where errors are accepted, and no token is known."""
    return f"cwt_{secrets.token_hex(20)}"
