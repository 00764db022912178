"""Markdown from texts of others: a text stays text, whatever characters it has."""

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~&]")
_ADDRESS = re.compile(r"https?://[^\s<>]+")
_BREAKS = re.compile(r"\s+")


def escape(text: str) -> str:
    """Return a text on one line, in which no character has a meaning of its own."""
    return _SPECIAL.sub(r"\\\g<0>", _BREAKS.sub(" ", text).strip())


def write_link(url: str) -> str:
    """Return an address as a link; as text if it is none."""
    return f"<{url}>" if _ADDRESS.fullmatch(url) else escape(url)


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every cell is text."""
    lines = [head, ["---"] * len(head)]
    body = [f"| {' | '.join(escape(cell) for cell in row)} |" for row in rows]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), *body])
