"""Reduces a message to what all occurrences of one error share.

1. Codes that are the error (a status, a SQLSTATE) and names that are its cause are protected. 2. Times, addresses, builds and
durations are replaced by their kind. 3. Random words are replaced. 4. So is what is left of quoted texts and numbers.
"""

import functools
import re

from callwatch.grouping.build_hashes import strip_builds_in_text
from callwatch.grouping.quoted_names import replace_quoted
from callwatch.grouping.random_words import has_switching_kinds, is_random, is_unpronounceable

MAX_CHARS = 2_000
# Digits that stand for themselves are written with private characters, which no other rule knows.
_PROTECT = {ord(digit): 0xE000 + number for number, digit in enumerate("0123456789")}
_RESTORE = {0xE000 + number: digit for number, digit in enumerate("0123456789")}
_FOREIGN_PRIVATE = dict.fromkeys(range(0xE000, 0xE00A), " ")
_DIGIT = re.compile(r"\d")

_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:day|sday|nesday|rsday|urday)?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)(?:uary|ruary|ch|il|e|y|ust|tember|ober|ember)?"
_CLOCK = (
    r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:\s?[AP]\.?M\b\.?)?"
    r"(?:\s?(?:Z|UTC|GMT)(?:[+-]\d\d:?\d\d)?\b|\s?[+-]\d\d:?\d\d\b)?(?:\s\([A-Z][A-Za-z ]{2,40}\))?"
)
_DAY = (
    rf"(?:{_WEEKDAY},?\s+)?{_MONTH}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}}\b)?"
    rf"|(?:{_WEEKDAY},?\s+)?\d{{1,2}}(?:st|nd|rd|th)?[ /-]{_MONTH}\.?[ /-]\d{{2,4}}\b"
    rf"|{_MONTH}\s+\d{{4}}\b"
    r"|\d{4}[-/]\d\d[-/]\d\d(?!\d)|\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\b|\d{1,2}\.\d{1,2}\.\d{4}\b"
)
_YEAR = r"(?:\s(?:[A-Z]{3,4}\s)?\d{4}\b)?"
_TIME = (
    rf"(?<![\w.:])(?:(?:{_DAY})(?:(?:T|,?\s(?:at\s)?|:){_CLOCK}{_YEAR})?|\d{{8}}T\d{{6}}Z?\b"
    rf"|(?:\d{{1,6}} days?, )?{_CLOCK}(?![:\w]))"
)

