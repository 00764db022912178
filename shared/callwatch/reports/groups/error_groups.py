"""Error groups and their occurrences for people: lists and details."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_counts import list_trends
from callwatch.db.error_queries.error_logs import find_neighbors, find_occurrence, list_occurrences
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
from callwatch.grouping.search_words import build_query
from callwatch.models.reason import Reason
from callwatch.reports.groups.archive_span import explain_absence, find_older
from callwatch.reports.groups.group_places import Place, build_place
from callwatch.reports.groups.occurrences import show_occurrences

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import (
        ErrorGroup,
        GroupDetail,
        GroupState,
        OccurrenceNeighbors,
        UserFeedback,
    )

TREND_HOURS = 24
_OCCURRENCES = 20
_OLDER_IN_ARCHIVE = Reason("unavailable", "earlier occurrences of the group are only in the archive, which make query reads")
_FEEDBACK = 20


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
    by_group = compute_trends(conn, [row["id"] for row in rows], now)
    return [{**row, "id": str(row["id"]), "users": row["users"] or None, "trend": by_group[row["id"]]} for row in rows]


def _search(conn: AnyConnection, filters: GroupFilters) -> GroupFilters:
    """The filters with what a search asks for: groups by id, or a query for words."""
    text = filters.get("q")
    if text is None:
        return filters
    identifier = read_event_id(text.strip())
    where = (filters.get("project"), filters.get("environment"))
    ids = find_by_hex(conn, identifier, *where) if identifier is not None else []
    if ids:
        return {**filters, "q": None, "ids": ids}
    words = build_query(text)
    return {**filters, "q": words} if words else {**filters, "q": None, "ids": []}


def load_group_detail(
    conn: AnyConnection, name: str, now: datetime, retention_days: int, unread: dict[str, Reason]
) -> GroupDetail:
    """Return a group with trend, history, releases, tags and its latest occurrences. Raises NotFound.

    unread: receives the reasons for nulls whose values lie where they cannot be read now, by their paths.
    """
    group = find_group(conn, name)
    if group is None:
        raise NotFound("no error group has this id")
    since, stored_ids = now - timedelta(days=retention_days), list_stored_ids(conn, group["id"])
    rows = list_occurrences(conn, stored_ids, since, _OCCURRENCES)
    occurrences, reasons = show_occurrences(conn, group["project_id"], rows)
    unread |= {f"occurrences.{path}": reason for path, reason in reasons.items()}
    return {
        **group,
        "id": str(group["id"]),
        "users": group["users"] or None,
        "trend": compute_trends(conn, [group["id"]], now)[group["id"]],
        "history": list_history(conn, group["id"]),
        "releases": list_releases(conn, group["id"]),
        "tags": list_tags(conn, group["id"]),
        "fingerprints": list_fingerprints(conn, group["id"]),
        "occurrences": occurrences,
        "only_archived": find_older(conn, group["first_seen_at"]),
        "feedback": _list_feedback(conn, group["id"], stored_ids),
    }


def _list_feedback(conn: AnyConnection, group_id: int, stored_ids: Sequence[int]) -> list[UserFeedback]:
    rows = list_group_feedback(conn, group_id, stored_ids, _FEEDBACK)
    return [{"id": row["id"], "event_id": row["event_id"], "at": row["at"], "message": row["message"]} for row in rows]


def load_group_state(conn: AnyConnection, group_id: int, now: datetime) -> GroupState:
    """Return a group with trend and history, as an action leaves it. Raises Conflict if it is gone."""
    group = find_group(conn, str(group_id))
    if group is None:
        raise Conflict("the group has changed meanwhile; reload it")
    return {
        **group,
        "id": str(group["id"]),
        "users": group["users"] or None,
        "trend": compute_trends(conn, [group["id"]], now)[group["id"]],
        "history": list_history(conn, group["id"]),
    }


def load_occurrence(
    conn: AnyConnection, name: str, raw_event_id: str, now: datetime, retention_days: int, unread: dict[str, Reason]
) -> OccurrenceNeighbors:
    """Return one occurrence of a group, with the ids of its neighbors. Raises NotFound.

    unread: receives the reasons for nulls whose values lie where they cannot be read now, by their paths.
    """
    group, event_id = find_group(conn, name), read_event_id(raw_event_id)
    since = now - timedelta(days=retention_days)
    ids = list_stored_ids(conn, group["id"]) if group is not None else []
    row = find_occurrence(conn, ids, event_id, since) if event_id is not None and ids else None
    if group is None or row is None:
        raise NotFound(explain_absence(conn))
    before, after = find_neighbors(conn, ids, row["event_id"], row["occurred_at"], since)
    shown, reasons = show_occurrences(conn, group["project_id"], [row])
    unread |= {path.removeprefix("0."): reason for path, reason in reasons.items()}
    if before is None and find_older(conn, group["first_seen_at"]) is not None:
        unread["previous_event_id"] = _OLDER_IN_ARCHIVE
    return {**shown[0], "group_id": str(group["id"]), "previous_event_id": before, "next_event_id": after}


def read_event_id(text: str) -> str | None:
    """An event's id as 32 hex digits; None for any other text."""
    bare = text.replace("-", "").lower()
    return bare if len(bare) == 32 and not bare.strip("0123456789abcdef") else None


def compute_trends(conn: AnyConnection, ids: Sequence[int], now: datetime) -> dict[int, list[int]]:
    """Return occurrences per hour of the last 24 hours, oldest first; an hour without any is a known 0."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=TREND_HOURS - 1 - index) for index in range(TREND_HOURS)]
    counts: dict[int, Counter[datetime]] = {group_id: Counter() for group_id in ids}
    for row in list_trends(conn, ids, hours[0]):
        counts[row["group_id"]][row["hour"]] += row["count"]
    return {group_id: [counter[hour] for hour in hours] for group_id, counter in counts.items()}
