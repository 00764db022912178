"""The shapes of names: which words in a row form the name of a person, by what the lists know and what stands before them."""

import re

from callwatch.scrubbing.detectors.folding import fold_letters
from callwatch.scrubbing.detectors.people.contexts import Place, is_organization
from callwatch.scrubbing.detectors.people.kinds import SUFFIXES, WORDS, Kind, classify_word

MAX_WORDS = 5
WORD = re.compile(r"[^\W\d_]{1,40}(?:['\u2019-][^\W\d_]{1,40}){0,3}\.?")
_GAP = re.compile(r"[ \t\u00a0+]{1,2}")
_COMMA = re.compile(r",[ ]?")
# A name may begin with a lowercase prefix: d'Estaing, al-Rahman.
_PREFIXED = re.compile(r"(?:[dlo]['\u2019]|(?:al|el|ul|an|as)-|[mM]a?c|de|van|di)[^\W\d_a-z]")
# The signs of vowels in the scripts of India and Southeast Asia are no letters to a regular expression.
_SIGNS = (
    r"\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0971-\u09e5\u09f0-\u0a65\u0a70-\u0ae5\u0af0-\u0b65\u0b70-\u0be5\u0bf0-\u0c65\u0c70-\u0ce5"
    r"\u0cf0-\u0d65\u0d70-\u0de5\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u103f"
)
_LETTER = rf"(?:[^\W\d_\u0000-\u024f\u1e00-\u1eff]|[{_SIGNS}])"
_OTHER_SCRIPT = re.compile(rf"{_LETTER}{{1,20}}(?:[ \u00b7\u3000\u30fb-]?{_LETTER}{{1,20}}){{0,3}}")
# First names that are also words, but are far more often a person's name.
_COMMON_FIRST_NAMES = frozenset(
    "will mark bill dean drew max april june clara diana rose grace hope frank gene ray rob sue pat dale earl miles taylor"
    " jordan austin jack rich"
    " bob ann dawn faith joy heather holly lily daisy ivy iris violet ruby pearl opal amber crystal jade summer carol cody"
    " chad guy"
    " jackson madison virginia georgia charlotte brooklyn savannah julia cassandra jasmine luna athena ada abe lucas nan".split()
)
# Surnames that are also words of software, but hardly ever after a first name in lowercase.
TAILS = frozenset(
    "doe jenkins jackson antonio blackwell cleveland cobb cruz dallas dayton diego edison edmonds gerber hancock hess houston hudson hugo"
    " hunter jacobi kane lancaster lang lincoln lucas madison marshall molina payne penn petersen powers raleigh roman steele taylor"
    " ventura washington watson watts wells woods parks rivers walker turner baker parker cooper carter harper mills lambert palmer"
    " brown black king young hill green cook bell cole west wood stone white rose ford fox burns hayes".split()
)
_KNOWN = (Kind.FIRST, Kind.LAST)
_MAX_CHARS_OF_OTHER_SCRIPT = 40


def is_capitalized(word: str) -> bool:
    """Whether a word begins like a name: with a capital, perhaps after a prefix."""
    return word[0].isupper() or _PREFIXED.match(word) is not None


def list_words_at(text: str, start: int) -> list[re.Match[str]]:
    """Words from `start` on, each one blank after the previous one; initials may follow each other immediately."""
    words: list[re.Match[str]] = []
    at = start
    while len(words) < MAX_WORDS and (word := WORD.match(text, at)):
        following = text[word.end() : word.end() + 1]
        # "user.name", "lead_id", "client/7" and "agent()" are not words of a sentence.
        is_part = following and (following.isdigit() or following in "_\\@=([{%#" or (following == "/" and not words))
        is_dotted = len(word[0]) > 3 and word[0][-1] == "." and following.isalpha()
        if (is_part or is_dotted) and not text.startswith(("[phone]", "[email]"), word.end()):
            break
        words.append(word)
        gap = _GAP.match(text, word.end())
        if not gap and not (len(word[0]) == 2 and word[0][1] == "."):
            break
        at = gap.end() if gap else word.end()
    return words


def end_of_other_script(text: str, start: int) -> int:
    """The end of a name in another script than Latin at `start`; `start` if there is none."""
    found = _OTHER_SCRIPT.match(text, start)
    return found.end() if found and len(found[0]) <= _MAX_CHARS_OF_OTHER_SCRIPT and len(found[0]) > 1 else start


_NUMBERED = re.compile(r"-v?\d{1,3}(?!\d)")


