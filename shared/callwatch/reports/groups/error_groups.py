"""Error groups and their occurrences for people: lists and details."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_counts import list_trends
from callwatch.db.error_queries.error_logs import OccurrenceRow, find_neighbors, find_occurrence, list_occurrences
from callwatch.db.error_queries.group_lists import (
    GroupFilters,
    GroupRow,
    find_group,
    list_groups,
    list_history,
    list_releases,
    list_tags,
    list_worst_open,
)
from callwatch.db.error_queries.group_merges import list_fingerprints, list_stored_ids
from callwatch.db.error_queries.group_search import find_by_hex
from callwatch.db.ingest_queries.user_feedback import list_group_feedback
from callwatch.exceptions import Conflict, NotFound
from callwatch.grouping.in_app import is_in_app
from callwatch.grouping.search_words import build_query
from callwatch.reports.groups.group_places import Place, build_place
from callwatch.reports.groups.source_maps import resolve_shown

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import (
        ErrorGroup,
        GroupDetail,
        GroupState,
        Occurrence,
        OccurrenceNeighbors,
        UserFeedback,
    )

TREND_HOURS = 24
_OCCURRENCES = 20
_FEEDBACK = 20
# A Lambda response holds 6 MB; an event's text may grow when it is encoded again.
_ANSWER_CHARACTERS = 2_000_000


def list_groups_page(
    conn: AnyConnection, filters: GroupFilters, limit: int, now: datetime
) -> tuple[list[ErrorGroup], Place | None]:
    """Return groups with their trends, and the position after the last one if there are more.

    filters: q is the text of a person: words, the id of an event, or the hash of a user.
    """
    rows = list_groups(conn, _search(conn, filters), limit + 1)
    page = rows[:limit]
    items = _serialize_groups(conn, page, now)
    return items, build_place(filters.get("sort"), page[-1]) if len(rows) > limit else None


def list_worst_groups(conn: AnyConnection, limit: int, now: datetime) -> list[ErrorGroup]:
    """Return open groups that occurred within 24 hours, with their trends: the most severe first, then the last seen."""
    return _serialize_groups(conn, list_worst_open(conn, now - timedelta(hours=TREND_HOURS), limit), now)


def _serialize_groups(conn: AnyConnection, rows: Sequence[GroupRow], now: datetime) -> list[ErrorGroup]:
    by_group = trends(conn, [row["id"] for row in rows], now)
    return [{**row, "id": str(row["id"]), "users": row["users"] or None, "trend": by_group[row["id"]]} for row in rows]


def _search(conn: AnyConnection, filters: GroupFilters) -> GroupFilters:
    """The filters with what a search asks for: groups by id, or a query for words."""
    text = filters.get("q")
    if text is None:
        return filters
    identifier = read_event_id(text.strip())
    ids = find_by_hex(conn, identifier) if identifier is not None else []
    if ids:
        return {**filters, "q": None, "ids": ids}
    words = build_query(text)
    return {**filters, "q": words} if words else {**filters, "q": None, "ids": []}


def load_group_detail(conn: AnyConnection, name: str, now: datetime, retention_days: int) -> GroupDetail:
    """Return a group with trend, history, releases, tags and its latest occurrences. Raises NotFound."""
    group = find_group(conn, name)
    if group is None:
        raise NotFound("no error group has this id")
    since, stored_ids = now - timedelta(days=retention_days), list_stored_ids(conn, group["id"])
    return {
        **group,
        "id": str(group["id"]),
        "users": group["users"] or None,
        "trend": trends(conn, [group["id"]], now)[group["id"]],
        "history": list_history(conn, group["id"]),
        "releases": list_releases(conn, group["id"]),
        "tags": list_tags(conn, group["id"]),
        "fingerprints": list_fingerprints(conn, group["id"]),
        "occurrences": _occurrences(conn, group["project_id"], list_occurrences(conn, stored_ids, since, _OCCURRENCES)),
        "feedback": _list_feedback(conn, group["id"], stored_ids),
    }


def _list_feedback(conn: AnyConnection, group_id: int, stored_ids: Sequence[int]) -> list[UserFeedback]:
    rows = list_group_feedback(conn, group_id, stored_ids, _FEEDBACK)
    return [{"id": row["id"], "event_id": row["event_id"], "at": row["at"], "message": row["message"]} for row in rows]


def _occurrences(conn: AnyConnection, project_id: int, rows: Sequence[OccurrenceRow]) -> list[Occurrence]:
    """Return occurrences with their payloads; is_sampled: the payload was not stored, or is too large for one response."""
    events: list[dict[str, Any] | None] = []
    room = _ANSWER_CHARACTERS
    for row in rows:
        payload = row["payload"]
        if payload is not None and len(payload) > room:
            payload = None
        room -= len(payload or "")
        events.append(json.loads(payload) if payload is not None else None)
    return [_occurrence(row, event) for row, event in zip(rows, resolve_shown(conn, project_id, events), strict=True)]


def _occurrence(row: OccurrenceRow, stored: dict[str, Any] | None) -> Occurrence:
    event = stored or {}
    frames = _show_frames(event.get("frames"))
    return {
        "event_id": row["event_id"],
        "occurred_at": row["occurred_at"],
        "received_at": row["received_at"],
        "severity": row["severity"],
        "type": row["type"],
        "message": row["message"],
        "endpoint": row["endpoint"],
        "release": row["release"],
        "service": row["service"],
        "is_sampled": stored is None,
        "level": event.get("level"),
        "logger": event.get("logger"),
        "platform": event.get("platform"),
        "dist": event.get("dist"),
        "frames": frames,
        "exceptions": _show_exceptions(event.get("exceptions"), frames),
        "logentry": event.get("logentry"),
        "stack": event.get("stack"),
        "context": event.get("context"),
        "breadcrumbs": event.get("breadcrumbs"),
        "tags": event.get("tags"),
        "request": event.get("request"),
        "user_hash": event.get("user_hash"),
        "modules": event.get("modules"),
        "debug_meta": event.get("debug_meta"),
        "sdk": event.get("sdk"),
        "scrubbed": event.get("scrubbed"),
        "trimmed": event.get("trimmed"),
        "sanitized": event.get("mended"),
    }


def _show_exceptions(links: Any, frames: list[Any] | None) -> list[Any] | None:
    """Return the exceptions of an event, each with its frames."""
    if not isinstance(links, list):
        return None
    shown = [{**link, "frames": _show_frames(link.get("frames"))} if isinstance(link, dict) else link for link in links]
    if shown and isinstance(shown[-1], dict):
        # Stored once: the frames of the outermost exception are those of the event.
        shown[-1]["frames"] = frames
    return shown


def _show_frames(frames: Any) -> list[Any] | None:
    """Return frames, each with `in_app`."""
    if not isinstance(frames, list):
        return None
    return [{**frame, "in_app": is_in_app(frame)} if isinstance(frame, dict) else frame for frame in frames]


def load_group_state(conn: AnyConnection, group_id: int, now: datetime) -> GroupState:
    """Return a group with trend and history, as an action leaves it. Raises Conflict if it is gone."""
    group = find_group(conn, str(group_id))
    if group is None:
        raise Conflict("the group has changed meanwhile; reload it")
    return {
        **group,
        "id": str(group["id"]),
        "users": group["users"] or None,
        "trend": trends(conn, [group["id"]], now)[group["id"]],
        "history": list_history(conn, group["id"]),
    }


def load_occurrence(conn: AnyConnection, name: str, raw_event_id: str, now: datetime, retention_days: int) -> OccurrenceNeighbors:
    """Return one occurrence of a group, with the ids of its neighbors. Raises NotFound."""
    group, event_id = find_group(conn, name), read_event_id(raw_event_id)
    since = now - timedelta(days=retention_days)
    ids = list_stored_ids(conn, group["id"]) if group is not None else []
    row = find_occurrence(conn, ids, event_id, since) if event_id is not None and ids else None
    if group is None or row is None:
        raise NotFound("the group has no occurrence with this id, or it is past retention")
    before, after = find_neighbors(conn, ids, row["event_id"], row["occurred_at"], since)
    payload = row["payload"]
    stored = json.loads(payload) if payload is not None and len(payload) <= _ANSWER_CHARACTERS else None
    shown = _occurrence(row, resolve_shown(conn, group["project_id"], [stored])[0])
    return {**shown, "group_id": str(group["id"]), "previous_event_id": before, "next_event_id": after}


def read_event_id(text: str) -> str | None:
    """An event's id as 32 hex digits; None for any other text."""
    bare = text.replace("-", "").lower()
    return bare if len(bare) == 32 and not bare.strip("0123456789abcdef") else None


def trends(conn: AnyConnection, ids: Sequence[int], now: datetime) -> dict[int, list[int]]:
    """Return occurrences per hour of the last 24 hours, oldest first; an hour without any is a known 0."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=TREND_HOURS - 1 - index) for index in range(TREND_HOURS)]
    counts: dict[int, Counter[datetime]] = {group_id: Counter() for group_id in ids}
    for row in list_trends(conn, ids, hours[0]):
        counts[row["group_id"]][row["hour"]] += row["count"]
    return {group_id: [counter[hour] for hour in hours] for group_id, counter in counts.items()}
