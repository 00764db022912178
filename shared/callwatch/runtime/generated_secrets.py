"""Generates the secrets that no third party issues."""

import base64
import secrets


def generate_secrets() -> dict[str, str]:
    """New random values, by variable."""
    return {
        "ADMIN_SECRET": f"admin:{secrets.token_hex(20)}",
        "VIEWER_SECRET": f"viewer:{secrets.token_hex(20)}",
        "UPLOAD_SECRET": f"upload:{secrets.token_hex(20)}",
        "INGEST_KEYS": f"1:{secrets.token_hex(16)}",
        "USER_HASH_KEY": secrets.token_hex(32),
        "ALERT_WEBHOOK_SECRET": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "STATUS_WEBHOOK_SECRET": secrets.token_hex(32),
    }
