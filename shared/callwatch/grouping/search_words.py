"""The words by which people find an error: of texts, hosts, paths and identifiers, whatever their case and accents."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

MAX_WORDS = 1_000
_MAX_TEXT_CHARS = 4_000
_MAX_WORD_CHARS = 100
_MAX_WORDS_ASKED = 20
_MAX_PARTS = 16
_IDENTIFIER = re.compile(r"\w+")
# Where a word begins within an identifier: behind an underscore, at a capital behind a small letter, at the last capital before a
# small letter, and between letters and digits.
_BORDER = re.compile(r"_+|(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])|(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)")


def list_words(texts: Iterable[str | None]) -> list[str]:
    """Each identifier from each word within it to its end: "getCallById" as getcallbyid, callbyid, byid, id.

    A search for the beginning of one of them finds any part that begins with a word. At most MAX_WORDS.
    """
    found: dict[str, None] = {}
    for text in texts:
        for identifier in _IDENTIFIER.findall((text or "")[:_MAX_TEXT_CHARS]):
            found.update(dict.fromkeys(_list_ends(identifier)))
            if len(found) >= MAX_WORDS:
                return list(found)[:MAX_WORDS]
    return list(found)


def build_query(text: str) -> str:
    """A tsquery for every word of a text, each as a whole or as the beginning of a longer one; empty if there is none."""
    words = dict.fromkeys(filter(None, map(_fold, _IDENTIFIER.findall(text))))
    return " & ".join(f"'{word}':*" for word in list(words)[:_MAX_WORDS_ASKED])


def _list_ends(identifier: str) -> Iterator[str]:
    parts = [part for piece in _BORDER.split(identifier[: 2 * _MAX_WORD_CHARS], _MAX_PARTS) if (part := _fold(piece))]
    for number in range(len(parts)):
        yield "".join(parts[number:])[:_MAX_WORD_CHARS]


def _fold(word: str) -> str:
    """A word without case, accents and underscores, at most 100 characters."""
    folded = word.casefold()
    if not folded.isascii():
        letters = unicodedata.normalize("NFKD", folded)
        folded = "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
        # What is decomposed may hold signs, which a query would read as its own.
        folded = "".join(_IDENTIFIER.findall(folded))
    return folded.replace("_", "")[:_MAX_WORD_CHARS]
