"""All spellings of a private value in a stored text."""

import base64
import html
import json
import re
import unicodedata
from urllib.parse import quote, quote_plus, unquote

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def find_value(value: str, text: str) -> str | None:
    """Return the spelling in which `value` occurs in `text`; None if it does not occur."""
    spellings = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    spellings |= {quote(value), quote(value, safe=""), quote_plus(value), html.escape(value)}
    readings = _read_all(text)
    return next((spelling for spelling in sorted(spellings) if any(spelling in reading for reading in readings)), None)


def _read_all(text: str) -> set[str]:
    readings = {text, unquote(text), html.unescape(text), unicodedata.normalize("NFKC", text), text.replace("\\", "")}
    for piece in _BASE64.findall(text):
        body = piece.rstrip("=").replace("-", "+").replace("_", "/")
        if len(body) % 4 != 1:
            readings.add(base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8", "replace"))
    return readings
