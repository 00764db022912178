"""Chooses the form of a response by the request's header Accept."""

import re
from collections.abc import Sequence

_MAX_CHARS = 2_000
_QUALITY = re.compile(r";\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)


def choose_type(accept: str, offered: Sequence[str]) -> str:
    """The offered type that the header prefers; the first one if it names none of them.

    Of two types with the same quality, the one that is named first wins.
    """
    best, best_quality = offered[0], 0.0
    for entry in accept[:_MAX_CHARS].lower().split(","):
        name = entry.partition(";")[0].strip()
        found = _QUALITY.search(entry)
        quality = float(found[1]) if found else 1.0
        # Only a type that is named: a browser or curl that takes anything gets the first one.
        if name in offered and quality > best_quality:
            best, best_quality = name, quality
    return best
