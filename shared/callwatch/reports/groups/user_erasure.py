"""Accepts the erasure of a user, which the monitor carries out, and shows how far it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.db.archive_queries.archived_objects import has_one
from callwatch.db.core.connect import AnyConnection
from callwatch.db.report_queries.user_erasures import add_erasure, find_latest
from callwatch.db.report_queries.user_occurrences import count_occurrences, is_known
from callwatch.exceptions import Conflict, Invalid, NotFound
from callwatch.models.reason import Reason
from callwatch.payloads.members import list_positions
from callwatch.reports.groups.error_groups import read_event_id
from callwatch.reports.missing_values import explain_nulls
from callwatch.scrubbing.scrubber import scrub_text

if TYPE_CHECKING:
    from callwatch.db.report_queries.user_erasures import ErasureRow
    from callwatch.models.shapes.error_groups import UserErasure

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_COUNTED = Reason("timeout", "counting took too long; the erasure goes through every day")


def erase_user(conn: AnyConnection, given: str | None, actor: str, reason: str | None) -> UserErasure:
    """Accept an erasure of all that is stored of a user until now. The caller commits.

    While one goes on, and after it as long as nothing new is stored, this returns that one: a repeated request changes nothing.

    Raises Invalid for a text that is no hash, NotFound if nothing is known of the user, Conflict if another request has just
    finished.
    """
    user_hash = read_event_id(given or "")
    if user_hash is None:
        raise Invalid("user_hash", "must be the 32 hex digits by which a user is known, as occurrences show them")
    latest = find_latest(conn, user_hash)
    is_linked = is_known(conn, user_hash)
    if latest is not None and latest["finished_at"] is None:
        return _show(latest)
    is_known_of = is_linked or has_one(conn, list_positions(user_hash), latest["at"] if latest is not None else _EVER)
    if latest is not None and not is_known_of:
        return _show(latest)
    days, found = count_occurrences(conn, user_hash)
    if found == 0 and not is_known_of:
        raise NotFound("nothing is stored of a user with this hash")
    added = add_erasure(conn, user_hash, days, found, actor, None if reason is None else scrub_text(reason))
    accepted = added or find_latest(conn, user_hash)
    if accepted is None:
        raise Conflict("the user's erasure has changed meanwhile; ask again")
    return _show(accepted)


def _show(row: ErasureRow) -> UserErasure:
    not_counted = {"found": _NOT_COUNTED} if row["found"] is None else {}
    return {
        "id": str(row["id"]),
        "user_hash": row["user_hash"],
        "requested_at": row["at"],
        "actor": row["actor"],
        "reason": row["reason"],
        "found": row["found"],
        "erased": row["erased"],
        "finished_at": row["finished_at"],
        "unknown": explain_nulls(row) | not_counted,
    }
