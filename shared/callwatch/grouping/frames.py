"""The stack of a Python exception as frames: its places, without any variable."""

import functools
import itertools
import traceback
from collections import deque
from collections.abc import Iterator
from typing import Any

from callwatch.scrubbing.sanitize import render_text

_MAX_FRAMES = 100
_MAX_LINKS = 10


def list_frames(error: BaseException) -> list[dict[str, Any]]:
    """Frames of the traceback, the innermost last: filename, function, module, lineno, in_app, context_line."""
    frames = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        frames.append(
            {
                "filename": name,
                "function": frame.f_code.co_name,
                "module": frame.f_globals.get("__name__"),
                "lineno": line,
                "in_app": not name.startswith(_list_library_paths()) and "site-packages" not in name,
            }
        )
    return frames if len(frames) <= _MAX_FRAMES else [*frames[: _MAX_FRAMES // 2], *frames[-_MAX_FRAMES // 2 :]]


@functools.cache
def _list_library_paths() -> tuple[str, ...]:
    # The import takes 6 ms, which a process without an error need not pay.
    import sysconfig

    return tuple(filter(None, {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "/opt/python", "<frozen"}))


def list_chain(error: BaseException) -> list[dict[str, Any]]:
    """The exception, its causes and the members of exception groups, the outermost last: type, value, module and frames.

    The outermost has no frames of its own: they are those of the event. Links of a group carry a mechanism as Sentry's
    protocol defines it: exception_id, parent_id, is_exception_group.
    """
    found = list(itertools.islice(walk_exceptions(error), _MAX_LINKS))
    has_group = any(isinstance(link, BaseExceptionGroup) for link, _parent in found)
    numbers = {id(link): number for number, (link, _parent) in enumerate(found)}
    links = []
    for number, (link, parent) in enumerate(found):
        row: dict[str, Any] = {"type": type(link).__name__, "value": read_message(link), "module": type(link).__module__}
        if number:
            row["frames"] = list_frames(link)
        if has_group:
            row["mechanism"] = {"exception_id": number, "is_exception_group": isinstance(link, BaseExceptionGroup)}
            if parent is not None:
                row["mechanism"]["parent_id"] = numbers[id(parent)]
        links.append(row)
    return links[::-1]


def walk_exceptions(error: BaseException) -> Iterator[tuple[BaseException, BaseException | None]]:
    """Each exception with the one that leads to it, the outermost first; each once, however they refer to each other."""
    seen: set[int] = set()
    pending: deque[tuple[BaseException, BaseException | None]] = deque([(error, None)])
    while pending:
        link, parent = pending.popleft()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link, parent
        cause = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        members = link.exceptions[:_MAX_LINKS] if isinstance(link, BaseExceptionGroup) else ()
        pending.extend((each, link) for each in (*members, *((cause,) if cause else ())))


def read_message(error: BaseException) -> str:
    """The exception's text, with the SQLSTATE if it has one; never raises."""
    text = render_text(error)
    sqlstate = getattr(error, "pgcode", None)
    return f"{text.strip()} (SQLSTATE {sqlstate})" if sqlstate else text.strip() or type(error).__name__
