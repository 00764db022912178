"""Error groups as people see them and act on them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.error_counts import trends_of
from callwatch.db.error_groups import add_history, set_state
from callwatch.db.error_logs import occurrences_of
from callwatch.db.group_lists import find_group, history_of, list_groups, releases_of, tags_of
from callwatch.http import HttpError, not_found, unprocessable
from callwatch.http_filters import is_storable
from callwatch.tracker.scrub import scrub_text

TREND_HOURS = 24
_OCCURRENCES = 20
# An answer of Lambda holds 6 MB; the text of an event may grow when it is written out again.
_ANSWER_CHARACTERS = 2_000_000
_DETAILS = (
    *("frames", "exceptions", "stack", "context", "breadcrumbs", "tags", "request", "user_hash", "sdk"),
    *("scrubbed", "trimmed", "mended"),
)
ACTIONS = {"resolve": "resolved", "ignore": "ignored", "reopen": "unresolved"}


def groups_page(
    conn: AnyConnection, filters: Mapping[str, Any], limit: int, now: datetime
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """Groups with their trends, and the position after the last one where there are more."""
    rows = list_groups(conn, filters, limit + 1)
    page = rows[:limit]
    by_group = trends(conn, [row["id"] for row in page], now)
    items = [{**row, "id": str(row["id"]), "trend": by_group[row["id"]]} for row in page]
    position = [page[-1]["last_seen_at"].isoformat(), page[-1]["id"]] if len(rows) > limit else None
    return items, position


def group_detail(conn: AnyConnection, name: str, now: datetime, retention_days: int) -> dict[str, Any]:
    """A group with trend, history, releases, tags and its latest occurrences. Raises HttpError 404."""
    group = find_group(conn, name)
    if group is None:
        raise not_found("there is no such error group")
    since = now - timedelta(days=retention_days)
    return {
        **group,
        "id": str(group["id"]),
        "trend": trends(conn, [group["id"]], now)[group["id"]],
        "history": history_of(conn, group["id"]),
        "releases": releases_of(conn, group["id"]),
        "tags": tags_of(conn, group["id"]),
        "occurrences": _occurrences(occurrences_of(conn, group["id"], since, _OCCURRENCES)),
    }


def _occurrences(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Occurrences with what their payloads hold; is_sampled: the payload was not kept, or is too much for one answer."""
    shown = []
    room = _ANSWER_CHARACTERS
    for row in rows:
        payload = row["payload"]
        is_shown = payload is not None and len(payload) <= room
        room -= len(payload) if is_shown else 0
        event = json.loads(payload) if is_shown else {}
        own = {name: value for name, value in row.items() if name != "payload"}
        shown.append({**own, "is_sampled": not is_shown, **{name: event.get(name) for name in _DETAILS}})
    return shown


def act(conn: AnyConnection, name: str, action: str, given: Any, actor: str, now: datetime) -> dict[str, Any]:
    """Resolve, ignore or reopen a group: {"reason", "until"?, "in_release"?, "more"?}. The caller commits.

    Raises HttpError: 404 for an unknown group or action, 422 for a bad field.
    """
    if action not in ACTIONS:
        raise not_found(f"the action is one of {', '.join(ACTIONS)}")
    if not isinstance(given, dict):
        raise unprocessable("body", "takes an object with a reason")
    reason = given.get("reason")
    if not isinstance(reason, str) or not reason.strip() or len(reason) > 1000 or not is_storable(reason):
        raise unprocessable("reason", "is required: a text of at most 1,000 characters")
    # All are looked at, whatever the action: a field that means nothing here is still no place for nonsense.
    until, release, more = _until(given, now), _release(given), _more(given)
    until, more = (until, more) if action == "ignore" else (None, None)
    release = release if action == "resolve" else None
    group = find_group(conn, name)
    if group is None:
        raise not_found("there is no such error group")
    set_state(conn, group["id"], ACTIONS[action], release, until, more)
    add_history(conn, [(group["id"], actor, action, scrub_text(reason.strip()))])
    changed = find_group(conn, str(group["id"]))
    if changed is None:
        raise HttpError(409, "conflict", "the group was changed meanwhile; look at it again")
    return {
        **changed,
        "id": str(changed["id"]),
        "trend": trends(conn, [group["id"]], now)[group["id"]],
        "history": history_of(conn, group["id"]),
    }


def trends(conn: AnyConnection, ids: Sequence[int], now: datetime) -> dict[int, list[int]]:
    """Occurrences by hour of the last 24 hours, oldest first; an hour without any is a known 0."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=TREND_HOURS - 1 - index) for index in range(TREND_HOURS)]
    counts: dict[int, Counter[datetime]] = {group_id: Counter() for group_id in ids}
    for row in trends_of(conn, ids, hours[0]):
        counts[row["group_id"]][row["hour"]] += row["count"]
    return {group_id: [counter[hour] for hour in hours] for group_id, counter in counts.items()}


def _until(given: Mapping[str, Any], now: datetime) -> datetime | None:
    raw = given.get("until")
    if raw is None:
        return None
    try:
        until = datetime.fromisoformat(raw)
        until = (until if until.tzinfo else until.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise unprocessable("until", "takes an ISO 8601 time such as 2026-01-31T12:00:00Z") from None
    if until <= now:
        raise unprocessable("until", "takes a time in the future")
    return until


def _release(given: Mapping[str, Any]) -> str | None:
    raw = given.get("in_release")
    if raw is not None and (not isinstance(raw, str) or not raw or len(raw) > 200 or not is_storable(raw)):
        raise unprocessable("in_release", "takes a text of at most 200 characters")
    return raw


def _more(given: Mapping[str, Any]) -> int | None:
    raw = given.get("more")
    if raw is not None and (not isinstance(raw, int) or isinstance(raw, bool) or not 1 <= raw <= 10**9):
        raise unprocessable("more", "takes a number of further occurrences")
    return raw
