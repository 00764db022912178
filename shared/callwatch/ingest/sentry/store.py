"""The body of `store/`, to which SDKs older than envelopes send: one event alone.

raven sends it as base64 of zlib-compressed JSON without saying so in a header; others send JSON, encoded as they declare.
"""

import base64
import binascii
import re

from callwatch.exceptions import Unreadable
from callwatch.ingest.content_encoding import decode
from callwatch.ingest.sentry.envelope import Item

_REMEDY = "the body is neither JSON nor base64 of zlib-compressed JSON: send one event as a JSON object"
# No JSON object begins like this. Ruby breaks base64 into lines.
_BASE64_START = re.compile(rb"[A-Za-z0-9+/]{2}")
_BLANKS = b" \t\r\n"


def read_store_body(body: bytes, encoding: str) -> list[Item]:
    """The one event in the body, as the item of an envelope; its JSON is not read.

    Raises what `decode` raises, and Unreadable for base64 that holds no zlib stream.
    """
    payload = decode(body, encoding)
    if payload is body and _BASE64_START.match(body[:100].lstrip(_BLANKS)):
        payload = _decode_base64(body)
    if not payload.strip(_BLANKS):
        raise Unreadable("the body is empty: send one event as a JSON object")
    return [Item("event", {}, payload)]


def _decode_base64(body: bytes) -> bytes:
    try:
        packed = base64.b64decode(body.translate(None, _BLANKS), validate=True)
    except binascii.Error:
        raise Unreadable(_REMEDY) from None
    try:
        return packed if packed.startswith(b"{") else decode(packed, "deflate")
    except Unreadable:
        raise Unreadable(_REMEDY) from None
