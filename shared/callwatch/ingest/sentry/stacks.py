"""The exceptions of a Sentry event and their stacks, with the evidence around each frame."""

from collections.abc import Iterable, Mapping
from typing import Any

from callwatch.events.trim import cut_text
from callwatch.ingest.sentry.cuts import Cuts

MAX_LINKS = 50
MAX_FRAMES = 250
# Frames of all exceptions together: a chain of fifty holds no more than four stacks of the longest kind.
MAX_FRAMES_IN_ALL = 1_000
VALUE_CHARS = 5_000
_CONTEXT_LINES = 10
# Grouping matches the places of a stack with regular expressions, and caches the results.
_TEXTS = {"filename": 1_000, "function": 500, "module": 500, "context_line": 2_000, "abs_path": 1_000, "package": 500}
_FRAME_FIELDS = ("filename", "abs_path", "function", "module", "package", "lineno", "colno", "in_app", "context_line", "vars")
_SHORTEST_LIMIT = min(_TEXTS.values())
_ADDRESSES = frozenset({"instruction_addr", "symbol_addr", "image_addr", "addr_mode"})
_THREAD_FIELDS = ("id", "name", "crashed", "current", "main", "state")
_MECHANISM = ("type", "handled", "source", "synthetic", "exception_id", "parent_id", "is_exception_group", "description")


def list_links(event: Mapping[str, Any], cuts: Cuts) -> list[dict[str, Any]]:
    """The chain of exceptions as sent, the outermost last: a list, an object with `values`, one exception alone, or its text."""
    found = event.get("exception")
    if isinstance(found, str) and found.strip():
        found = {"value": found}
    if isinstance(found, dict):
        values = found.get("values")
        found = values if isinstance(values, list) else [values if isinstance(values, dict) else found]
    links = [link for link in found if isinstance(link, dict) and link] if isinstance(found, list) else []
    return list(cuts.keep_tail("exceptions", links, MAX_LINKS))


def convert_links(links: list[dict[str, Any]], cuts: Cuts) -> list[dict[str, Any]] | None:
    """Type, value, module, mechanism and frames of each exception; the frames of the outermost are the event's own."""
    room = MAX_FRAMES_IN_ALL
    converted = []
    for number, link in enumerate(links):
        given: dict[str, Any] = {
            "type": cuts.limit_text("type", link.get("type"), 300),
            "value": cuts.limit_prose("value", link.get("value"), VALUE_CHARS),
        }
        module, mechanism = cuts.limit_text("module", link.get("module"), 200), _read_mechanism(link.get("mechanism"), cuts)
        given |= {name: value for name, value in (("module", module), ("mechanism", mechanism)) if value is not None}
        if number < len(links) - 1:
            frames = convert_frames(link, cuts, room)
            room -= len(frames or ())
            given |= {"frames": frames} if frames else {}
        converted.append(given)
    return converted or None


def list_threads(event: Mapping[str, Any], cuts: Cuts) -> list[dict[str, Any]]:
    """Number, name and state of each thread. The stack of one is that of the event; those of others are not kept."""
    threads = event.get("threads")
    values = threads.get("values") if isinstance(threads, dict) else threads
    found = [thread for thread in values if isinstance(thread, dict)] if isinstance(values, list) else []
    shown = {} if event.get("exception") else find_thread(event)
    if any(isinstance(thread.get("stacktrace"), dict) and thread is not shown for thread in found):
        cuts.note("threads")
    kept = ({name: thread[name] for name in _THREAD_FIELDS if thread.get(name) is not None} for thread in found)
    return list(cuts.keep_head("threads", [thread for thread in kept if thread], MAX_LINKS))


def find_thread(event: Mapping[str, Any]) -> dict[str, Any]:
    """The thread to show if there is no exception: the one that crashed, or in which a message was captured."""
    threads = event.get("threads")
    values = threads.get("values") if isinstance(threads, dict) else threads
    found = [thread for thread in values if isinstance(thread, dict)] if isinstance(values, list) else []
    for name in ("crashed", "current"):
        for thread in found:
            if thread.get(name):
                return thread
    return found[0] if len(found) == 1 else {}


def convert_frames(holder: Mapping[str, Any], cuts: Cuts, room: int = MAX_FRAMES_IN_ALL) -> list[dict[str, Any]] | None:
    """The frames of an exception, a thread or an event, the innermost last; room: how many frames there may still be."""
    stack = holder.get("stacktrace") or holder.get("raw_stacktrace")
    if holder.get("stacktrace") and holder.get("raw_stacktrace"):
        # The same places as the client saw them, before it resolved them.
        cuts.note("raw_stacktrace")
    frames = stack.get("frames") if isinstance(stack, dict) else None
    kept = [_convert_frame(frame, cuts) for frame in frames if isinstance(frame, dict)] if isinstance(frames, list) else []
    limit = min(MAX_FRAMES, room)
    if limit < 2:
        if kept:
            cuts.note("frames")
        return None
    return cuts.keep_ends("frames", kept, limit) or None


def complete_in_app(stacks: Iterable[list[dict[str, Any]] | None]) -> None:
    """Say of frames that they are not the application's where the client leaves that out, as sentry-go does.

    Where no frame says that it is the application's, nothing is known.
    """
    frames = [frame for stack in stacks for frame in stack or ()]
    if any(frame.get("in_app") is True for frame in frames):
        for frame in frames:
            frame.setdefault("in_app", False)


def _convert_frame(frame: Mapping[str, Any], cuts: Cuts) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in _FRAME_FIELDS:
        value = frame.get(name)
        if value is not None:
            is_short = type(value) is str and len(value) <= _SHORTEST_LIMIT
            kept[name] = value if is_short else _bound(name, value, cuts)
    # Go names a file by its absolute path alone.
    if kept.get("abs_path") and not kept.get("filename"):
        kept["filename"] = kept["abs_path"]
    if kept.get("abs_path") == kept.get("filename", ""):
        del kept["abs_path"]
    for name in ("pre_context", "post_context"):
        lines = frame.get(name)
        if isinstance(lines, list) and lines:
            # The lines nearest to the frame's own line.
            near = (cuts.keep_tail if name == "pre_context" else cuts.keep_head)("frames", lines, _CONTEXT_LINES)
            kept[name] = [_bound("context_line", line, cuts) for line in near if line is not None]
    if not _ADDRESSES.isdisjoint(frame):
        kept |= {name: str(frame[name])[:50] for name in sorted(_ADDRESSES) if frame.get(name) is not None}
    return kept


def _bound(name: str, value: Any, cuts: Cuts) -> Any:
    """A frame's field with limited length."""
    limit = _TEXTS.get(name)
    if limit is None:
        return value
    text = value if isinstance(value, str) else str(value)
    if len(text) <= limit:
        return text
    cuts.note("frames")
    return cut_text(text, limit)


def _read_mechanism(value: Any, cuts: Cuts) -> dict[str, Any] | None:
    """How the exception was captured; `handled` says whether the application caught it."""
    if not isinstance(value, dict):
        return None
    kept: dict[str, Any] = {}
    for name in _MECHANISM:
        item = value.get(name)
        if isinstance(item, (bool, int, float)):
            kept[name] = item
        elif isinstance(item, str) and item:
            kept[name] = cuts.limit_text("mechanism", item, 300)
    for name in ("data", "meta"):
        if isinstance(value.get(name), dict) and value[name]:
            kept[name] = value[name]
    return kept or None
