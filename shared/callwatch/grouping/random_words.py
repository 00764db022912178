"""Tells random identifiers from words and names, so that a message groups by its words."""

import functools
import itertools
import re
from collections.abc import Iterable

# How usual each pair of letters is in English text and program identifiers, 0 to 9 on a logarithmic scale; one row per first
# letter, one digit per second letter. Counted over the words of Python's standard library and of technical prose.
_PAIRS = (
    "15651352514666051767443341"
    "43324111430521420442400031"
    "60326115405532720536410030"
    "53247220611322520443421120"
    "63675542312657353776244531"
    "40224410600411510433400020"
    "40116133400324320442310011"
    "50125100500222500323200020"
    "54655450102658641566150305"
    "20003000100000200000200000"
    "30115110400302210141102000"
    "62347211602522630154420050"
    "64136101501232550142400020"
    "62666472514324531267441020"
    "34552341314557450655545221"
    "61226213501512541645412040"
    "00000000000000000100400000"
    "62447340603454630465433040"
    "41526235603433552257522140"
    "63437316701433630665523152"
    "44434330400556240555100000"
    "50006010400010310100020000"
    "40124103400203300331001100"
    "21313201300210140124000410"
    "21223100300223240243011001"
    "20005000300000200000000000"
)
# Mean score of 0.5 % of words at most, and of 9 in 10 random texts of this length at least, by the length of the text.
_MAX_RANDOM_SCORE = ((16, 3.3), (10, 3.2), (8, 2.6), (5, 2.0))
_MIN_RANDOM = 8
# Some vendors put two capitals before the digits.
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+|[A-Z]{2}[0-9a-f]{24,}")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# A random text of capitals and small letters breaks into pieces of two letters, a name in camel case into words.
_MAX_PIECE = 2.6
_MIN_PIECES = 4
_MIN_SWITCHES = 0.42
_MIN_JOINED = 10


@functools.lru_cache(maxsize=4_096)
def is_random(text: str) -> bool:
    """Whether a text of ASCII letters and digits, without separators, is random rather than a word or a name."""
    if len(text) < _MIN_RANDOM:
        return False
    if text.isalpha():
        return is_unpronounceable(text) or _is_broken_camel(text)
    if text.isdigit():
        return False
    if _HEX.fullmatch(text):
        return True
    kinds = [_classify(letter) for letter in text]
    share = count_switches(kinds) / (len(kinds) - 1)
    if len(set(kinds)) == 3 and share >= _MIN_SWITCHES:
        return True
    # Letters and digits in turn, three times or more: "abc123xyz456".
    are_digits = [kind == "digit" for kind in kinds]
    letters = "".join(letter for letter in text if letter.isalpha())
    return count_switches(are_digits) >= 3 or (len(letters) >= _MIN_JOINED and is_unpronounceable(letters))


def is_unpronounceable(letters: str, limit: float | None = None) -> bool:
    """Whether ASCII letters follow each other as in no word; limit: a score other than the usual one for the length."""
    if limit is None:
        limit = next((score for length, score in _MAX_RANDOM_SCORE if len(letters) >= length), 0.0)
    return limit > 0 and _compute_score(letters) < limit


def _compute_score(letters: str) -> float:
    codes = [ord(letter) - 97 for letter in letters.lower()]
    return sum(int(_PAIRS[first * 26 + second]) for first, second in itertools.pairwise(codes)) / max(1, len(codes) - 1)


def has_switching_kinds(text: str) -> bool:
    """Whether capitals, small letters and digits follow each other in no order; separators are ignored."""
    kinds = [_classify(letter) for letter in text if letter not in "_-"]
    return len(set(kinds)) == 3 and count_switches(kinds) >= _MIN_SWITCHES * (len(kinds) - 1)


def count_switches(kinds: Iterable[str | bool]) -> int:
    """How often neighbors differ."""
    return sum(first != second for first, second in itertools.pairwise(kinds))


def _is_broken_camel(text: str) -> bool:
    if text.islower() or text.isupper() or text[1:].islower():
        return False
    pieces = _CAMEL.findall(text)
    size = len(text) / len(pieces)
    if len(pieces) >= _MIN_PIECES and size < _MAX_PIECE:
        return True
    # A long one shows both signs, each weakly.
    return len(text) >= 16 and size < 3.3 and _compute_score(text) < 4.0


def _classify(letter: str) -> str:
    return "digit" if letter.isdigit() else "upper" if letter.isupper() else "lower"
