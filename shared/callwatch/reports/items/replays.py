"""Replays: an admin's request to the product to work on items again, and the history of those requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from callwatch.alerts.actions import require_reason
from callwatch.alerts.notifications.channels import replay
from callwatch.alerts.notifications.outbox import create_message_id
from callwatch.db import connection
from callwatch.db.alert_queries.outbox import add_delivery
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.unreadable import UNREAD, explain_unread
from callwatch.db.product_queries.replays import ReplayRow, add_replay, list_replays_of_item, list_replays_of_stage
from callwatch.exceptions import Conflict, Invalid
from callwatch.models.reason import Reason
from callwatch.models.shapes.product.items import MAX_IDS
from callwatch.scrubbing.scrubber import scrub_text
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.product.items import AcceptedReplay, Replay

_SHOWN = 20
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def accept_replay(conn: AnyConnection, stage: str, given: Any, actor: str, settings: Settings, now: datetime) -> AcceptedReplay:
    """Queue a replay of items, and record it. The caller commits.

    Raises Conflict if no target is configured, Invalid.
    """
    ids, reason = _read_ids(given), require_reason(given)
    if not replay.is_configured(settings):
        raise Conflict("REPLAY_URL and ALERT_WEBHOOK_SECRET must be set, so that a replay can be sent", code="not_configured")
    message_id = create_message_id()
    add_replay(conn, {"at": now, "stage": stage, "ids": ids, "actor": actor, "reason": reason, "message_id": message_id})
    add_delivery(
        conn,
        {
            "alert_id": None,
            "channel": replay.CHANNEL,
            "kind": replay.KIND,
            "message_id": message_id,
            "payload": replay.build_payload(now, stage, ids, reason, actor),
            "due_at": now,
        },
    )
    return {"message_id": message_id, "stage": stage, "accepted": len(ids), "state": "due"}


def _read_ids(given: Any) -> list[str]:
    ids = given.get("ids") if isinstance(given, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_IDS:
        raise Invalid("ids", f"must be a list of 1 to {MAX_IDS} ids")
    for number, each in enumerate(ids):
        if not isinstance(each, str) or not _ID.fullmatch(each) or scrub_text(each) != each:
            raise Invalid(f"ids[{number}]", "must be an id as the list of the stage's items gives it")
    return list(dict.fromkeys(ids))


def read_replays_of_stage(stage: str) -> tuple[list[Replay] | None, Reason | None]:
    """The latest replays of a stage; or None and the reason."""
    return _read(lambda conn: list_replays_of_stage(conn, stage, _SHOWN))


def read_replays_of_item(item: str | None) -> tuple[list[Replay] | None, Reason | None]:
    """The latest replays of an item; or None and the reason."""
    return _read(lambda conn: list_replays_of_item(conn, item, _SHOWN) if item else [])


def _read(read: Callable[[AnyConnection], list[ReplayRow]]) -> tuple[list[Replay] | None, Reason | None]:
    try:
        with connection(statement_timeout_ms=2_000) as conn:
            return [{**row} for row in read(conn)], None
    except UNREAD as error:
        return None, explain_unread(error)
