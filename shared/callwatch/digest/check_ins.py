"""Stores the check-ins of messages; one that is delivered twice counts once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from callwatch.crons.runs import STATUSES
from callwatch.db import with_transaction
from callwatch.db.queries.check_ins import NewCheckIn, insert_check_ins
from callwatch.times import parse_time

_MAX_NAME_CHARS = 100


def store_check_ins(messages: Sequence[tuple[str, dict[str, Any]]], now: datetime) -> tuple[int, int]:
    """Store the check-ins of (body, message); returns how many were new, and how many were not.

    Raises ValueError or KeyError for a message that holds anything else.
    """
    rows = [_read(given, message, now) for _body, message in messages for given in message["check_ins"]]
    stored = with_transaction(lambda conn: insert_check_ins(conn, rows), is_idempotent=True)
    return stored, len(rows) - stored


def _read(given: Mapping[str, Any], message: Mapping[str, Any], now: datetime) -> NewCheckIn:
    slug, environment, status = given["slug"], given["environment"], given["status"]
    if not all(isinstance(text, str) and 0 < len(text) <= _MAX_NAME_CHARS for text in (slug, environment)):
        raise ValueError("slug and environment must be short texts")
    if status not in STATUSES:
        raise ValueError("status is not known")
    received_at = min(parse_time(str(message["received_at"]), is_zoned=True), now)
    duration_s, config = given.get("duration_s"), given.get("config")
    return NewCheckIn(
        key=(message["project_id"], environment, slug),
        message_id=given["message_id"],
        run_id=given.get("run_id"),
        status=status,
        # A clock that runs ahead would make it the newest until the time has come.
        at=min(parse_time(str(given["at"]), is_zoned=True), received_at),
        duration_s=float(duration_s) if duration_s is not None else None,
        release=given.get("release"),
        config=config if isinstance(config, dict) else None,
    )
