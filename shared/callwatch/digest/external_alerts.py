"""Stores the alerts of other monitors from messages: the newest state of each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from callwatch.db import with_transaction
from callwatch.db.alert_queries.external_alerts import NewAlert, keep_alerts
from callwatch.times import parse_time

_MAX_CHARS = {"source": 40, "fingerprint": 64, "level": 20, "name": 200}


def store_external_alerts(messages: Sequence[tuple[str, dict[str, Any]]], now: datetime) -> tuple[int, int]:
    """Store the alerts of (body, message); returns how many rows changed, and how many states were no news.

    Raises ValueError or KeyError for a message that holds anything else.
    """
    rows = [_read(given, message, now) for _body, message in messages for given in message["alerts"]]
    changed = with_transaction(lambda conn: keep_alerts(conn, rows), is_idempotent=True)
    return changed, len(rows) - changed


def _read(given: Mapping[str, Any], message: Mapping[str, Any], now: datetime) -> NewAlert:
    texts = {name: given[name] for name in _MAX_CHARS}
    if not all(isinstance(text, str) and 0 < len(text) <= _MAX_CHARS[name] for name, text in texts.items()):
        raise ValueError("source, fingerprint, level and name must be short texts")
    labels, expires_at = given["labels"], given.get("expires_at")
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ValueError("labels must be an object of texts")
    latest = min(parse_time(str(message["received_at"]), is_zoned=True), now)
    return NewAlert(
        project_id=message["project_id"],
        **texts,
        is_firing=given["is_firing"] is True,
        labels=labels,
        summary=given.get("summary"),
        starts_at=min(parse_time(str(given["starts_at"]), is_zoned=True), latest),
        changed_at=min(parse_time(str(given["changed_at"]), is_zoned=True), latest),
        expires_at=parse_time(str(expires_at), is_zoned=True) if expires_at else None,
    )
