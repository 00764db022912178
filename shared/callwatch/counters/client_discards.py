"""Errors that clients report as discarded: they happened, and were never sent, so no count of errors holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.db.core.connect import AnyConnection
from callwatch.db.ingest_queries.ingest_counts import DiscardedRow, find_hour, list_discarded
from callwatch.models.ingest_outcome import CHOSEN_REASONS, ERROR_CATEGORIES, runs_at_users
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

if TYPE_CHECKING:
    from callwatch.models.shapes.error_metrics import ClientDiscarded

_NETWORK, _SAMPLED = "network_error", "sample_rate"


def read_client_discarded(conn: AnyConnection, now: datetime, project_id: int | None) -> tuple[ClientDiscarded, dict[str, int]]:
    """The errors that clients discarded in the last 24 hours, by reason; and how many are missing in the last 24 hours and in
    the last one: what the program's owner decided to drop is not.

    The counters are by hour: each window begins with the hour in which it begins.
    """
    day = _sum_reasons(_list(conn, now, 24, project_id))
    hour = _sum_reasons(_list(conn, now, 1, project_id))
    found: ClientDiscarded = {"last_24h": day.total(), "last_hour": hour.total(), "by_reason": dict(sorted(day.items()))}
    return found, {"24h": _count_missing(day), "1h": _count_missing(hour)}


def explain_missing(count: int, span: str) -> Reason:
    """Why it is not known how many errors occurred."""
    return Reason(
        "not_recorded", f"clients report that they discarded {count} more errors in the last {span}; see client_discarded"
    )


def read_discard_samples(conn: AnyConnection, now: datetime) -> list[Sample]:
    """How many errors of this hour and the last were lost in clients, and how many for want of a user's network."""
    lost: Counter[str] = Counter()
    offline = 0
    for row in _list(conn, now, 1, None):
        if row["reason"] in CHOSEN_REASONS or row["reason"] == _SAMPLED:
            continue
        if row["reason"] == _NETWORK and runs_at_users(row["sdk"]):
            offline += row["count"]
        else:
            lost[row["reason"]] += row["count"]
    detail = ", ".join(f"{reason} {count}" for reason, count in lost.most_common()) or None
    why = f"{offline} not sent by browsers or phones for want of a network, which is usual for users offline" if offline else None
    return [
        Sample("errors.client_discarded", float(lost.total()), detail=detail),
        Sample("errors.client_offline", float(offline), detail=why),
    ]


def _list(conn: AnyConnection, now: datetime, hours: int, project_id: int | None) -> list[DiscardedRow]:
    return list_discarded(conn, find_hour(now - timedelta(hours=hours)), project_id, ERROR_CATEGORIES)


def _sum_reasons(rows: Iterable[DiscardedRow]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["reason"]] += row["count"]
    return counts


def _count_missing(by_reason: Counter[str]) -> int:
    return sum(count for reason, count in by_reason.items() if reason not in CHOSEN_REASONS)