def end_of_name(text: str, start: int, place: Place = Place.PERSON) -> int:
    """The end of the name that begins at `start`; `start` if no name begins there."""
    if place > Place.BARE and (end := end_of_other_script(text, start)) > start:
        return end
    words = list_words_at(text, start)
    reversed_end = end_of_reversed(text, words, place)
    if reversed_end:
        return reversed_end
    count = count_words(words, [classify_word(word[0]) for word in words], place)
    # "Elena-2" is a machine and "Howard-2.1" a model.
    if not count or _NUMBERED.match(text, words[count - 1].end()):
        return start
    end = words[count - 1].end()
    # A period after the last word ends the sentence, unless the word is an initial.
    return end - 1 if text[end - 1] == "." and words[count - 1].end() - words[count - 1].start() > 2 else end


def end_of_reversed(text: str, words: list[re.Match[str]], place: Place) -> int:
    """The end of "Zimmermann, Rosalind M." if these are its first words, else 0."""
    if not 1 <= len(words) <= 3 or not (comma := _COMMA.match(text, words[-1].end())):
        return 0
    kinds = [classify_word(word[0]) for word in words]
    also = (Kind.PLAIN_FIRST, Kind.ENGLISH) if place > Place.BARE else ()
    if any(kind not in (*_KNOWN, Kind.UNKNOWN, Kind.PARTICLE, Kind.PLAIN_LAST, *also) for kind in kinds):
        return 0
    following = list_words_at(text, comma.end())
    if not following or not is_capitalized(words[-1][0]) or not is_capitalized(following[0][0]):
        return 0
    first, last = classify_word(following[0][0]), kinds[-1]
    # "Rosalind,Zimmermann" is a line of a table.
    if comma[0] == "," and len(words) == 1 and (last, first) == (Kind.FIRST, Kind.LAST):
        return following[0].end()
    if not _is_first_after_comma(first, last, place):
        return 0
    end = following[0]
    while (number := following.index(end) + 1) < len(following) and classify_word(following[number][0]) in (
        Kind.INITIAL,
        Kind.FIRST,
    ):
        end = following[number]
    return end.end() - (text[end.end() - 1] == "." and end.end() - end.start() > 2)


def _is_first_after_comma(first: Kind, last: Kind, place: Place) -> bool:
    if place == Place.BARE and first in (Kind.UNKNOWN, Kind.INITIAL):
        return False
    if first == Kind.INITIAL:
        return last in (*_KNOWN, Kind.UNKNOWN)
    if first == Kind.FIRST or (first, last) == (Kind.UNKNOWN, Kind.LAST):
        return True
    if first == Kind.PLAIN_FIRST:
        return last in (*_KNOWN, Kind.UNKNOWN) or (place >= Place.PERSON and last == Kind.PLAIN_LAST)
    if last == Kind.ENGLISH:
        return place >= Place.PERSON and first == Kind.UNKNOWN
    # Two rare names: only behind a role, and alone in their clause.
    return place > Place.BARE and first in (Kind.UNKNOWN, Kind.LAST) and last in (Kind.UNKNOWN, Kind.LAST)


def count_words(words: list[re.Match[str]], kinds: list[Kind], place: Place) -> int:
    """How many of the words form a name; 0 if they do not."""
    if not words or (kinds[0] in WORDS and place != Place.TITLE):
        return 0
    if len(words) > 1 and is_organization(words[0][0], words[1][0]):
        return 0
    is_capital = is_capitalized(words[0][0])
    count = _count_run(words, kinds, is_capital, place)
    while count and kinds[count - 1] == Kind.PARTICLE and fold_letters(words[count - 1][0]) not in SUFFIXES:
        count -= 1
    if not count:
        return 0
    found, is_caps = kinds[:count], all(word[0].isupper() for word in words[:count])
    is_followed = len(words) > count and is_capitalized(words[count][0])
    if place == Place.TITLE:
        return count if is_capital and Kind.PLAIN not in found and found[0] != Kind.ENGLISH else 0
    if not is_capital:
        return count if _is_sure_in_lower_case(found, words, place) else 0
    if count == 1:
        return int(_is_sure_alone(words[0][0], found[0], place, is_followed))
    is_common_first = fold_letters(words[0][0]) in _COMMON_FIRST_NAMES
    return count if _is_sure(found, place, is_caps, is_followed, is_common_first) else 0


def _is_sure_alone(word: str, kind: Kind, place: Place, is_followed: bool) -> bool:
    """Whether a single word is a name: a known one behind a role, a rare one behind a person or a key."""
    if place == Place.KEY and word.isupper() and len(word) > 2:
        return kind in (*_KNOWN, Kind.UNKNOWN)
    if place == Place.BARE or is_followed:
        return False
    if kind in _KNOWN:
        return _is_title_case(word)
    return kind == Kind.UNKNOWN and place >= Place.PERSON and len(word) > 2 and not word.isupper() and _is_title_case(word)


