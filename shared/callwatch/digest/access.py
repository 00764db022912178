"""Stores records of access to personal data, and counts the requests that have one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from callwatch.db import with_transaction
from callwatch.db.core.connect import AnyConnection
from callwatch.db.report_queries.access_log import NewRecord, find_logged_requests, insert_records
from callwatch.db.report_queries.access_minutes import AccessKey, add_counts, build_key
from callwatch.settings import get_settings
from callwatch.settings.pii_routes import PiiRoute, find_pii_route
from callwatch.times import parse_time

_TEXTS = ("record_id", "actor", "subject_kind", "subject", "route")


def store_access(messages: Sequence[tuple[str, dict[str, Any]]], now: datetime) -> tuple[int, int]:
    """Store the records of (body, message); returns how many were new, and how many were not.

    Raises ValueError or KeyError for a message that holds anything else.
    """
    records = [_read(given, message, now) for _body, message in messages for given in message["access"]]
    routes = get_settings().pii_routes or ()
    stored = with_transaction(lambda conn: _store(conn, records, routes), is_idempotent=True)
    return stored, len(records) - stored


def _read(given: Mapping[str, Any], message: Mapping[str, Any], now: datetime) -> NewRecord:
    if not all(isinstance(given[name], str) for name in _TEXTS):
        raise ValueError("a field of a record is not a text")
    request_id = given.get("request_id")
    return {
        "record_id": given["record_id"],
        "project_id": message["project_id"],
        "at": parse_time(str(given["at"]), is_zoned=True),
        "received_at": min(parse_time(str(message["received_at"]), is_zoned=True), now),
        "actor": given["actor"],
        "subject_kind": given["subject_kind"],
        "subject": given["subject"],
        "route": given["route"],
        "request_id": request_id if isinstance(request_id, str) else None,
    }


def _store(conn: AnyConnection, records: Sequence[NewRecord], routes: Sequence[PiiRoute]) -> int:
    ids = sorted({record["request_id"] for record in records if record["request_id"]})
    known = {
        (row["project_id"], row["request_id"], find_pii_route(routes, row["route"])) for row in find_logged_requests(conn, ids)
    }
    new_ids = insert_records(conn, records)
    fresh = [record for record in records if record["record_id"] in new_ids]
    add_counts(conn, logged=_count(fresh, known, routes))
    return len(fresh)


def _count(records: Sequence[NewRecord], known: set[tuple[int, str, str | None]], routes: Sequence[PiiRoute]) -> list[AccessKey]:
    """List one key for each request: a request that shows ten people has ten records, and is one request."""
    found = []
    for record in records:
        route = find_pii_route(routes, record["route"])
        if route is None:
            continue
        if record["request_id"] is not None:
            request = (record["project_id"], record["request_id"], route)
            if request in known:
                continue
            known.add(request)
        found.append(build_key(min(record["at"], record["received_at"]), record["project_id"], route))
    return found
