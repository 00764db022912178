"""Converts the many spellings of one text to plain ASCII signs: Unicode digits, dashes, blanks and quotes, entities, base64."""

import base64
import json
import re
import unicodedata
from collections.abc import Callable

_FIRST_FOLDED_CODE = 0xA0
_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4", "'") | dict.fromkeys(
    "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'
)
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
_FULL_WIDTH = range(0xFF01, 0xFF5F)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
# Base64 of at least a dozen characters; text that begins with the code of {" or [" is JSON.
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_.%-])[A-Za-z0-9+/_-]{16,}={0,2}(?![A-Za-z0-9+/=_.-])")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){12,}+(?![0-9A-Za-z])")
_MAX_BASE64_CHARS = 65_536
_MAX_BASE64_PIECES = 40
# Accents are separate characters after decomposition; these letters have none and are mapped by hand.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"})


class _Folding(dict[int, str | int]):
    """A table for str.translate that looks a character up once and keeps the result if folding changes it."""

    def __missing__(self, code: int) -> str | int:
        folded = _fold_character(code)
        if folded != code:
            self[code] = folded
        return folded


_TABLE = _Folding((code, code) for code in range(_FIRST_FOLDED_CODE))


def fold_signs(text: str) -> str:
    """The text with ASCII digits, dashes, blanks and quotes in place of those of Unicode; letters keep their accents."""
    return text if text.isascii() else text.translate(_TABLE)


def fold_letters(word: str) -> str:
    """A word in lowercase without accents, apostrophes and hyphens, as the word lists hold it."""
    lower = word.lower()
    if not lower.isascii():
        lower = "".join(
            sign for sign in unicodedata.normalize("NFKD", lower.translate(_LETTERS)) if not unicodedata.combining(sign)
        )
    return lower if lower.isalpha() else "".join(filter(str.isalpha, lower))


def decode_entities(text: str) -> str:
    """The text without HTML entities; the same text if it has none."""
    if "&" not in text or not _ENTITY.search(text):
        return text
    import html

    return html.unescape(text)


def mask_encoded(text: str, scrub: Callable[[str], str]) -> str:
    """The text with `[encoded]` for each piece of base64 or hex whose plain text `scrub` would change."""
    left = _MAX_BASE64_PIECES

    def mask(match: re.Match[str]) -> str:
        nonlocal left
        if left <= 0 or len(match[0]) > _MAX_BASE64_CHARS:
            return match[0]
        plain = _decode(match[0])
        if plain is None:
            return match[0]
        left -= 1
        return match[0] if scrub(plain) == plain else "[encoded]"

    return _HEX.sub(mask, _BASE64.sub(mask, text))


def _decode(piece: str) -> str | None:
    if _HEX.fullmatch(piece):
        return _decode_hex(piece)
    body = piece.rstrip("=").replace("-", "+").replace("_", "/")
    # The first bytes decide for nearly all ids and hashes: they are not printable text.
    if len(body) % 4 == 1 or not _is_printable(base64.b64decode(body[:12])):
        return None
    plain = base64.b64decode(body + "=" * (-len(body) % 4))
    try:
        found = plain.decode()
    except UnicodeDecodeError:
        return None
    if not _is_printable(plain[:200]):
        return None
    if found[:1] in "{[":
        try:
            json.loads(found)
        except (ValueError, RecursionError):
            return None
        return found
    # Plain text has a separator; a long word that merely decodes to letters has none.
    return found if any(sign in found for sign in "@=: ") else None


def _decode_hex(piece: str) -> str | None:
    """The text of hex digits, as dumps of bytes show it; ids and hashes are no printable text."""
    raw = bytes.fromhex(piece)
    if not _is_printable(raw[:8]) or not _is_printable(raw[:200]):
        return None
    found = raw.decode("utf-8", "replace")
    return found if any(sign in found for sign in "@=: ") else None


def _is_printable(raw: bytes) -> bool:
    return all(32 <= byte < 127 or byte in b"\t\r\n" or byte >= 0xC3 for byte in raw) or raw[:1] in (b"{", b"[")


def _fold_character(code: int) -> str | int:
    if code in _FULL_WIDTH:
        return chr(code - 0xFEE0)
    sign = chr(code)
    if sign in _INVISIBLE:
        return ""
    if sign in _QUOTES:
        return _QUOTES[sign]
    category = unicodedata.category(sign)
    if category == "Nd":
        return str(unicodedata.digit(sign))
    if category == "Pd" or code == 0x2212:
        return "-"
    return " " if category == "Zs" else code