def _is_title_case(word: str) -> bool:
    """Whether a single word is capitalized like a name: not an acronym, and not an identifier with inner capitals."""
    if word.isupper():
        return len(word) > 3
    return word.istitle() or word[:2] == "Mc" or "'" in word


def _count_run(words: list[re.Match[str]], kinds: list[Kind], is_capital: bool, place: Place) -> int:
    """How many words, from the first, could belong to one name by their case and kind."""
    count = 0
    for number, (word, kind) in enumerate(zip(words, kinds, strict=True)):
        text = word[0]
        has_capital = is_capitalized(text)
        is_syllable = kind in WORDS and has_capital and len(text) < 4 and number and not words[number - 1][0].isascii()
        before_surname = (Kind.FIRST, Kind.INITIAL, Kind.UNKNOWN) if place >= Place.PERSON else (Kind.FIRST, Kind.INITIAL)
        is_surname = (
            kind == Kind.ENGLISH and has_capital and number and place > Place.BARE and kinds[number - 1] in before_surname
        )
        if kind in WORDS and not is_syllable and not is_surname and not (len(text) == 1 and number and not is_capital):
            break
        is_lower_tail = not is_capital and count == 1 and kinds[0] == Kind.FIRST and text.rstrip(".") in TAILS
        if kind in (Kind.PLAIN_FIRST, Kind.PLAIN_LAST) and not has_capital and not is_lower_tail:
            break
        is_tail = count == 1 and kinds[0] == Kind.FIRST
        if is_capital and not has_capital and kind not in (Kind.PARTICLE, Kind.LAST, Kind.UNKNOWN if is_tail else Kind.PARTICLE):
            break
        if not is_capital and kind == Kind.INITIAL:
            break
        count += 1
        # A word with a period ends a sentence, and a name with it.
        if text.endswith(".") and len(text) > 4:
            break
    return count


def _is_sure_in_lower_case(kinds: list[Kind], words: list[re.Match[str]], place: Place) -> bool:
    """Whether lowercase words are a name: a known first name, or behind a person two words that no list knows."""
    if kinds[0] == Kind.FIRST:
        return True
    if place < Place.ROLE or len(kinds) < 2 or any(len(word[0]) < 4 for word in words[:2]):
        return False
    return all(kind in (*_KNOWN, Kind.UNKNOWN) for kind in kinds[:2])


def _is_sure(kinds: list[Kind], place: Place, is_caps: bool, is_followed: bool, is_common_first: bool) -> bool:
    """Whether a run of two or more words is a name."""
    names: list[Kind] = [kind for kind in kinds if kind not in (Kind.INITIAL, Kind.PARTICLE)]
    if not names:
        return False
    if place == Place.BARE:
        return _is_sure_alone_in_text(kinds, names, is_caps, is_common_first, is_followed)
    if any(kind in _KNOWN for kind in kinds):
        return True
    if names[0] == Kind.PLAIN_FIRST and len(names) > 1 and (is_common_first or names[1] == Kind.UNKNOWN):
        return (
            not is_followed
            and (names[1] in (Kind.PLAIN_LAST, Kind.UNKNOWN) or place >= Place.PERSON)
            and (not is_caps or is_common_first)
        )
    if Kind.INITIAL in kinds:
        return True
    if names[0] == Kind.UNKNOWN and Kind.PLAIN_FIRST not in names and not is_followed:
        # "Zylah Page": a rare first name, and a surname that is also a word.
        return (
            all(kind in (Kind.UNKNOWN, Kind.ENGLISH) for kind in names)
            if is_caps
            else place >= Place.PERSON or Kind.PLAIN_LAST not in names
        )
    return not is_caps and all(kind == Kind.UNKNOWN for kind in names)


def _is_sure_alone_in_text(kinds: list[Kind], names: list[Kind], is_caps: bool, is_common_first: bool, is_followed: bool) -> bool:
    """Whether a run without a word before it is a name."""
    if len(names) < 2:
        return names[0] in _KNOWN and Kind.INITIAL in kinds[:1] and len(kinds) > 2
    is_first = names[0] in (Kind.FIRST, Kind.PLAIN_FIRST)
    if is_caps and Kind.INITIAL in kinds:
        return is_first
    if is_caps:
        return names[0] == Kind.FIRST or (is_common_first and names[1] == Kind.LAST)
    if names[0] == Kind.FIRST:
        # "Victoria Line Closed" is a heading.
        return not (is_followed and len(names) == 2 and names[1] == Kind.PLAIN_LAST)
    if names[0] == Kind.LAST and Kind.PARTICLE in kinds:
        return names[-1] in _KNOWN
    return is_first and names[1] in _KNOWN