_HTTP_WORDS = (
    "Bad Request|Unauthorized|Payment Required|Forbidden|Not Found|Method Not Allowed|Not Acceptable|Request Timeout|Conflict"
    "|Gone|Payload Too Large|Unsupported Media|Unprocessable|Locked|Too Many Requests|Internal Server|Not Implemented|Bad Gateway"
    "|Service (?:Temporarily )?Unavailable|Gateway Time-?out|Client Error|Server Error"
)
# A code says what went wrong; any other number says to whom, when or how often.
_CODES = re.compile(
    r"minified react error #\d{1,4}|\b(?:react\.dev/errors/|error-decoder(?:\.html)?/?\?invariant=)\d{1,4}"
    r"|SQLSTATE[ \[:=('\"]{1,3}[0-9A-Z]{5}\b"
    r"|\b(?:status(?:[ _-]?code)?|http(?:/[\d.]{1,3})?(?: (?:status|error|code))?|error[ _]code|errno"
    r"|exit(?:ed)?(?: with)? (?:code|status)|winerror)(?: of)?[ :=(\[\"']{1,3}-?\d{1,5}\b"
    r"|\b(?:failed|responded|replied|answered|returned)(?: with)? [45]\d\d\b"
    rf"|\b[45]\d\d:? (?={_HTTP_WORDS})|^(?:Error: )?[45]\d\d (?=[A-Z{{\"(])"
    r"|\b(?:SMTP|FTP|SIP|LDAP|IMAP)(?: (?:status|code|error|reply))? \d{3}\b|^[45]\d\d[ -][45]\.\d{1,3}\.\d{1,3}\b"
    r"|\b(?:ORA|TS|AADSTS|PLS|CS|DPI|DPY|NJS|MSB|PGRST)-?\d{3,6}\b|\bE1[12]\d{3}\b|\bP[12]\d{3}\b(?=:|\b.{0,40}prisma)"
    # MySQL: "Error 1062: ...", "ERROR 1062 (23000): ..." and the tuples of Python's drivers.
    r"|\berror \d{4}(?=: | \([0-9A-Z]{5}\))|^\(\d{4}, (?=[\"'])"
    # Other codes, but none that a person is asked for: "closed with code 1006", "error 21211", "HRESULT: 0x80004005".
    r"|(?<!zip )(?<!area )(?<!country )(?<!postal )(?<!post )(?<!promo )(?<!verification )(?<!discount )(?<!coupon )(?<!access )"
    r"(?<!security )(?<!currency )(?<!bar )(?<!one-time )\bcode[\"']?[ :=]{1,3}-?\d{1,5}\b(?![.,:-]\d)"
    r"|\berror[ :#(]{1,2}\d{3,5}(?=\s*(?:$|[:.,;)]))(?![.,:]\d)|\berror[ :(]{1,2}P[12]\d{3}\b"
    r"|\bcurl error[ :#(]{1,2}\d{1,3}\b|\b0x(?:8|C)00[0-9A-F]{5}\b"
    # Deepgram's reasons for closing a stream.
    r"|\b(?-i:NET|DATA)-\d{4}\b",
    re.IGNORECASE,
)
# A server that does not answer knows nothing of the parameters.
_UNSENT_QUERY = re.compile(r"(retries exceeded with url: [^\s?]{1,500})\?[^\s()]{1,1000}")
_QUERY_VALUE = re.compile(r"([?&](?!invariant=)[\w.\[\]-]{1,60}=)[^\s&#\"'<>()]{1,500}")
# The port says which server does not answer, but not where a system chose one.
_IPV4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_PEER = re.compile(
    r"\b(ECONN[A-Z]{4,7} |ETIMEDOUT |EHOSTUNREACH |ENETUNREACH |(?:dial tcp|connect(?:ing|ion)? to|server at) [\"'`]?)"
    rf"(?:({_IPV4}|(?<=[A-Z] )[0-9a-f:]{{0,39}}::?[0-9a-f]{{0,4}}(?=:\d)|\[[0-9a-f:]{{2,39}}\])|([\w.-]{{1,100}}))"
    r":(\d{2,5})\b(?![:.]?\d)"
)
_MIN_CHOSEN_PORT = 32_768
# What a label calls an id is one, whatever it looks like.
_LABELED_ID = re.compile(
    r"\b((?:request|trace|span|correlation|session|transaction|message|job|task|run|execution|event|ray|operation|activity"
    r"|conversation|connection|invocation)[ _-]?id(?:s|entifier)?[\"']?(?: is)?[ :=#]{1,3}[\"'(<\[]?)"
    r"(?=[\w+/=:.-]{0,99}\d)[\w+/=:.-]{4,200}",
    re.IGNORECASE,
)
_ADDRESS_IN_NAME = re.compile(r"\bip-\d{1,3}(?:-\d{1,3}){3}\b")
# With a sign that neither a path nor a word has.
_BASE64 = re.compile(r"(?<![\w+/=])(?=[A-Za-z0-9/]{0,199}[+=])[A-Za-z0-9+/]{32,200}={0,2}(?![\w+/=])")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,200}")
_PARTS = re.compile(r"[A-Za-z0-9]+|[_-]+")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+")
_UNITS = (
    r"(?:ns|[uµμ]s|ms|milliseconds?|msecs?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?"
    r"|[kmgt]i?b|bytes?|chars|characters)"
)

