"""Occurrences that are only in the archive: which days they are of, and what tells people where to look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.db.archive_queries.archived_days import ArchivedDays, find_archived_days
from callwatch.db.core.connect import AnyConnection

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import ArchiveSpan

_ABSENT = "the group has no occurrence with this id"


def find_older(conn: AnyConnection, first_seen_at: datetime) -> ArchiveSpan | None:
    """Return the days of which a group may have occurrences that only the archive holds; None if there is none."""
    span = find_archived_days(conn)
    if span is None or first_seen_at.astimezone(UTC).date() > span.last_day:
        return None
    return {"first_day": span.first_day, "last_day": span.last_day}


def explain_absence(conn: AnyConnection) -> str:
    """Return what a response says of an occurrence that the database does not have."""
    span = find_archived_days(conn)
    if span is None:
        return f"{_ABSENT}, or it is past retention"
    return f"{_ABSENT} in the database; {describe_span(span)}"


def describe_span(span: ArchivedDays) -> str:
    """Return the sentence that names the days and the remedy."""
    return (
        f"those of {span.first_day} to {span.last_day} may be only in the archive, which make query and Athena read"
        " (docs/history.md)"
    )
