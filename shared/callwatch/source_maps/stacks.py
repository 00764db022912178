"""Resolves the stacks of events: finds the maps of all of them at once, then puts every frame at its place in the source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.source_maps import ScriptRow
from callwatch.source_maps.frames import apply_token
from callwatch.source_maps.look_up import Budget, Found, Position, look_up
from callwatch.source_maps.places import Script, find_scripts, is_of_a_script, list_debug_ids, list_stacks, name_script

# Frames nearest to the error, of each exception.
MAX_FRAMES = 60


@dataclass(slots=True)
class Resolution:
    """Events with their stacks resolved, in order; None: nothing of it was resolved. used: the bundles that were read."""

    events: list[dict[str, Any] | None]
    used: set[int] = field(default_factory=set)


def resolve_stacks(
    conn: AnyConnection, url: str | None, given: Sequence[tuple[int, Mapping[str, Any]]], budget: Budget
) -> Resolution:
    """Resolve the stacks of events, each with its project. A frame that cannot be resolved stays as it is."""
    found = find_tokens(conn, url, given, budget)
    resolved = [_rewrite(project_id, event, found) for project_id, event in given]
    bundles = {row["bundle_id"] for row in found.rows.values()}
    return Resolution(resolved, bundles)


@dataclass(slots=True)
class Tokens:
    """What is known of the frames of events: where their scripts lie, and what the maps say."""

    rows: dict[Script, ScriptRow]
    answers: dict[Script, dict[Position, Found]]


def find_tokens(conn: AnyConnection, url: str | None, given: Sequence[tuple[int, Mapping[str, Any]]], budget: Budget) -> Tokens:
    """Look up all frames of events, each map once."""
    wanted: dict[Script, dict[Position, None]] = {}
    for project_id, event in given:
        debug_ids = list_debug_ids(event)
        for frames in list_stacks(event):
            for frame in filter(is_of_a_script, frames[-MAX_FRAMES:]):
                script = name_script(project_id, event, frame, debug_ids)
                wanted.setdefault(script, {})[(frame["lineno"], frame["colno"])] = None
    rows = find_scripts(conn, list(wanted))
    answers = {script: look_up(url, row, list(wanted[script]), budget) for script, row in rows.items()}
    return Tokens(rows, answers)


def rewrite_frames(
    project_id: int, event: Mapping[str, Any], frames: Sequence[Any], tokens: Tokens, debug_ids: Mapping[str, str]
) -> list[Any]:
    """Frames at their places in the source. One whose script was uploaded and does not help says why; so does one with a
    debug id whose script was not uploaded.
    """
    changed: list[Any] = []
    for frame in frames:
        if not is_of_a_script(frame):
            changed.append(frame)
            continue
        script = name_script(project_id, event, frame, debug_ids)
        answer = tokens.answers.get(script, {}).get((frame["lineno"], frame["colno"]))
        is_expected = bool(script.debug_id) and script not in tokens.rows
        answer = answer or ("not_uploaded" if is_expected else None)
        changed.append(frame if answer is None else apply_token(frame, answer))
    return changed


def rewrite_event(project_id: int, event: Mapping[str, Any], tokens: Tokens) -> dict[str, Any]:
    """An event with all of its frames rewritten."""
    debug_ids = list_debug_ids(event)
    changed = dict(event)
    if isinstance(event.get("frames"), list):
        changed["frames"] = rewrite_frames(project_id, event, event["frames"], tokens, debug_ids)
    if isinstance(event.get("exceptions"), list):
        changed["exceptions"] = [
            {**link, "frames": rewrite_frames(project_id, event, link["frames"], tokens, debug_ids)}
            if isinstance(link, dict) and isinstance(link.get("frames"), list)
            else link
            for link in event["exceptions"]
        ]
    return changed


def _rewrite(project_id: int, event: Mapping[str, Any], tokens: Tokens) -> dict[str, Any] | None:
    changed = rewrite_event(project_id, event, tokens)
    is_resolved = any(isinstance(frame, dict) and "minified" in frame for frames in list_stacks(changed) for frame in frames)
    return _drop_reasons(changed) if is_resolved else None


def _drop_reasons(event: dict[str, Any]) -> dict[str, Any]:
    """The event without the codes of frames that are not resolved: they are found each time the event is shown."""

    def clear(frames: list[Any]) -> list[Any]:
        return [
            {name: value for name, value in frame.items() if name != "source_map"}
            if isinstance(frame, dict) and "minified" not in frame
            else frame
            for frame in frames
        ]

    if isinstance(event.get("frames"), list):
        event["frames"] = clear(event["frames"])
    event["exceptions"] = [
        {**link, "frames": clear(link["frames"])} if isinstance(link, dict) and isinstance(link.get("frames"), list) else link
        for link in event.get("exceptions") or []
    ] or event.get("exceptions")
    return event
