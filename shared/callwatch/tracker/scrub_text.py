"""Scrubs one text: secrets and personal data by their look, and by the key in front of them."""

import functools
import re
from urllib.parse import unquote, unquote_plus

from callwatch.tracker.scrub_keys import Verdict, is_private, verdict_of_key

# Texts of this length repeat from event to event (lines of code, headers, labels) and are worth remembering.
_REMEMBERED_CHARS = 300
_MOST_DECODINGS = 8
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_HAS_DIGITS = re.compile(r"\d[^A-Za-z]{0,3}\d")
# Something private is made of these at least: a digit pair, an address, a key with a value, or one of a few words.
_HINT = re.compile(
    r"[@=:\uff20]|\d[^A-Za-z]{0,3}\d|-----begin|eyj|agt_|sk-|[srp]k_|gh[pousr]_|github_pat|xox|whsec|akia|asia|glpat|npm_|sg\.|aiza"
    r"|bearer|basic|token|passw|passcode|secret|\bmrs?\b|\bms\b|miss|\bdr\b|dear|postcode|postal|failing row|customer|agent|caller|client|patient|lead|policyh|beneficiar|spouse"
    r"|insured|applicant|contact|my name|, [a-z]{2}(?![a-z])|\brep\b|member|\bbox\b|road|street|avenue|\bave\b|b(?:ou)?le?va?r?d|lane|drive|\bst\b"
)
_KEY = re.compile(
    r"(?<![\w.])(?P<key>[A-Za-z_$][\w.-]{0,79}+)(?P<quote>\\{0,3}[\"'`]?\]?)[ \t]{0,3}(?P<sep>:=|=>|[:=])[ \t]{0,3}(?!=)"
)
# PostgreSQL names the columns and values of a violated key.
_DETAIL = re.compile(r"(?<=[Kk]ey )\((?P<columns>[^()]{1,300})\)=\((?P<values>[^\r\n]{0,1000}?)\)(?= |$|\.)", re.MULTILINE)
_INSERT = re.compile(
    r"\((?P<columns>[^()]{1,1000})\)(?P<between>\s{0,9}values\s{0,9})\((?P<values>[^()]{0,4000})\)", re.IGNORECASE
)
_LIST = re.compile(r"\[[^\]]{2,4000}\]")
_QUOTE = re.compile(r"(?:[bBuUrR]{1,2})?\\{0,3}([\"'`])")
# What an unquoted value reaches to, by kind.
_WORD = re.compile(r"[^\s,;&)}\"'<>`\[\]{(]+")
_REST = re.compile(r"[^\r\n\"'}`]{1,4000}")
_CLAUSE = re.compile(r"[^\r\n\"'};&=|]{1,120}")
_PEOPLE = re.compile(r"(?:[^\s,;&)}\"'<>`\[\]{(]|'(?=\w))+(?:[ +](?!and\b|is\b|was\b)[A-Z][\w'.-]*){0,3}")
_NUMBER = re.compile(r"[+(]?[\w()./-]+(?: ?[\d().+-][\d().+-]*)*")
_DATE = re.compile(r"[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2} [A-Za-z]{3,9} \d{4}|[^\s,;&)}\"'<>`]+")
_REACH = {"name": _PEOPLE, "address": _CLAUSE, "city": _PEOPLE, "dob": _DATE, "transcript": _REST}
_REACH |= dict.fromkeys(("phone", "card", "account", "ssn", "zip", "licence", "medicare"), _NUMBER)
_WHOLE_LINE = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "passphrase"})
# What stands behind "token:" in a sentence about tokens.
_NO_VALUE = frozenset(
    "true false null none undefined nil is are was were must not invalid missing required expired empty wrong unknown the a an for"
    " from in on of to no found failed takes expected unexpected cannot could has should may at by with revoked denied valid end".split()
)


def scrub_text(text: str, is_code: bool = False) -> str:
    """The text with each private part replaced by a mark of its kind, such as "[phone]".

    is_code: a line of source, in which only literals hold values.
    """
    return _remembered(text, is_code) if len(text) <= _REMEMBERED_CHARS else _scrub(text, is_code)


@functools.lru_cache(maxsize=8192)
def _remembered(text: str, is_code: bool) -> str:
    return _scrub(text, is_code)


def _scrub(text: str, is_code: bool) -> str:
    lower = text.lower()
    if not _HINT.search(lower):
        return text
    if "%" in text and _ESCAPE.search(text):
        return _scrub_escaped(text, is_code)
    return _scrub_plain(text, lower, is_code)


def _scrub_escaped(text: str, is_code: bool) -> str:
    """Percent-encoded text is judged as what it says; it stays as it was where that is harmless."""
    plain = text
    for _ in range(_MOST_DECODINGS):
        decoded = unquote_plus(plain) if "=" in plain and " " not in plain else unquote(plain)
        if decoded == plain:
            break
        plain = decoded
    clean = _scrub_plain(plain, plain.lower(), is_code)
    if clean != plain:
        return clean
    return _scrub_plain(text, text.lower(), is_code)


def _scrub_plain(text: str, lower: str, is_code: bool) -> str:
    # To compile all patterns takes 12 ms: whoever scrubs nothing starts without them.
    from callwatch.tracker.scrub_patterns import NUMERIC, PLAIN, SECRETS, apply

    text = apply(SECRETS, text, lower)
    if "key (" in lower:
        text = _DETAIL.sub(_scrub_detail, text)
    if "values" in lower:
        text = _INSERT.sub(_scrub_insert, text)
    if ":" in text or "=" in text:
        text = _scrub_pairs(text, is_code)
    text = apply(PLAIN, text, lower)
    return apply(NUMERIC, text, lower) if _HAS_DIGITS.search(text) else text


