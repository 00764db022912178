"""Scrubs values of private keys within a text: JSON, reprs of objects, query strings, forms, headers, log lines."""

import re

from callwatch.scrubbing.detectors.keys import Verdict, classify_key, is_private
from callwatch.scrubbing.detectors.people.kinds import Kind, classify_word
from callwatch.scrubbing.detectors.people.names import end_of_name, is_person
from callwatch.scrubbing.detectors.prose import is_about_person, is_prose, is_speech
from callwatch.scrubbing.fields import describe_field

_KEY = re.compile(
    r"(?<![\w.])(?P<key>[A-Za-z_$\u00c0-\u024f][\w.-]{0,79}+)(?P<quote>\\{0,7}[\"'`]?\]?)[ \t]{0,3}(?P<sep>:=|=>|=|:(?!:))[ \t]{0,3}(?!=)"
)
_SPEECH = Verdict("transcript")
# If one of these occurs in a text, its "content" and "text" are a conversation.
_CONVERSATION = re.compile(
    r"[\"'](?:messages|role|sentences|segments|utterances|choices|analysis|transcript|paragraphs|words|speaker|delta)\\{0,3}[\"']\s?:"
)
# PostgreSQL names the columns and values of a violated key.
_DETAIL = re.compile(
    r"(?<=[Kk]ey )\((?P<columns>(?:[^()\r\n]|\([^()\r\n]{0,100}\)){1,300})\)="
    # Parentheses in a value are in pairs as a rule: "(+1 (305) 555-0147)".
    r"\((?P<values>(?:[^()\r\n]|\([^()\r\n]{0,100}\)){0,300}+(?=\)(?: |$|\.))|[^\r\n]{0,300}?)\)(?= |$|\.)",
    re.MULTILINE,
)
_FUNCTION = re.compile(r"\w{1,30}\((\w{1,60})(?:::\w{1,30})?\)")
_LIST = re.compile(r"\[[^\]]{2,4000}\]")
# The value may be wrapped: Some("x") of Rust and Scala, Optional("x") of Swift, Just "x" of Haskell.
_WRAPPER = r"(?:(?:Some|Just|Optional|Ok|Present|Secret|SecretString)(?:[(\[]|[ ](?=\")))?"
_QUOTE = re.compile(rf"{_WRAPPER}(?:[bBuUrR]{{1,2}})?\\{{0,7}}([\"'`])")
_WRAPPED = re.compile(r"(?:Some|Optional|Ok|Present|Secret)[(\[](?=[\w+])")
# The extent of an unquoted value, by kind.
_WORD = re.compile(r"[^\s,;&)}\"'<>`\[\]{(]+")
_REST = re.compile(r"[^\r\n\"'}`]{1,4000}")
_CLAUSE = re.compile(r"[^\r\n\"'};&=|]{1,120}")
_FIRST_OF_NAME = re.compile(r"(?:[^\s,;&)}\"'<>`\[\]{(]|'(?=\w))+")
_NEXT_OF_NAME = re.compile(r"[ +](?!and\b|is\b|was\b)(?P<word>[^\W\d_][\w'.-]{0,40}+)(?![=(/\\@_:])")
_REST_OF_NAME = re.compile(
    r"(?: (?!(?:and|or|is|was|has|had|not|for|with|in|on|at|to|from|by|of|the|a|id|must|may|can|will|\w{1,20}(?:ed|ing|es))\b)[^\W\d_][\w'.-]{0,30}){1,2}(?=[,;|)}\]\r\n])",
    re.I,
)
_CITY = re.compile(r"(?:[^\s,;&)}\"'<>`\[\]{(]|'(?=\w))+(?:[ +](?!and\b|is\b|was\b)[A-Z][\w'.-]*){0,3}")
_NUMBER = re.compile(r"[+(]?(?:[\w./-]|\)|(?<=[\d+])\()+(?: ?\(?[\d.+-][\d().+-]*)*")
_DATE = re.compile(
    r"[A-Za-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{1,2}(?:st|nd|rd|th)? [A-Za-z]{3,9} \d{4}|[^\s,;&)}\"'<>`]+"
)
_REACH = {
    "address": _CLAUSE,
    "city": _CITY,
    "dob": _DATE,
    "transcript": _REST,
    "location": re.compile(r"-?\d[\d.]*(?:, ?-?\d[\d.]*)?"),
}
_REACH |= dict.fromkeys(("phone", "card", "account", "ssn", "zip", "licence", "medicare"), _NUMBER)
_WHOLE_LINE = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "passphrase"})
# Words that follow "token:" in a sentence about tokens.
_NO_VALUE = frozenset(
    "true false null none undefined nil is are was were must not yes no invalid missing required expired empty wrong unknown the a"
    " an for"
    " from in on of to no found failed takes expected unexpected cannot could has should may at by with revoked denied valid end".split()
)
_MAX_NAME_WORDS = 4
# "%s", "%(token)s", "%{token}"
_FORMAT = re.compile(r"%(?:[sdrifjo](?!\w)|[({])")
_PLAIN_URL = re.compile(r"https?://[\w.-]{1,100}(?:/[\w./-]{0,200})?")
_IS_ADDRESS = re.compile(r"(?:url|dsn|connection_?string|connstr)$", re.I)


