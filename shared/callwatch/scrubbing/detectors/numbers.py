"""Finds private numbers (phones, cards, social security, IBAN) among those that are not: ids, times, sizes."""

import functools
import re
from re import Match

from callwatch.scrubbing.detectors.cards import is_card
from callwatch.scrubbing.detectors.phone_numbers import is_count, is_phone

_DASH = "\u2010\u2011\u2012\u2013\u2014\u2212-"
_GAP = rf"[ \t\u00a0./{_DASH}]"
# A number that was wrapped may contain one line break.
_WRAP = rf"(?:{_GAP}{{1,3}}|{_GAP}?\r?\n[ \t]?)"
# Neither inside a word, a decimal number or a dashed code, nor an amount of money.
_BEFORE = r"(?<![0-9A-Za-z.$€£])(?<!\d-)(?<![0-9a-fA-F]{4}-)"
# An extension may follow immediately: "4155552671x12".
_AFTER = r"(?:(?![0-9A-Za-z])|(?=x\d{1,6}\b))(?!-\w)(?!\.\d)"

GROUPED_PHONE = re.compile(
    rf"(?<![0-9A-Za-z.])(?<!\d-)(?:\+?1{_GAP}{{0,2}})?(?:\(\d{{3}}\){_GAP}{{0,3}}|\d{{3}}{_WRAP})\d{{3}}{_WRAP}\d{{4}}"
    r"(?!\d)(?!-\d)(?!\.\d)"
)
BRACKETED_PHONE = re.compile(rf"(?:(?<!\d)\+?1{_GAP}{{0,2}})?\(\d{{3}}\){_GAP}{{0,3}}\d{{3}}{_GAP}?\d{{4}}(?!\d)")
_PLUS_GAP = rf"[ \t\u00a0).{_DASH}]{{0,2}}"
# +1 has ten more digits, and digits without a gap are a separate number, so the next one may follow immediately. Parentheses
# enclose an area code at the start; later they open the next number.
PLUS_PHONE = re.compile(
    rf"(?<![\w+])\+\(?(?:1{_PLUS_GAP}\(?(?:\d{_PLUS_GAP}){{9}}\d|\d{{10,15}}"
    rf"|\d(?:[ \t\u00a0().{_DASH}]{{0,2}}\d){{4}}(?:{_PLUS_GAP}\d){{5,10}})(?![\d-])(?!\.\d)"
)
OO_PHONE = re.compile(rf"(?<![\w.{_DASH}])00[ {_DASH}]?[1-9]\d{{0,2}}(?:[ {_DASH}]\d{{2,6}}){{2,5}}(?![\d-])")
# Two groups only: "415-5552671", "415555-2671".
HALF_GROUPED_PHONE = re.compile(rf"{_BEFORE}(?:1-)?(?:[2-9]\d{{2}}-[2-9]\d{{6}}|[2-9]\d{{5}}-\d{{4}}){_AFTER}")
BARE_PHONE = re.compile(rf"{_BEFORE}1?[2-9]\d{{9}}{_AFTER}")
# A run of digits, which may hold more than a card: "7 4111 1111 1111 1111 12/27". A float or an amount may be a card, too.
CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){11,400}(?![\w-]|\.(?!0{1,2}(?!\w))\d)")
# As Java prints a float.
POWER_CARD = re.compile(r"(?<![\w.-])(?P<first>\d)\.(?P<rest>\d{11,18})[eE]\+?(?P<power>1[2-8])(?![\w.-])")
# The same four groups of four digits, with a separator other than a blank or a hyphen.
WIDE_CARD = re.compile(
    rf"(?<![\w.-])\d{{4}}(?P<gap>[./_\u00a0{_DASH}]|\t[ \t]{{0,2}}| [ \t]{{1,2}})\d{{4}}(?:(?P=gap)\d{{4}}){{2}}(?![\w-]|\.\d)"
)
SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
IBAN = re.compile(r"\b(?:[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}|[a-z]{2}\d{2}(?: ?[a-z0-9]){11,30})\b")
# The name of a recording holds the called number between hyphens, next to dates and ids.
AUDIO_FILE = re.compile(
    r"(?<![\w.-])[\w.+-]{10,200}\.(?:wav|mp3|gsm|ogg|m4a|flac|opus|webm|amr|au|aac|mp4|ulaw|alaw|wav49|g729|sln|vox|vtt|srt|tiff?|pdf)(?![\w-])"
    # Or the day and the time between hyphens, as Asterisk writes them, without an extension.
    r"|(?<![\w.-])[\w.+]{1,60}(?:-[\w.+]{1,60}){1,6}?-\d{8}-\d{6}(?:-[\w.]{1,40}){0,2}",
    re.I,
)
_NUMBER_IN_FILE = re.compile(r"(?<!\d)\+?1?[2-9]\d{9}(?!\d)")
_GROUPS_IN_FILE = re.compile(r"(?<!\d)(?:\+?1[-_.])?[2-9]\d{2}([-_.])[2-9]\d{2}\1\d{4}(?!\d)")
# As dialed within other countries: a leading zero, then groups.
NATIONAL_PHONE = re.compile(
    r"(?<![\w.:/,-])(?:\(0\d{1,4}\)|\(0\)[ ]?\d{2,5}|0[1-9]\d{0,4})(?:[ /-]{1,3}\d{2,8}){1,5}(?![\w-]|[.,:]\d)"
)

