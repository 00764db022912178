"""Erases single occurrences: with their rows, or in the archive where the rows are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from callwatch.db.archive_queries.archived_days import find_archived_days
from callwatch.db.archive_queries.archived_objects import list_of_day
from callwatch.db.archive_queries.payload_objects import Place
from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_groups import add_history, lock_groups
from callwatch.db.error_queries.group_deletions import erase_occurrence, note_archived
from callwatch.db.error_queries.group_lists import GroupDetailRow, find_group
from callwatch.db.error_queries.group_merges import list_fingerprints, list_stored_ids
from callwatch.exceptions import Conflict, NotFound
from callwatch.payloads.erase import erase_lines, erase_payloads
from callwatch.payloads.members import list_positions
from callwatch.reports.groups.archive_span import explain_absence
from callwatch.reports.groups.error_groups import read_event_id
from callwatch.scrubbing.scrubber import scrub_text
from callwatch.settings import get_settings


def delete_occurrence(
    conn: AnyConnection,
    name: str,
    event_id: str,
    actor: str,
    reason: str | None,
    now: datetime,
    retention_days: int,
    day: date | None = None,
) -> None:
    """Erase one occurrence of a group; what was counted stays counted. The caller commits.

    name: a group, or with a day the fingerprint of one that is gone. day: the UTC day of an occurrence that only the archive has.

    Raises NotFound, Conflict, and FilesUnavailable if the store that holds its payload does not respond.
    """
    group, known, why = find_group(conn, name), read_event_id(event_id), None if reason is None else scrub_text(reason)
    if group is None and day is None:
        raise NotFound("no error group has this id")
    if known is None:
        raise NotFound("the group has no occurrence with this id")
    since = now - timedelta(days=retention_days)
    if group is not None and _erase_stored(conn, group["id"], known, since, actor, why):
        add_history(conn, [(group["id"], actor, "delete_occurrence", why)], f"occurrence {known}")
    elif day is None:
        remedy = "; with its day in the query, such as day=2026-01-31, it is erased there"
        raise NotFound(explain_absence(conn) + (remedy if find_archived_days(conn) else ""))
    else:
        _erase_archived(conn, group, name, known, day, actor, why)


def _erase_stored(conn: AnyConnection, group_id: int, event_id: str, since: datetime, actor: str, reason: str | None) -> bool:
    if len(lock_groups(conn, [group_id])) < 1:
        raise Conflict("the group has changed meanwhile; reload it")
    return erase_occurrence(conn, group_id, list_stored_ids(conn, group_id), event_id, since, actor, reason, _erase_payloads)


def _erase_payloads(conn: AnyConnection, places: Sequence[Place]) -> None:
    erase_payloads(conn, get_settings().payloads_url, places)


def _erase_archived(
    conn: AnyConnection, group: GroupDetailRow | None, name: str, event_id: str, day: date, actor: str, reason: str | None
) -> None:
    fingerprints = {name} if group is None else set(list_fingerprints(conn, group["id"]))

    def is_meant(line: Mapping[str, object]) -> bool:
        return line.get("event_id") == event_id and line.get("fingerprint") in fingerprints

    for held in list_of_day(conn, list_positions(event_id), day):
        for line in erase_lines(conn, get_settings().payloads_url, held["id"], is_meant):
            note_archived(conn, line, 0 if group is None else group["id"], actor, reason)
            if group is not None:
                add_history(conn, [(group["id"], actor, "delete_occurrence", reason)], f"occurrence {event_id} in the archive")
            return
    raise NotFound(f"the archive has no occurrence of {day} with this id and fingerprint whose row is gone")