def scrub_pairs(text: str, is_code: bool) -> str:
    """The text with the mark of its kind for each private value of a key."""
    parts, done, is_conversation = [], 0, None
    for match in _KEY.finditer(text):
        if match.start() < done:
            continue
        field = describe_field(match["key"])
        verdict = field.verdict
        may_be_speech = field.is_speech or field.is_speech_in_parent or field.is_mixed
        if verdict is None and may_be_speech and match["quote"] and not is_code:
            if is_conversation is None:
                is_conversation = _CONVERSATION.search(text) is not None
            found = _find_speech(text, match, is_conversation)
            verdict = _SPEECH
        elif verdict is None:
            continue
        else:
            found = _find_value(text, match, verdict, is_code)
        if found:
            start, end = found
            parts.append(f"{text[done:start]}[{verdict.kind}]")
            done = end
    return "".join((*parts, text[done:])) if parts else text


def scrub_details(text: str) -> str:
    """The text without the private values of PostgreSQL's `Key (column)=(value)`."""
    return _DETAIL.sub(_scrub_detail, text)


def scrub_encoded_pairs(text: str) -> str:
    """A percent-encoded text, still encoded, without secrets: after decoding, characters of the value would seem to end it."""
    parts, done = [], 0
    for match in _KEY.finditer(text):
        verdict = classify_key(match["key"])
        if match.start() < done or verdict is None or verdict.is_loose or match["sep"] == ":":
            continue
        value = _ENCODED_VALUE.match(text, match.end())
        if value and "%" in value[0] and is_private(verdict, value[0]):
            parts.append(f"{text[done : value.start()]}[{verdict.kind}]")
            done = value.end()
    return "".join((*parts, text[done:])) if parts else text


_ENCODED_VALUE = re.compile(r"(?!\[)[^\s,;&)}\"'<>`{(\]]+")


def is_value(verdict: Verdict, value: str, key: str) -> bool:
    """Whether a text that stands for the value of a private key is one, and no word about it such as "required"."""
    first = value.partition(" ")[0].lower().strip(".,:;!")
    return first not in _NO_VALUE and _is_open(value) and _is_value(verdict, value, "=", key)


def _scrub_detail(match: re.Match[str]) -> str:
    columns, values = [_FUNCTION.sub(r"\1", name) for name in match["columns"].split(", ")], match["values"].split(", ")
    if len(columns) != len(values):
        # A value with a comma looks like two.
        verdict = next((found for name in columns if (found := classify_key(name))), None)
        return f"({match['columns']})=([{verdict.kind}])" if verdict else match[0]
    pairs = zip((classify_key(name) for name in columns), values, strict=True)
    clean = [
        f"[{verdict.kind}]" if verdict and is_private(verdict, value) and _is_open(value) else value for verdict, value in pairs
    ]
    return f"({match['columns']})=({', '.join(clean)})"


def _find_speech(text: str, key: re.Match[str], is_conversation: bool) -> tuple[int, int] | None:
    """Start and end of a quoted text that a person said or a model wrote, or None."""
    quoted = _QUOTE.match(text, key.end())
    if not quoted:
        return None
    value = _read_quoted_value(text, quoted)
    field = describe_field(key["key"])
    is_taken = is_prose(value) if is_conversation or field.is_speech else is_speech(value)
    is_taken = is_taken or (field.is_summary and is_about_person(value))
    return (quoted.end(), quoted.end() + len(value)) if is_taken and _is_open(value) else None


def _read_quoted_value(text: str, quoted: re.Match[str]) -> str:
    end = _end_of_quoted(text, quoted.end(), quoted[1])
    # The text may have been cut within the value.
    return (text[quoted.end() :] if end < 0 else text[quoted.end() : end]).rstrip("\\")