# As written in France, with a point between pairs, and the mobile numbers of Brazil.
POINTED_PHONE = re.compile(r"(?<![\w.:/,-])0[1-9](?:\.\d{2}){4}(?![\w-]|[.,:]\d)")
BRAZILIAN_PHONE = re.compile(r"(?<![\w.-])(?:55 ?)?\([1-9]{2}\) ?9\d{4}[ -]?\d{4}(?![\w-])")

_CARD_SHAPES = frozenset({(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4)})
# How many words a card may consist of, by the length of the first one: groups of four digits, or all in one.
_SIZES = {4: (5, 4, 3), **dict.fromkeys(range(12, 24), (1,))}
# The first digits that issuers use; they alone exclude most numbers in a row.
_ISSUERS = frozenset("23456")
_IBAN_SIZES = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22,
    "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30,
    "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
_UNIT = re.compile(r"\s?(?:ns|us|µs|ms|s|sec|seconds|bytes?|b|kb|mb|gb|rows?|items?|tokens?|cycles|ops|times|hz|%)\b", re.I)
# "read 10 bytes of 4497452238": the unit stands before the preposition.
_UNIT_BEFORE = re.compile(
    r"\b(?:ns|us|ms|sec|seconds|bytes?|kb|mb|gb|rows?|items?|records?|tokens?|messages?|events?|objects?)\s{1,3}"
    r"(?:of|out of|than|over|from|to|vs\.?|/)\s{0,3}$",
    re.I,
)
# "read 4155552671 of 4155552671 bytes"
_OF_TOTAL = re.compile(r"\s?(?:of|out of|/)\s?\d{1,12}\s?(?:bytes?|b|kb|mb|gb|rows?|items?|records?|%)\b", re.I)
_LSN = re.compile(r"\b[0-9A-F]{1,3}/$")
_WORD_BEFORE = re.compile(r"([A-Za-z][\w.-]*)[\"']?\]?[\s:=#/(]{0,4}[\"']?$|(#)$")


def mask_bare_phone(match: Match[str]) -> str:
    """The mark for ten or eleven digits without a gap, unless the context says that they count something."""
    if not is_phone(match[0]):
        return match[0]
    text, start, end = match.string, match.start(), match.end()
    if _UNIT.match(text, end) or _OF_TOTAL.match(text, end) or _LSN.search(text, max(0, start - 8), start):
        return match[0]
    head = text[max(0, start - 40) : start]
    if _UNIT_BEFORE.search(head):
        return match[0]
    before = _WORD_BEFORE.search(head.rstrip("_"))
    if before and (before[2] or is_count(before[1])):
        return match[0]
    return "[phone]"


