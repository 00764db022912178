"""Numbers that are private (phones, cards, social security, IBAN), told from those that are not: ids, times, sizes."""

import functools
import re
from re import Match

from callwatch.tracker.scrub_counts import counts, is_phone

_DASH = "\u2010\u2011\u2012\u2013\u2014\u2212-"
_GAP = rf"[ \t\u00a0./{_DASH}]"
# Neither inside a word, a decimal number or a dashed code, nor an amount of money.
_BEFORE = r"(?<![0-9A-Za-z.$€£])(?<!\d-)(?<![0-9a-fA-F]{4}-)"
# An extension may follow at once: "4155552671x12".
_AFTER = r"(?:(?![0-9A-Za-z])|(?=x\d{1,6}\b))(?!-\w)(?!\.\d)"

GROUPED_PHONE = re.compile(
    rf"(?<![0-9A-Za-z.])(?<!\d-)(?:\+?1{_GAP}{{0,2}})?(?:\(\d{{3}}\){_GAP}{{0,3}}|\d{{3}}{_GAP}{{1,3}})\d{{3}}{_GAP}{{1,3}}\d{{4}}"
    r"(?!\d)(?!-\d)(?!\.\d)"
)
BRACKETED_PHONE = re.compile(rf"(?:(?<!\d)\+?1{_GAP}{{0,2}})?\(\d{{3}}\){_GAP}{{0,3}}\d{{3}}{_GAP}?\d{{4}}(?!\d)")
_PLUS_GAP = rf"[ \t\u00a0).{_DASH}]{{0,2}}"
# +1 has ten digits more, and digits without a gap are a number of their own: the next one may follow at once. Brackets
# stand about an area code at the start; further on they open that next number.
PLUS_PHONE = re.compile(
    rf"(?<![\w+])\+\(?(?:1{_PLUS_GAP}\(?(?:\d{_PLUS_GAP}){{9}}\d|\d{{10,15}}"
    rf"|\d(?:[ \t\u00a0().{_DASH}]{{0,2}}\d){{4}}(?:{_PLUS_GAP}\d){{5,10}})(?![\d-])(?!\.\d)"
)
OO_PHONE = re.compile(rf"(?<![\w.{_DASH}])00[1-9]\d{{0,2}}(?:[ {_DASH}]\d{{2,6}}){{2,5}}(?![\d-])")
# Two groups only: "415-5552671", "415555-2671".
HALF_GROUPED_PHONE = re.compile(rf"{_BEFORE}(?:1-)?(?:[2-9]\d{{2}}-[2-9]\d{{6}}|[2-9]\d{{5}}-\d{{4}}){_AFTER}")
BARE_PHONE = re.compile(rf"{_BEFORE}1?[2-9]\d{{9}}{_AFTER}")
# A run of digits, which may hold more than a card: "7 4111 1111 1111 1111 12/27".
CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){11,400}(?![\w-]|\.\d)")
# The same four times four digits, with another gap between them than a blank or a hyphen.
WIDE_CARD = re.compile(
    rf"(?<![\w.-])\d{{4}}(?P<gap>[./_\u00a0{_DASH}]|\t[ \t]{{0,2}}| [ \t]{{1,2}})\d{{4}}(?:(?P=gap)\d{{4}}){{2}}(?![\w-]|\.\d)"
)
SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")

_LENGTHS = (("34", (15,)), ("37", (15,)), ("30", (14,)), ("36", (14,)), ("38", (14,)), ("35", (16,)))
_CARD_SHAPES = frozenset({(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4)})
# How many words a card may be made of, by the length of its first one: groups of four digits, or all in one.
_SIZES = {4: (5, 4, 3), **dict.fromkeys(range(12, 24), (1,))}
# The first digits that issuers have; most numbers in a row are told apart by this alone.
_ISSUERS = frozenset("23456")
# What a digit counts in the Luhn algorithm where it counts twice.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_SHORTEST_IBAN = 15
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
    """The text with the mark for each card number: a known range of issuers, its length, and the check digit."""
    if _is_card(match[0]):
        return "[card]"
    words, kept, at = match[0].split(" "), [], 0
    # Where a word may hold groups of its own, its length alone says nothing.
    lengths = () if "-" in match[0] else tuple(map(len, words))
    while at < len(words):
        # Beside other numbers only as cards are written, so that numbers in a row do not make one by chance.
        sizes = _SIZES.get(len(words[at]), ()) if words[at][:1] in _ISSUERS else ()
        if lengths and sizes != (1,):
            sizes = tuple(size for size in sizes if lengths[at : at + size] in _CARD_SHAPES)
        size = next((n for n in sizes if _is_written_as_card(words[at : at + n])), 0)
        kept.append("[card]" if size else words[at])
        at += size or 1
    return " ".join(kept)


def _is_written_as_card(words: list[str]) -> bool:
    text = " ".join(words)
    shape = tuple(map(len, (text.replace("-", " ") if "-" in text else text).split(" ")))
    return (len(shape) == 1 or shape in _CARD_SHAPES) and _is_card(text)


def _is_card(text: str) -> bool:
    digits = text.replace(" ", "").replace("-", "")
    digits = digits if digits.isdecimal() else re.sub(r"\D", "", digits)
    return 12 <= len(digits) <= 19 and _is_issued(digits) and has_luhn(digits)


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
    return (sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def iban(match: Match[str]) -> str:
    """The mark for an international bank account number: its check digits are right (ISO 13616)."""
    text = match[0].replace(" ", "")
    remainder, ends = 0, []
    for end, char in enumerate(text[4:], 5):
        remainder = _appended(remainder, char)
        if end >= _SHORTEST_IBAN and functools.reduce(_appended, text[:4], remainder) == 1:
            ends.append(end)
    if not ends:
        return match[0]
    # A match may run into the next word: the account ends where the check is right, as late as it can.
    rest = text[ends[-1] :]
    return "[account]" + (f" {rest}" if rest else "")


def _appended(remainder: int, char: str) -> int:
    """The remainder by 97 of a number after one more character, a letter being worth 10 to 35."""
    value = int(char, 36)
    return (remainder * (10 if value < 10 else 100) + value) % 97
