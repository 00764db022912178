"""Words in a product's column, however they are spelled: PENDING, " pending " and "pen-ding" all fold to pending."""

import json
import re

from psycopg2.sql import SQL, Composable

from callwatch.scrubbing.scrubber import scrub_text

# More than is shown is read, because a cut may leave half of a secret, which no scrubbing finds.
READ_CHARACTERS = 200
_MAX_SHOWN = 60
_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Za-z]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/-]+")
_NULL = "NULL"


def fold(word: str) -> str:
    """A word without its spelling: its ASCII letters and digits in lower case; empty if it has none."""
    return _NOT_ALPHANUMERIC.sub("", word).lower()


def fold_column(value: Composable) -> Composable:
    """The same in SQL, whatever the collation of a column: expressions do not work on some."""
    return SQL("lower(regexp_replace({}::text COLLATE \"C\", '[^0-9A-Za-z]+', '', 'g'))").format(value)


def show_value(value: str | None) -> str:
    """A foreign value for people, scrubbed and cut: a plain word as it is, NULL for none, any other text in quotes."""
    if value is None:
        return _NULL
    text = scrub_text(value)
    if not _PLAIN.fullmatch(text) or text == _NULL:
        text = "".join(map(_escape, json.dumps(text, ensure_ascii=False)))
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def _escape(character: str) -> str:
    """A character that nobody sees, such as a mark of direction, by its number."""
    return character if character.isprintable() else f"\\u{ord(character):04x}"