def mask_long_dialled(match: Match[str]) -> str:
    """The mark for a number dialed with 00: shorter ones are dates and codes."""
    return "[phone]" if len(re.sub(r"\D", "", match[0])) >= 11 else match[0]


def mask_audio_file(match: Match[str]) -> str:
    """The name of a recording with the mark for each number in it that can be a phone."""
    text = _GROUPS_IN_FILE.sub("[phone]", match[0])
    return _NUMBER_IN_FILE.sub(lambda found: "[phone]" if is_phone(found[0].lstrip("+")) else found[0], text)


def mask_national_phone(match: Match[str]) -> str:
    """The mark for 9 to 12 digits in groups, none of which is a year after a day and a month."""
    groups = re.findall(r"\d+", match[0])
    size = sum(map(len, groups))
    is_date = any(len(group) == 4 and group[:2] in ("19", "20") for group in groups[1:]) and all(
        len(group) <= 2 for group in groups[:2]
    )
    is_sequence = len(groups) > 2 and len({len(group) for group in groups}) == 1 and len(groups[0]) > 2
    return "[phone]" if 9 <= size <= 12 and not is_date and not is_sequence else match[0]


def mask_grouped_phone(match: Match[str]) -> str:
    """The mark for digits grouped 3-3-4; if only blanks separate them, they must be a valid phone number."""
    digits = re.sub(r"\D", "", match[0])
    if (re.fullmatch(r"[\d ]+", match[0]) or "\n" in match[0]) and not is_phone(digits):
        return match[0]
    if "\n" in match[0] and not re.search(r"[-.()]", match[0]):
        # Numbers below each other are a column.
        return match[0]
    return "[phone]"


def mask_card(match: Match[str]) -> str:
    """The text with the mark for each card number: a known range of issuers, its length, and the check digit."""
    if is_card(match[0]):
        return "[card]"
    words, kept, at = match[0].split(" "), [], 0
    # If a word may hold groups of its own, its length alone says nothing.
    lengths = () if "-" in match[0] else tuple(map(len, words))
    while at < len(words):
        # Next to other numbers, only in the way cards are written, so that numbers in a row do not form one by chance.
        sizes = _SIZES.get(len(words[at]), ()) if words[at][:1] in _ISSUERS else ()
        if lengths and sizes != (1,):
            sizes = tuple(size for size in sizes if lengths[at : at + size] in _CARD_SHAPES)
        size = next((n for n in sizes if _is_written_as_card(words[at : at + n])), 0)
        kept.append("[card]" if size else words[at])
        at += size or 1
    return " ".join(kept)


def mask_power_card(match: Match[str]) -> str:
    """The mark for a card number in powers of ten."""
    digits = match["first"] + match["rest"].ljust(int(match["power"]), "0")
    return "[card]" if len(digits) == int(match["power"]) + 1 and is_card(digits) else match[0]


def _is_written_as_card(words: list[str]) -> bool:
    text = " ".join(words)
    shape = tuple(map(len, (text.replace("-", " ") if "-" in text else text).split(" ")))
    return (len(shape) == 1 or shape in _CARD_SHAPES) and is_card(text)


def mask_iban(match: Match[str]) -> str:
    """The mark for an international bank account number: the length of its country, and valid check digits (ISO 13616)."""
    text = match[0]
    size = _IBAN_SIZES.get(text[:2].upper(), 0)
    # A match may run into the next word: the account ends after the number of characters that its country has.
    end, seen = 0, 0
    while seen < size and end < len(text):
        seen += text[end] != " "
        end += 1
    if not size or seen < size or text[end : end + 1].isalnum():
        return text
    account = text[:end].replace(" ", "")
    if functools.reduce(_append_to_remainder, account[4:] + account[:4], 0) != 1:
        return text
    return f"[account]{text[end:]}"


def _append_to_remainder(remainder: int, char: str) -> int:
    """The remainder modulo 97 of a number after one more character; letters count as 10 to 35."""
    value = int(char, 36)
    return (remainder * (10 if value < 10 else 100) + value) % 97
