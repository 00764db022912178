"""Turns texts of the product into labels: short, without characters that no page, log or message shows."""

import unicodedata

_NONE = "none"
# Control, format (such as direction marks), surrogate, private use, and line separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def make_readable(text: str | None, max_length: int = 60) -> str:
    """A text of the product as a label; "none" if it has no readable characters."""
    shown = "".join(
        character if unicodedata.category(character) not in _HIDDEN else " " for character in (text or "")[:max_length]
    )
    return " ".join(shown.split()) or _NONE
