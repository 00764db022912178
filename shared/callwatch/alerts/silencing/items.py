"""Silences as the API shows them: when each mutes, and what it mutes now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.alerts.evaluation.recurrence import load_recurrence
from callwatch.alerts.evaluation.silences import find_window, load_silence
from callwatch.db.alert_queries.alerts import FiringRow, list_firing_rows
from callwatch.db.alert_queries.silences import SilenceRow
from callwatch.db.core.connect import AnyConnection

if TYPE_CHECKING:
    from callwatch.models.shapes.alerts import Muted, Silence
    from callwatch.models.shapes.stored import Matchers, StoredMatchers

_MAX_MUTED = 50


def serialize_silences(conn: AnyConnection, rows: Sequence[SilenceRow], now: datetime) -> list[Silence]:
    """Serialize silences with the firing alerts that each mutes now."""
    firing = list_firing_rows(conn) if rows else []
    return [_serialize(row, firing, now) for row in rows]


def _serialize(row: SilenceRow, firing: Sequence[FiringRow], now: datetime) -> Silence:
    is_muting = find_window(row, now) is not None
    muted = _list_muted(row, firing) if is_muting else []
    return {
        "id": str(row["id"]),
        "matchers": _show_matchers(row["matchers"]),
        "reason": row["reason"],
        "actor": row["actor"],
        "created_at": row["created_at"],
        "starts_at": row["starts_at"],
        "ends_at": row["ends_at"],
        "recurs": row["recurs"],
        "is_maintenance": row["is_maintenance"],
        "is_muting": is_muting,
        "next_starts_at": None if is_muting else _find_next_start(row, now),
        "mutes": muted[:_MAX_MUTED],
        "mutes_count": len(muted),
    }


def _show_matchers(stored: StoredMatchers) -> Matchers:
    """Split the labels: clients know them as texts, and tests are shown by themselves."""
    # A person or a defect may have damaged the stored JSON; then the silence mutes nothing.
    given: object = stored
    raw = given.get("labels") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(raw, Mapping | None):
        return {}
    labels = stored.get("labels") or {}
    equal = {name: value for name, value in labels.items() if isinstance(value, str)}
    tests = {name: value for name, value in labels.items() if not isinstance(value, str)}
    shown: Matchers = {}
    if "rule_id" in stored:
        shown["rule_id"] = stored["rule_id"]
    if "service" in stored:
        shown["service"] = stored["service"]
    if equal:
        shown["labels"] = equal
    if tests:
        shown["label_tests"] = tests
    return shown


def _list_muted(row: SilenceRow, firing: Sequence[FiringRow]) -> list[Muted]:
    silence = load_silence(row)
    if silence is None:
        return []
    return [
        {
            "id": str(alert["id"]),
            "rule_id": alert["rule_id"],
            "title": alert["title"],
            "state": "firing",
            "labels": alert["labels"],
        }
        for alert in firing
        if silence.matches(_Firing(alert))
    ]


class _Firing:
    """A stored firing alert as the subject of a silence."""

    __slots__ = ("labels", "rule_id")

    def __init__(self, row: FiringRow) -> None:
        self.rule_id = row["rule_id"]
        self.labels = row["labels"]


def _find_next_start(row: SilenceRow, now: datetime) -> datetime | None:
    """Return when a silence that does not mute now begins to; None if it never does again."""
    if row["recurs"] is None:
        return row["starts_at"] if row["starts_at"] > now else None
    recurrence = load_recurrence(row["recurs"])
    if recurrence is None:
        return None
    earliest = max(now, row["starts_at"])
    # A window that has begun by then mutes from then on.
    start = earliest if recurrence.find_window(earliest) is not None else recurrence.find_next(earliest)
    return start if start < row["ends_at"] else None