# What differs between two occurrences, in the order of search: sign that must be present, expression, replacement.
_WITH_DIGITS = (
    ("-", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
    # The id of a request at Vercel: regions, node, milliseconds, random digits.
    ("::", r"\b(?:[a-z]{3}\d::){1,4}[a-z0-9]{5}-\d{13}-[0-9a-f]{12}\b", "<id>"),
    (":", r"(?<![\w:.])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?:%\w{1,20})?(?![\w:])", "<address>"),
    ("::", r"(?<![\w:.])(?=[^\s]{0,45}\d)(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::(?:[0-9a-f]{1,4}:){0,6}"
           r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{1,4})?(?:%\w{1,20})?(?:/\d{1,3})?(?![\w:])", "<address>"),
    (":", r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<address>"),
    (".", r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+|/\d{1,2})?\b", "<address>"),
    ("", rf"(?<![\w.])\d+(?:[.,]\d+)?\s?{_UNITS}(?:\s?\d+(?:\.\d+)?\s?{_UNITS}){{0,6}}(?!\w)", "<quantity>"),
    ("P", r"\bP(?:\d+D)?T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?\b", "<quantity>"),
)  # fmt: skip
_AFTER_TOKENS = (
    ("0x", r"\b0x[0-9a-f]+\b", "<hex>"),
    ("", r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", "<hex>"),
    # Short random words: letters and digits alternate.
    ("", r"\b[a-z]*\d+[a-z]+\d+[a-z0-9]*\b|\b[a-z]+\d+[a-z]+[a-z0-9]*\b", "<id>"),
)
_BARE_DAYS = re.compile(
    r"\b(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|April|June|July|August|September|October|November|December)\b"
)
_BRACKETED_ADDRESS = re.compile(r"\[[0-9a-f]*:[0-9a-f:.]+(?:%\w{1,20})?\](?::\d+)?", re.IGNORECASE)
_TEMPORARY = re.compile(r"\btmp[a-z0-9_]{8}\b")
# A minifier names variables, and names them again with each build; what they are asked for keeps its name.
_MINIFIED = re.compile(
    r"(?<![\w.$])(?:[A-Za-z_$]{1,2}\.){1,5}(?=[\w$]{3,100} is not )"
    r"|(?<![\w.$])[A-Za-z_$]{1,2}(?= is not (?:a function|a constructor|iterable))"
)
# The folder that macOS makes for the temporary files of each user.
_USER_FOLDER = re.compile(r"/var/folders/\w{2}/\w{1,60}/[TC](?=/)")
_SPACE = re.compile(r"\s+")
# A sign belongs to a number that no word or other number precedes; an exponent does as well.
_NUMBERS = re.compile(r"(?:(?<![\w.)\]>/-])[-+])?(?:\d+(?:[.,]\d+)*(?:[eE][-+]?\d{1,3}(?!\w))?)")
# The placeholders of a statement, of which a list of values has as many as there are values.
_OF_PLACEHOLDERS = ("$<n>,", "?,", "%s,", "p<n>,", ":<n>,")
_PLACEHOLDERS = re.compile(r"(\$<n>|\?|%s|@p<n>|:p?<n>)(?:, ?\1){1,2000}")
_ROWS = re.compile(r"(\((?:\$<n>|\?|%s|@p<n>|:p?<n>|, ?){1,100}\))(?:, ?\1){1,2000}")
_REPEATED = re.compile(r"<(n|text|id|hex|time|quantity|address|email)>(?:(?:, ?| )<\1>)+")


@functools.cache
def _compile(rules: tuple[tuple[str, str, str], ...]) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    # With the first event: a function that groups nothing starts 20 ms earlier without them.
    return tuple((sign, re.compile(pattern, re.IGNORECASE), mark) for sign, pattern, mark in rules)


@functools.cache
def _compile_times() -> re.Pattern[str]:
    return re.compile(_TIME)


def normalize(message: str) -> str:
    """The message without what differs between two occurrences of one error; of a long text, its beginning."""
    text = message[:MAX_CHARS]
    if not text.isascii():
        text = text.translate(_FOREIGN_PRIVATE)
    text = strip_builds_in_text(text)
    if "@" in text:
        text = _EMAIL.sub("<email>", text)
    has_digits = _DIGIT.search(text) is not None
    if has_digits:
        text = _CODES.sub(_protect, _LABELED_ID.sub(r"\1<id>", text))
        text = _PEER.sub(_keep_port, _ADDRESS_IN_NAME.sub("ip-<n>", text))
        text = _compile_times().sub("<time>", text)
    text = _BARE_DAYS.sub("<time>", text)
    if "=" in text or "+" in text:
        text = _BASE64.sub("<id>", _QUERY_VALUE.sub(r"\1<text>", _UNSENT_QUERY.sub(r"\1", text)))
    if "[" in text and ":" in text:
        text = _BRACKETED_ADDRESS.sub("<address>", text)
    if has_digits:
        text = _apply(_WITH_DIGITS, text)
    if "tmp" in text or "/var/folders/" in text:
        text = _TEMPORARY.sub("<id>", _USER_FOLDER.sub("<folder>", text))
    text = _TOKEN.sub(_mark_token, text)
    if has_digits:
        text = _apply(_AFTER_TOKENS, text)
    if " is not " in text:
        text = _MINIFIED.sub("", text)
    text = replace_quoted(text)
    text = _SPACE.sub(" ", _NUMBERS.sub("<n>", text) if has_digits else text)
    return _REPEATED.sub(r"<\1>", _shorten_lists(text)).strip().translate(_RESTORE)


def _shorten_lists(text: str) -> str:
    """A statement with one placeholder for each list of them, and with one row for each list of equal rows."""
    if "," not in text or not any(sign in text for sign in _OF_PLACEHOLDERS):
        return text
    return _ROWS.sub(r"\1", _PLACEHOLDERS.sub(r"\1", text))


def _protect(match: re.Match[str]) -> str:
    return match[0].translate(_PROTECT)


def _keep_port(match: re.Match[str]) -> str:
    before, address, host, port = match.groups()
    return f"{before}{'<address>' if address else host}:{port.translate(_PROTECT) if int(port) < _MIN_CHOSEN_PORT else '<n>'}"


def _apply(rules: tuple[tuple[str, str, str], ...], text: str) -> str:
    for sign, pattern, mark in _compile(rules):
        if sign in text:
            text = pattern.sub(mark, text)
    return text


def _mark_token(match: re.Match[str]) -> str:
    return _mark_word(match[0])


@functools.lru_cache(maxsize=4_096)
def _mark_word(word: str) -> str:
    """A word with its random parts replaced; the plain words around them stay: "req_<id>"."""
    parts = _PARTS.findall(word)
    is_mixed = len(word) >= 12 and has_switching_kinds(word)
    if not is_mixed and not any(_is_random_part(part, len(parts) > 1) for part in parts):
        return word
    first, last = 0, len(parts)
    while first < last and _is_plain(parts[first]) and not (is_mixed and not _is_prefix(parts[first])):
        first += 2
    while last > first and parts[last - 1].islower() and _is_plain(parts[last - 1]) and len(parts[last - 1]) > 3:
        last -= 2
    if first >= last:
        return word
    return "".join([*parts[:first], "<id>", *parts[max(last, first) :]])


def _is_random_part(part: str, is_joined: bool) -> bool:
    if is_joined and len(part) >= 12 and part.isalpha() and is_unpronounceable(part, 3.8):
        return True
    # A long word of a language that is not English stands alone; ids of letters alone are joined to a prefix.
    return is_random(part) and (is_joined or not part[1:].islower() or len(part) >= 16)


def _is_prefix(part: str) -> bool:
    return part.islower() and len(part) > 2


def _is_plain(part: str) -> bool:
    """Whether a part of a word is itself a word: letters only, as words are written, and not random."""
    is_word = part.isalpha() and part.isascii() and len(part) > 1 and (part.islower() or part.isupper() or part[1:].islower())
    return is_word and not is_random(part) and not (len(part) > 4 and part[0].isupper() and is_unpronounceable(part))
