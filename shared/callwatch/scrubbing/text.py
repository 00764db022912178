"""The entry point for scrubbing one text: harmless texts stay, and earlier results are cached."""

import functools
import re
from collections.abc import Callable

# Texts of this length repeat from event to event (lines of code, headers, labels) and are worth caching.
MAX_SHORT_CHARS = 300
# A single word, or a plain path of words, holds nothing private: most texts of an event are like that. The name of a device may
# be that of its owner.
_IDENTIFIER = re.compile(
    r"(?!agt_|AGT_|SG\.)[A-Za-z_$<>.*!]{0,40}|(?!.{2,30}-(?:macbook|mbp|imac|iphone|ipad))[a-z-]{0,40}|[A-Za-z]{1,20}(?: [a-z]{1,3})?|\d{1,6}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|\+00:00)?"
)


def scrub_text(text: str, is_code: bool = False) -> str:
    """The text with each private part replaced by a mark of its kind, such as "[phone]".

    is_code: a line of source, in which only literals hold values.
    """
    return _scrub_remembered(text, is_code) if len(text) <= MAX_SHORT_CHARS else _scrub(text, is_code)


@functools.lru_cache(maxsize=8192)
def _scrub_remembered(text: str, is_code: bool) -> str:
    return text if _IDENTIFIER.fullmatch(text) else _scrub(text, is_code)


@functools.lru_cache(maxsize=8192)
def scrub_short(text: str, is_code: bool, is_counted: bool) -> str | None:
    """The scrubbed text of a value of at most MAX_SHORT_CHARS, in one look-up if it was seen before; None if it holds data.

    is_counted: its key says that a number is an id or a count.
    """
    if holds_data(text):
        return None
    return text if is_counted and is_long_number(text) else scrub_text(text, is_code)


def holds_data(text: str) -> bool:
    """Whether a text may be JSON or the repr of an object, as a whole: also of one that wraps a list, "ValidationError([...])"."""
    start = text[:2] if text[:1].isalnum() else text.lstrip()[:2]
    return start[:1] in ("{", "[", "(") or start in ('"{', '"[') or text[-2:] in ("])", "})")


def is_long_number(text: str) -> bool:
    """Whether a text consists of as many digits as a phone number."""
    return len(text) in (10, 11) and text.isdigit()


def _scrub(text: str, is_code: bool) -> str:
    return _load_pipeline()(text, is_code)


@functools.cache
def _load_pipeline() -> Callable[[str, bool], str]:
    # Compiling all patterns takes long: a function that scrubs nothing starts without them.
    from callwatch.scrubbing.pipeline import scrub_any

    return scrub_any
