"""Gives the payloads of a batch their places in objects, where they are stored outside of PostgreSQL."""

from collections.abc import Sequence

from callwatch.db import with_transaction
from callwatch.db.archive_queries.payload_objects import find_stored, mark_stored
from callwatch.db.core.connect import AnyConnection
from callwatch.digest.message_parser import Occurrence
from callwatch.payloads.lines import LineFields, format_line_time, render_line
from callwatch.payloads.objects import Entry, write_objects
from callwatch.settings import get_settings


class StalePlaces(Exception):
    """Meanwhile another digest stored some of the occurrences, or the sweep removed an object: places must be given again."""


def place_payloads(occurrences: Sequence[Occurrence]) -> None:
    """Write the payloads of occurrences that are not stored yet, each once; no lock is held meanwhile.

    Nothing is sampled: an object takes a payload for a fraction of what a row costs. Raises FilesUnavailable.
    """
    settings = get_settings()
    if settings.payload_store is None or settings.payloads_url is None:
        return
    for occurrence in occurrences:
        occurrence.place = None
    by_key = {occurrence.key: occurrence for occurrence in occurrences}
    known = with_transaction(lambda conn: find_stored(conn, by_key.keys()))
    fresh = [occurrence for key, occurrence in sorted(by_key.items()) if key not in known]
    entries = [_build_entry(each) for each in fresh]
    for occurrence, place in zip(fresh, write_objects(settings.payloads_url, entries), strict=True):
        occurrence.place = place


def claim_places(conn: AnyConnection, occurrences: Sequence[Occurrence]) -> None:
    """Mark the objects of these occurrences as stored; the caller commits them together. Raises StalePlaces."""
    ids = {occurrence.place.object_id for occurrence in occurrences if occurrence.place is not None}
    if ids and not mark_stored(conn, ids):
        raise StalePlaces


def _build_entry(occurrence: Occurrence) -> Entry:
    day, project_id, _environment, event_id = occurrence.key
    user = occurrence.head.get("user_hash")
    line = render_line(_list_fields(occurrence), occurrence.event_text)
    return Entry(day, project_id, line, (event_id, user) if user else (event_id,))


def _list_fields(occurrence: Occurrence) -> LineFields:
    _day, project_id, environment, event_id = occurrence.key
    head = occurrence.head
    return {
        "event_id": event_id,
        "project_id": project_id,
        "environment": environment,
        "fingerprint": head["fingerprint"],
        "occurred_at": format_line_time(occurrence.occurred_at),
        "received_at": format_line_time(occurrence.received_at),
        "severity": head["severity"],
        "category": occurrence.category,
        "type": head.get("type"),
        "message": head["message"],
        "endpoint": head.get("endpoint"),
        "release": head.get("release"),
        "service": head.get("service"),
        "user_hash": head.get("user_hash"),
    }
