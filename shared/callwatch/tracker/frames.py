"""The stack of a Python exception as frames: where it went, without any variable."""

import functools
import traceback
from typing import Any

from callwatch.tracker.mend import text_of

_MOST = 100


def frames_of(error: BaseException) -> list[dict[str, Any]]:
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
                "in_app": not name.startswith(_library()) and "site-packages" not in name,
            }
        )
    return frames if len(frames) <= _MOST else [*frames[: _MOST // 2], *frames[-_MOST // 2 :]]


@functools.cache
def _library() -> tuple[str, ...]:
    # 6 ms of import, which a process without an error need not pay.
    import sysconfig

    return tuple(filter(None, {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "/opt/python", "<frozen"}))


def chain_of(error: BaseException) -> list[dict[str, Any]]:
    """The exception and what caused it, the outermost last: type and value of each."""
    links: list[dict[str, Any]] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(links) < 10:
        seen.add(id(link))
        links.append({"type": type(link).__name__, "value": message_of(link)})
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links[::-1]


def message_of(error: BaseException) -> str:
    """The exception's text, with the SQLSTATE where it has one; never raises."""
    text = text_of(error)
    sqlstate = getattr(error, "pgcode", None)
    return f"{text.strip()} (SQLSTATE {sqlstate})" if sqlstate else text.strip() or type(error).__name__
