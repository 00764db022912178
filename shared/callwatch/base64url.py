"""Bytes as text that a URL, a cookie and a header carry: base64 for URLs, without padding (RFC 4648, section 5)."""

import base64


def encode_base64url(raw: bytes) -> str:
    """The text of some bytes."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_base64url(text: str) -> bytes:
    """The bytes of a text. Raises ValueError for a length that no text has; characters that are not base64 are skipped."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
