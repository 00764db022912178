"""What the word lists know about a word: a first name, a surname, a plain word, or nothing."""

import functools
import re
from enum import IntEnum

from callwatch.scrubbing.detectors.folding import fold_letters
from callwatch.scrubbing.detectors.people.word_lists import load_words

_PARTICLES = frozenset(
    "de la las los del di da dos das du le van von der den ter ten bin ibn bint al el abu abd ni nic mc st y e zu af av".split()
)
# First names as they are abbreviated in lists of people.
_ABBREVIATED = frozenset("ma wm chas geo thos jos fco jno".split())
SUFFIXES = frozenset("jr sr ii iii iv md phd esq".split())


class Kind(IntEnum):
    """What the lists know about one word."""

    PLAIN = 0  # a word of software
    ENGLISH = 8  # a word of English that is rare in software; some are surnames: Norman Peeling
    UNKNOWN = 1
    PLAIN_FIRST = 2  # a first name that also is a word: Will, Grace
    PLAIN_LAST = 3  # a surname that also is a word: Page, Case
    LAST = 4
    FIRST = 5
    INITIAL = 6
    PARTICLE = 7


# Kinds that end a name, unless a word of English stands behind a first name.
WORDS = (Kind.PLAIN, Kind.ENGLISH)


@functools.lru_cache(maxsize=4096)
def classify_word(word: str) -> Kind:
    """What the lists know about a word, whatever its case and accents."""
    bare = word.rstrip(".")
    if "'" in bare or "\u2019" in bare:
        stem, end = bare[:-2], bare[-2:].lower().replace("\u2019", "'")
        if bare[-3:].lower().replace("\u2019", "'") in ("n't", "'re", "'ve", "'ll"):
            return Kind.PLAIN
        if end == "'s" and stem:
            bare = stem
    if len(bare) == 1:
        return Kind.INITIAL if bare.isupper() else Kind.PLAIN
    lower = fold_letters(bare)
    if bare != word and lower in _ABBREVIATED:
        return Kind.FIRST
    if lower in _PARTICLES or lower in SUFFIXES:
        return Kind.PARTICLE
    kind = _look_up(bare, lower)
    # Software and English are written without accents.
    return Kind.UNKNOWN if kind in WORDS and not word.isascii() else kind


def _look_up(bare: str, lower: str) -> Kind:
    words = load_words()
    is_first, is_last = lower in words.first_names, lower in words.surnames
    if not is_first and not is_last:
        for part in re.split(r"['\u2019-]", bare):
            is_first, is_last = (
                is_first or fold_letters(part) in words.first_names,
                is_last or fold_letters(part) in words.surnames,
            )
        if "-" in bare and all(
            fold_letters(part) in words.plain or fold_letters(part) in words.plain_names for part in bare.split("-")
        ):
            return Kind.PLAIN
    if lower in words.plain_names:
        return Kind.PLAIN_FIRST if is_first else Kind.PLAIN_LAST
    if is_first:
        return Kind.FIRST
    if is_last:
        return Kind.LAST
    if lower in words.plain or _is_form(lower, words.plain):
        return Kind.PLAIN
    return Kind.ENGLISH if lower in words.english or _is_form(lower, words.english) else Kind.UNKNOWN


def _is_form(word: str, stems_known: frozenset[str]) -> bool:
    for end, stems in (("s", ("",)), ("es", ("",)), ("ed", ("", "e")), ("ing", ("", "e")), ("er", ("", "e")), ("ly", ("",))):
        if word.endswith(end) and any(word[: -len(end)] + stem in stems_known for stem in stems):
            return True
    return False
