"""Frequent first names and surnames, and the words of software: lists that distinguish people from things.

first_names.txt, surnames.txt: frequency lists of the 1990 US census (public domain, as the PyPI package `names` 0.3.0 ships
them; all first names, the 20,000 most frequent surnames), with the Latin-script names of 25 locales of the PyPI package `Faker`
40 (MIT license). plain.txt: words that occur in lowercase in many source files of Python's standard library and of the
dependencies, and names of software, vendors, carriers and states. english.txt: the 40,000 most frequent words of English that are
in none of the other lists, without regular endings (the PyPI package `symspellpy` 6.10, MIT license; rare ones only if Webster's
Second of the PyPI package `english-words` 2.0, public domain, writes them in lowercase). plain_names.txt: names that are also
such words ("Will", "Page", "Coach"), and therefore prove nothing alone.
"""

import functools
import os
from dataclasses import dataclass

# Without pathlib, whose import costs more than this whole module.
_FOLDER = os.path.join(os.path.dirname(__file__), "words")


@dataclass(frozen=True, slots=True)
class Words:
    """The lists, in lowercase and without accents."""

    first_names: frozenset[str]
    surnames: frozenset[str]
    plain: frozenset[str]
    english: frozenset[str]
    plain_names: frozenset[str]


@functools.cache
def load_words() -> Words:
    """Read the lists when the first text needs them: functions that scrub no name save 8 ms."""
    return Words(*(_read_list(name) for name in Words.__slots__))


def _read_list(name: str) -> frozenset[str]:
    with open(os.path.join(_FOLDER, f"{name}.txt"), encoding="ascii") as file:
        return frozenset(file.read().split())