def _scrub_detail(match: re.Match[str]) -> str:
    columns, values = match["columns"].split(", "), match["values"].split(", ")
    if len(columns) != len(values):
        # A value with a comma cannot be told from two.
        verdict = next((found for name in columns if (found := verdict_of_key(name))), None)
        return f"({match['columns']})=([{verdict.kind}])" if verdict else match[0]
    pairs = zip((verdict_of_key(name) for name in columns), values, strict=True)
    clean = [
        f"[{verdict.kind}]" if verdict and is_private(verdict, value) and _is_open(value) else value for verdict, value in pairs
    ]
    return f"({match['columns']})=({', '.join(clean)})"


def _scrub_insert(match: re.Match[str]) -> str:
    columns, values = match["columns"].split(","), match["values"].split(",")
    if len(columns) != len(values):
        return match[0]
    verdicts = [verdict_of_key(name.strip(' "')) for name in columns]
    clean = [
        f" '[{verdict.kind}]'" if verdict and is_private(verdict, value.strip(" '\"")) and _is_open(value.strip(" '")) else value
        for verdict, value in zip(verdicts, values, strict=True)
    ]
    return f"({match['columns']}){match['between']}({','.join(clean).strip()})"


def _scrub_pairs(text: str, is_code: bool) -> str:
    """Values behind private keys: JSON, reprs of dicts and objects, query strings, forms, headers, log lines."""
    parts, done = [], 0
    for match in _KEY.finditer(text):
        if match.start() < done:
            continue
        verdict = verdict_of_key(match["key"])
        if verdict is None:
            continue
        found = _value_at(text, match, verdict, is_code)
        if found:
            start, end = found
            parts.append(f"{text[done:start]}[{verdict.kind}]")
            done = end
    parts.append(text[done:])
    return "".join(parts)


def _value_at(text: str, key: re.Match[str], verdict: Verdict, is_code: bool) -> tuple[int, int] | None:
    """Start and end of a private value behind its key, or None."""
    quoted = _QUOTE.match(text, key.end())
    if quoted:
        start = quoted.end()
        end = _end_of_quoted(text, start, quoted[1])
        # A text may have been cut within the value.
        value = (text[start:] if end < 0 else text[start:end]).rstrip("\\")
        is_person = not verdict.is_loose or is_name(value, 2 if is_code else 1)
        return (start, start + len(value)) if is_person and _is_open(value) and is_private(verdict, value) else None
    if verdict.kind == "transcript" and not is_code and (inner := _LIST.match(text, key.end())):
        return inner.span() if _is_open(inner[0]) else None
    if is_code or (text.startswith(("[", "{", "("), key.end()) and verdict.kind != "phone"):
        return None
    raw = _reach_of(key, verdict).match(text, key.end())
    if raw is None or raw[0].lower().strip(".,:;!") in _NO_VALUE or raw[0].partition(" ")[0].lower() in _NO_VALUE:
        return None
    value = raw[0].rstrip()
    # "token = read()" and "password = settings.password" are code.
    is_expression = text.startswith("(", raw.end()) or value.lower().rpartition(".")[2] == key["key"].lower()
    if is_expression or not _is_open(value) or not _is_value(verdict, value, key["sep"]):
        return None
    return raw.start(), raw.start() + len(value)


def _end_of_quoted(text: str, start: int, quote: str) -> int:
    """Where the closing quote stands; one that is escaped or doubled closes nothing."""
    is_escaped = text[start - 2 : start - 1] == "\\"
    end = text.find(quote, start)
    while end > start and ((text[end - 1] == "\\" and not is_escaped) or text[end + 1 : end + 2] == quote):
        end = text.find(quote, end + 1 if text[end - 1] == "\\" else end + 2)
    return end


def _reach_of(key: re.Match[str], verdict: Verdict) -> re.Pattern[str]:
    if verdict.kind == "token":
        return _REST if key["key"].lower() in _WHOLE_LINE and key["sep"] == ":" else _WORD
    return _REACH.get(verdict.kind, _WORD)


def _is_value(verdict: Verdict, value: str, separator: str) -> bool:
    """Whether an unquoted text behind a private key is a value, and not the rest of a sentence."""
    if verdict.is_loose:
        return is_name(value, 2)
    if verdict.kind == "token" and value.isdigit() and len(value) < 4:
        # "pass: 12, fail: 3"
        return False
    if verdict.kind in ("phone", "card", "account", "ssn", "zip", "licence", "medicare", "dob"):
        # The shape is asked for even where the key alone would do: "phone: is required".
        return is_private(Verdict(verdict.kind), value)
    if verdict.kind in ("city", "name") and separator == ":":
        return value[:1].isupper() or " " not in value
    return is_private(Verdict(verdict.kind) if verdict.kind in ("email", "address") else verdict, value)


def is_name(value: str, least_words: int) -> bool:
    """Whether a text is made of that many capitalised words, as a person's name is."""
    words = re.split(r"[ +]", value.strip())
    return least_words <= len(words) <= 4 and all(
        re.fullmatch(r"[A-Z][^\W\d_]*(?:['\u2019.-][^\W\d_]*)*", word) for word in words
    )


def _is_open(value: str) -> bool:
    # What was scrubbed before is left as it is.
    return bool(value.strip()) and not re.fullmatch(r"\s*\[[a-z-]+\]\s*", value)
