"""Numbers that are private (phones, cards, social security, IBAN), told from those that are not: ids, times, sizes."""

import functools
import re
from re import Match

from callwatch.tracker.scrub_keys import words_of

_DASH = "\u2010\u2011\u2012\u2013\u2014\u2212-"
_GAP = rf"[ \t\u00a0./{_DASH}]"
# Neither inside a word, a decimal number or a dashed code, nor an amount of money.
_BEFORE = r"(?<![0-9A-Za-z.$€£])(?<!\d-)(?<![0-9a-fA-F]{4}-)"
_AFTER = r"(?![0-9A-Za-z])(?!-\w)(?!\.\d)"

GROUPED_PHONE = re.compile(
    rf"(?<![0-9A-Za-z.])(?<!\d-)(?:\+?1{_GAP}{{0,2}})?(?:\(\d{{3}}\){_GAP}{{0,3}}|\d{{3}}{_GAP}{{1,3}})\d{{3}}{_GAP}{{1,3}}\d{{4}}"
    r"(?!\d)(?!-\d)(?!\.\d)"
)
BRACKETED_PHONE = re.compile(rf"(?:\+?1{_GAP}{{0,2}})?\(\d{{3}}\){_GAP}{{0,3}}\d{{3}}{_GAP}?\d{{4}}(?!\d)")
PLUS_PHONE = re.compile(rf"(?<![\w+])\+\(?\d(?:[ \t\u00a0().{_DASH}]{{0,2}}\d){{9,14}}(?![\d-])(?!\.\d)")
OO_PHONE = re.compile(rf"(?<![\w.{_DASH}])00[1-9]\d{{0,2}}(?:[ {_DASH}]\d{{2,6}}){{2,5}}(?![\d-])")
# Two groups only: "415-5552671", "415555-2671".
HALF_GROUPED_PHONE = re.compile(rf"{_BEFORE}(?:1-)?(?:[2-9]\d{{2}}-[2-9]\d{{6}}|[2-9]\d{{5}}-\d{{4}}){_AFTER}")
BARE_PHONE = re.compile(rf"{_BEFORE}1?[2-9]\d{{9}}{_AFTER}")
CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){11,18}(?![\w-]|\.\d)")
SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")

# Numbers every programmer knows, that have a phone's shape.
_FAMOUS = frozenset({"2147483647", "2147483648", "4294967295", "4294967296", "8589934592", "9223372036"})
_LENGTHS = (("34", (15,)), ("37", (15,)), ("30", (14,)), ("36", (14,)), ("38", (14,)), ("35", (16,)))
_COUNTED = frozenset(
    "id ids uuid guid count counts total size length len bytes byte ts time timestamp at ms ns us sec seconds duration elapsed"
    " took offset line lineno col column port pid tid seq sequence version build index row rows page limit memory mem hash seed"
    " lsn xid oid rss capacity max min epoch expires nonce order ticket invoice job request trace span transaction cost price"
    " amount tokens key code after within exceeds than attempt batch message msg event record commit revision rev issue pr"
    " policy case ref reference sku lot position cursor checksum crc balance sum value of range between used".split()
)
_UNIT = re.compile(r"\s?(?:ns|us|µs|ms|s|sec|seconds|bytes?|b|kb|mb|gb|rows?|items?|tokens?|cycles|ops|times|hz|%)\b", re.I)
_WORD_BEFORE = re.compile(r"([A-Za-z][\w.-]*)[\"']?\]?[\s:=#/(]{0,4}[\"']?$|(#)$")


def bare_phone(match: Match[str]) -> str:
    """The mark for ten or eleven digits without any gap, unless what stands around them says that they count something."""
    if not is_phone(match[0]):
        return match[0]
    text, start, end = match.string, match.start(), match.end()
    if _UNIT.match(text, end):
        return match[0]
    before = _WORD_BEFORE.search(text[max(0, start - 40) : start].rstrip("_"))
    if before and (before[2] or counts(before[1])):
        return match[0]
    return "[phone]"


def is_phone(digits: str) -> bool:
    """Whether 10 digits, or 11 with a 1 in front, can be a number of the North American numbering plan."""
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) != 10 or national in _FAMOUS:
        return False
    # An area code begins with 2..9, has no 9 in the middle and is no x11; 555 stands in every example.
    area = national[:3]
    return area[0] in "23456789" and area[1] != "9" and area[1:] != "11" and (area == "555" or national[3] in "23456789")


@functools.lru_cache(maxsize=4096)
def counts(key: str) -> bool:
    """Whether a key or word says that its number is an id, a time, a size or another count."""
    words = words_of(key)
    return bool(words) and any(word in _COUNTED or word.removesuffix("s") in _COUNTED for word in words[-2:])


def oo_phone(match: Match[str]) -> str:
    """The mark for a number dialled with 00: shorter ones are dates and codes."""
    return "[phone]" if len(re.sub(r"\D", "", match[0])) >= 11 else match[0]


def grouped_phone(match: Match[str]) -> str:
    """The mark for digits grouped 3-3-4; by blanks alone only where they can be a phone."""
    digits = re.sub(r"\D", "", match[0])
    if re.fullmatch(r"[\d ]+", match[0]) and not is_phone(digits):
        return match[0]
    return "[phone]"


def card(match: Match[str]) -> str:
    """The mark for a card number: a known range of issuers, its length, and the check digit."""
    digits = re.sub(r"\D", "", match[0])
    return "[card]" if _is_issued(digits) and has_luhn(digits) else match[0]


def _is_issued(digits: str) -> bool:
    size, two, four = len(digits), digits[:2], int(digits[:4])
    if digits[0] == "4":
        return size in (13, 16, 19)
    if "51" <= two <= "55" or 2221 <= four <= 2720:
        return size == 16
    if four == 6011 or two in ("65", "62") or 6440 <= four <= 6499:
        return 16 <= size <= 19
    return any(two == prefix and size in sizes for prefix, sizes in _LENGTHS)


def has_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the Luhn algorithm (ISO/IEC 7812-1)."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban(match: Match[str]) -> str:
    """The mark for an international bank account number: its check digits are right (ISO 13616)."""
    text = match[0].replace(" ", "")
    # A match may run into the next word: the account ends where the check is right.
    for end in range(len(text), 14, -1):
        turned = text[4:end] + text[:4]
        if int("".join(str(int(char, 36)) for char in turned)) % 97 == 1:
            rest = text[end:]
            return "[account]" + (f" {rest}" if rest else "")
    return match[0]