def _find_value(text: str, key: re.Match[str], verdict: Verdict, is_code: bool) -> tuple[int, int] | None:
    """Start and end of the private value of a key, or None."""
    quoted = _QUOTE.match(text, key.end())
    if quoted:
        start = quoted.end()
        value = _read_quoted_value(text, quoted)
        is_taken = not verdict.is_loose or is_person(value, is_role=verdict.is_role)
        if is_code and verdict.is_loose:
            is_taken = is_taken and " " in value
        return (start, start + len(value)) if is_taken and _is_open(value) and is_private(verdict, value) else None
    if verdict.kind == "transcript" and not is_code and (inner := _LIST.match(text, key.end())):
        return inner.span() if _is_open(inner[0]) else None
    if is_code or (text.startswith(("[", "{", "("), key.end()) and verdict.kind != "phone"):
        return None
    raw = _read_raw_value(text, key, verdict)
    if raw is None:
        return None
    start, value = raw
    is_spoken = verdict.kind == "transcript" and value.count(" ") > 3
    if not is_spoken and (value.lower().strip(".,:;!") in _NO_VALUE or value.partition(" ")[0].lower() in _NO_VALUE):
        return None
    value = value.rstrip()
    # "token = read()" and "password = settings.password" are code.
    is_expression = text.startswith("(", start + len(value)) or value.lower().rpartition(".")[2] == key["key"].lower()
    if is_expression or not _is_open(value) or not _is_value(verdict, value, key["sep"], key["key"]):
        return None
    return start, start + len(value)


def _read_raw_value(text: str, key: re.Match[str], verdict: Verdict) -> tuple[int, str] | None:
    """Start and text of an unquoted value; its extent depends on the kind."""
    wrapper = _WRAPPED.match(text, key.end())
    at = wrapper.end() if wrapper else key.end()
    if verdict.kind == "name":
        name = _read_raw_name(text, at)
        return _extend_to_clause_end(text, name) if name and verdict.is_whole else name
    pattern = _REACH.get(verdict.kind, _WORD)
    if verdict.kind == "token":
        pattern = _REST if key["key"].lower() in _WHOLE_LINE and key["sep"] == ":" else _WORD
    found = pattern.match(text, at)
    return (at, found[0]) if found else None


def _read_raw_name(text: str, at: int) -> tuple[int, str] | None:
    end = end_of_name(text, at)
    # A word before the next separator is a key: "FirstName:Ann LastName:Lee".
    while end > at and text.startswith((":", "="), end):
        end = text.rfind(" ", at, end)
    if end > at:
        return at, text[at:end].rstrip()
    first = _FIRST_OF_NAME.match(text, at)
    if not first:
        return None
    end = first.end()
    for _ in range(_MAX_NAME_WORDS - 1):
        following = _NEXT_OF_NAME.match(text, end)
        if not following or classify_word(following["word"]) == Kind.PLAIN:
            break
        end = following.end()
    return at, text[at:end]


def _extend_to_clause_end(text: str, found: tuple[int, str]) -> tuple[int, str]:
    """The name up to the sign that ends its field: "customer_name: john q public, id 7"."""
    start, name = found
    more = _REST_OF_NAME.match(text, start + len(name)) if name else None
    return (start, name + more[0]) if more else found


def _end_of_quoted(text: str, start: int, quote: str) -> int:
    """The position of the closing quote; an escaped or doubled one closes nothing."""
    is_escaped = text[start - 2 : start - 1] == "\\"
    end = text.find(quote, start)
    while end > start and ((text[end - 1] == "\\" and not is_escaped) or text[end + 1 : end + 2] == quote):
        end = text.find(quote, end + 1 if text[end - 1] == "\\" else end + 2)
    return end


def _is_value(verdict: Verdict, value: str, separator: str, key: str) -> bool:
    """Whether an unquoted text after a private key is a value, and not the rest of a sentence."""
    if verdict.is_loose:
        return is_person(value.replace("+", " ")) and (" " in value or "+" in value or separator == "=")
    if verdict.kind == "token" and (
        (value.isdigit() and len(value) < 4) or not any(map(str.isalnum, value)) or _FORMAT.match(value)
    ):
        # "pass: 12, fail: 3", "token=...", "token: %s"
        return False
    if verdict.kind == "token" and _PLAIN_URL.fullmatch(value) and not any(map(str.isdigit, value.rpartition("/")[2])):
        # "see the documentation of credentials: https://example.com/docs"
        return False
    if verdict.kind == "token" and separator == ":" and value.isalpha() and _IS_ADDRESS.search(key):
        # "DATABASE_URL: PostgreSQL 14 is needed"
        return False
    if verdict.kind in ("phone", "card", "account", "ssn", "zip", "licence", "medicare", "dob"):
        # The value must have the shape even if the key alone would suffice: "phone: is required".
        return is_private(Verdict(verdict.kind), value)
    if verdict.kind == "city" and separator == ":":
        return value[:1].isupper() or " " not in value
    if verdict.kind == "name" and separator == ":" and classify_word(value.split(" ")[0]) == Kind.PLAIN:
        return value[:1].isupper() or " " not in value
    return is_private(Verdict(verdict.kind) if verdict.kind in ("email", "address") else verdict, value)


def _is_open(value: str) -> bool:
    # Text that was scrubbed before stays unchanged, and so does the placeholder of a value.
    return bool(value.strip()) and not re.fullmatch(r"\s*(?:\[[a-z-]+\]|\$\d{1,4}|@p\d{1,4}|:\w{1,60}|\?)\s*", value)
