"""The words by which people find an error: of texts, hosts, paths and identifiers, whatever their case and accents."""

import functools
import re
import unicodedata
from collections.abc import Sequence

MAX_WORDS = 1_000
_MAX_TEXT_CHARS = 4_000
_MAX_WORD_CHARS = 100
_MAX_WORDS_ASKED = 20
_MAX_PARTS = 16
# A sentence is one identifier there.
_MAX_LETTERS = 60
_MAX_KNOWN_CHARS = 200
# These letters are not decomposed into one of Latin and an accent.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"})
_IDENTIFIER = re.compile(r"\w+")
# Scripts without blanks between words: Thai, Lao, Japanese, Chinese, and Korean, whose particles and compounds are not apart.
_UNSPACED = r"[\u0e01-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]"
# Where a word begins within an identifier: behind an underscore, at a capital behind a small letter, at the last capital before a
# small letter, between letters and digits, behind the article of Arabic, and at any letter of the scripts above.
_BORDER = re.compile(
    r"_+|(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])|(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)"
    rf"|(?<=\bال)(?=\w\w)|(?<={_UNSPACED})(?={_UNSPACED})"
)
_HAS_UNSPACED = re.compile(_UNSPACED)


def list_words(*lists: Sequence[str]) -> list[str]:
    """Each identifier from each word within it to its end: "getCallById" as getcallbyid, callbyid, byid, id.

    A search for the beginning of one of them finds any part that begins with a word. At most MAX_WORDS of all lists; a list that
    was seen before as a whole, as the places of a stack, is not read again.
    """
    found: dict[str, None] = {}
    for texts in lists:
        is_small = sum(map(len, texts)) <= _MAX_TEXT_CHARS
        found.update((_list_of_known_texts if is_small else _list_of_texts)(tuple(texts)))
        if len(found) >= MAX_WORDS:
            return list(found)[:MAX_WORDS]
    return list(found)


def build_query(text: str) -> str:
    """A tsquery for every word of a text, each as a whole or as the beginning of a longer one; empty if there is none."""
    words = dict.fromkeys(filter(None, map(_fold, _IDENTIFIER.findall(text))))
    return " & ".join(f"'{word}':*" for word in list(words)[:_MAX_WORDS_ASKED])


def _list_of_texts(texts: Sequence[str]) -> dict[str, None]:
    found: dict[str, None] = {}
    for text in texts:
        given = text[:_MAX_TEXT_CHARS]
        found.update((_list_known if len(given) <= _MAX_KNOWN_CHARS else _list_of_text)(given))
        if len(found) >= MAX_WORDS:
            break
    return found


def _list_of_text(text: str) -> dict[str, None]:
    found: dict[str, None] = {}
    for identifier in _IDENTIFIER.findall(text):
        found.update(_list_ends(identifier[: 2 * _MAX_WORD_CHARS]))
        if len(found) >= MAX_WORDS:
            break
    return found


# Errors of one application share stacks, places and most of their tags, and a flood of new errors shares its identifiers.
_list_known = functools.lru_cache(4_096)(_list_of_text)
_list_of_known_texts = functools.lru_cache(512)(_list_of_texts)


@functools.lru_cache(8_192)
def _list_ends(identifier: str) -> dict[str, None]:
    most = _MAX_PARTS if identifier.isascii() or not _HAS_UNSPACED.search(identifier) else _MAX_LETTERS
    parts = [part for piece in _BORDER.split(identifier, most) if (part := _fold(piece))]
    return dict.fromkeys("".join(parts[number:])[:_MAX_WORD_CHARS] for number in range(len(parts)))


def _fold(word: str) -> str:
    """A word without case, accents and underscores, at most 100 characters."""
    folded = word.casefold()
    if not folded.isascii():
        letters = unicodedata.normalize("NFKD", folded)
        folded = "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold().translate(_LETTERS)
        # What is decomposed may hold signs, which a query would read as its own.
        folded = "".join(_IDENTIFIER.findall(folded))
    return folded.replace("_", "")[:_MAX_WORD_CHARS]
