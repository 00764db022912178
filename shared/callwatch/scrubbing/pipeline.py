"""Scrubs one text: secrets and personal data by their look, and by the key before them.

1. Our own keys and tokens are removed by value. 2. Unicode signs, entities, percent-encoding and base64 are decoded for the
decision; a text without private data stays unchanged. 3. JSON within the text is scrubbed as data. 4. Secrets, queries, speech,
values in other notations, pairs of key and value, values that a word names, addresses, numbers, and at last names, which may
stand next to a mark.
"""

import json
import re
from urllib.parse import unquote, unquote_plus

from callwatch.scrubbing import notations, pairs
from callwatch.scrubbing.detectors import addresses, exchange_formats, folding, queries, speech, tokens
from callwatch.scrubbing.detectors.credentials import SECRETS
from callwatch.scrubbing.detectors.people import names, other_scripts
from callwatch.scrubbing.detectors.rules import list_word_heads
from callwatch.scrubbing.patterns import NUMERIC, PLAIN
from callwatch.scrubbing.sanitize import render_json
from callwatch.scrubbing.values import scrub_nested

_MAX_DECODINGS = 3
_MAX_NESTED_JSON = 5
_MAX_JSON_CHARS = 200_000
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# The user may be an e-mail, whose sign would end it after decoding.
# So may the password, of which only the part behind the last decoded sign would remain before the host.
_ENCODED_USER = re.compile(
    r"://(?:[^\s/@:\"'<>]{0,100}%40[^\s/@:\"'<>]{1,100}:[^\s\"'<>@/]{1,300}|[^\s/@:\"'<>]{0,100}:(?=[^\s\"'<>@/]{0,290}%[0-9A-Fa-f]{2})[^\s\"'<>@/]{1,300})@"
)
_NO_DIGITS = dict.fromkeys(map(ord, "0123456789"))
# The shortest number with a shape of its own is a MAC address or a Medicare id of five digits.
_MIN_DIGITS = 5
_JSON_START = re.compile(r"[{\[](?=\s{0,20}[\"{\[])")
_LONG_WORD = re.compile(r"[A-Za-z0-9_.+/=-]{12}")
# A hash or id alone, perhaps in the quotes of a repr.
_OPAQUE = re.compile(r"'?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})'?")
# The address of an API alone: plain words, and one short number. Other hosts than these name people, and other paths hold secrets,
# recordings, homes and card codes.
_PLAIN_ADDRESS = re.compile(
    r"https?://(?!hooks\.|discord|api\.telegram)(?![^ ]*(?:recording|webhook|/home/|/cv[vc]/|\.(?:wav|ogg|flac|opus|webm|amr|gsm)[./]))"
    r"(?:[a-z]{1,14}\.){1,4}(?:com|net|org|io)(?:/[a-z]{1,14}){0,6}(?:/\d{1,4})?(?:/[a-z]{1,14}){0,2}"
)
_DECODER = json.JSONDecoder()


def scrub_any(text: str, is_code: bool) -> str:
    """The scrubbed text, whatever its encoding; is_code: a line of source."""
    text = tokens.mask_own_secrets(text)
    if _OPAQUE.fullmatch(text) or (text.startswith("http") and _PLAIN_ADDRESS.fullmatch(text)):
        return text
    plain = folding.decode_entities(folding.fold_signs(text))
    if plain == text:
        return _scrub_signs(text, is_code)
    # Folded again: an entity may stand for a Unicode sign.
    plain = folding.fold_signs(plain)
    clean = _scrub_signs(plain, is_code)
    return clean if clean != plain else text


def _scrub_signs(text: str, is_code: bool) -> str:
    """Scrub a text whose signs are ASCII; percent-encoded parts are decoded for the decision."""
    if "%" not in text or not _ESCAPE.search(text):
        return _scrub_plain(text, is_code)
    plain = pairs.scrub_encoded_pairs(_ENCODED_USER.sub("://[credentials]@", text))
    is_split = plain != text
    for _ in range(_MAX_DECODINGS):
        decoded = unquote_plus(plain) if "=" in plain and " " not in plain else unquote(plain)
        if decoded == plain:
            break
        plain = decoded
    plain = folding.fold_signs(plain)
    clean = _scrub_plain(tokens.mask_own_secrets(plain), is_code)
    if clean != plain or is_split:
        return clean
    return _scrub_plain(text, is_code)


def _scrub_plain(text: str, is_code: bool) -> str:
    lower = text.lower()
    heads = list_word_heads(lower)
    if ("{" in text or "[" in text) and not is_code:
        text = _scrub_json(text)
    if _LONG_WORD.search(text):
        text = folding.mask_encoded(text, lambda plain: _scrub_plain(tokens.mask_own_secrets(plain), False))
        text = tokens.mask_tokens(text, lower)
    text = SECRETS.apply(text, lower, heads)
    if "key (" in lower:
        text = pairs.scrub_details(text)
    text = queries.mask_queries(text, heads)
    if not heads.isdisjoint(exchange_formats.HEADS):
        text = exchange_formats.mask_segments(text)
    text = _mask_speech(text, heads, is_code)
    if not is_code:
        text = notations.mask_argument_lists(notations.mask_notations(text, lower))
    if ":" in text or "=" in text:
        text = pairs.scrub_pairs(text, is_code)
    text = PLAIN.apply(text, lower, heads)
    if len(text) - len(text.translate(_NO_DIGITS)) >= _MIN_DIGITS:
        text = NUMERIC.apply(text, lower, heads)
    if not heads.isdisjoint(addresses.TRIGGERS):
        text = addresses.mask_addresses(text)
    text = other_scripts.mask_in_other_scripts(text)
    if text == lower:
        # Cities and people are capitalized, unless a word before them identifies a person.
        return names.mask_named(text, heads)
    text = addresses.mask_cities(text)
    return names.mask_names(text, heads)


def _mask_speech(text: str, heads: set[str], is_code: bool) -> str:
    if not heads.isdisjoint(speech.TRIGGERS):
        text = speech.mask_unreadable_json(text)
    if is_code:
        return text
    if "-->" in text:
        text = speech.mask_cues(text)
    if not heads.isdisjoint(speech.TURN_HEADS) and (":" in text or "]" in text):
        text = speech.mask_turns(text)
    return text if heads.isdisjoint(speech.HEALTH_HEADS) else speech.mask_health(text)


def _scrub_json(text: str) -> str:
    """The text with each piece of JSON in it scrubbed as data, by its keys and by its place in them."""
    if len(text) > _MAX_JSON_CHARS:
        return text
    parts, done, tries = [], 0, 0
    for match in _JSON_START.finditer(text):
        if tries >= _MAX_NESTED_JSON:
            break
        if match.start() < done:
            continue
        tries += 1
        try:
            inner, end = _DECODER.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        clean = scrub_nested(inner)
        parts.append(text[done:end] if clean == inner else text[done : match.start()] + render_json(clean))
        done = end
    return "".join((*parts, text[done:])) if parts else text
