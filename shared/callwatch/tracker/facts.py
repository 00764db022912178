"""Errors as rules see them. Errors of the monitor itself (project 0) are no errors of the product."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.error_news import (
    count_new_groups,
    frequent_groups,
    hours_of_groups,
    new_groups,
    regressed_groups,
    sqlstates_between,
)
from callwatch.models.facts import Fact
from callwatch.tracker.capture import error_tracker
from callwatch.tracker.stats import last_hour

NEWS = timedelta(minutes=15)
MOST_NEWS = 20
# Of a flood it is enough to know that it is one.
_MOST_COUNTED = 1000
# A spike is judged by the last five minutes against what five minutes held before; few errors are no spike.
SPAN = timedelta(minutes=5)
SPIKE_LEAST = 20
SPIKE_FLOOR = 5.0
_SPANS_PER_HOUR = 12
_DAYS_COMPARED = 7
# Queries that cannot work: bad input for a type, a missing column, table or function, a null where none may be.
_SQLSTATES, _SQLSTATE_CLASSES = ("22P02", "23502"), ("42",)


def error_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """How many errors there were, which are new or back, which spike, and which queries are broken."""
    return [*count_facts(conn, now), *news_facts(conn, now), *_spikes(conn, now), *_sqlstates(conn, now)]


def count_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """Errors of the last 60 minutes: all, and critical ones."""
    total, critical = last_hour(conn, now)
    return [Fact("errors.last_hour", float(total)), Fact("errors.critical_last_hour", float(critical))]


def news_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """Groups that came up, or came back, in the last 15 minutes: the newest 20 of each, and how many came up."""
    count = count_new_groups(conn, now - NEWS, _MOST_COUNTED)
    return [
        Fact("errors.new_groups", float(count), detail="or more" if count == _MOST_COUNTED else None),
        *_news("errors.new_group", new_groups(conn, now - NEWS, MOST_NEWS)),
        *_news("errors.regressed_group", regressed_groups(conn, now - NEWS, MOST_NEWS)),
    ]


def tracker_facts() -> list[Fact]:
    """Errors of this process that its own tracker could not hand to the queue."""
    return [Fact("monitor.lost_errors", float(error_tracker.lost_count))]


def _news(metric: str, rows: Iterable[Mapping[str, Any]]) -> list[Fact]:
    return [
        Fact(
            metric,
            1.0,
            labels={"group": str(row["id"]), "environment": row["environment"], "type": row["type"] or ""},
            detail=row["title"],
            since=row["since"],
        )
        for row in rows
    ]


def _spikes(conn: AnyConnection, now: datetime) -> list[Fact]:
    """How many times as many occurrences a group had in the last five minutes as it has by habit."""
    this_minute = now.replace(second=0, microsecond=0)
    found = frequent_groups(conn, this_minute - SPAN, this_minute + timedelta(minutes=1), SPIKE_LEAST, MOST_NEWS)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(days=_DAYS_COMPARED)
    counts: dict[int, Counter[datetime]] = {row["group_id"]: Counter() for row in found}
    for row in hours_of_groups(conn, list(counts), first, this_hour):
        counts[row["group_id"]][row["hour"]] = row["count"]
    return [
        Fact(
            "errors.spike",
            round(row["count"] / usual_per_span(counts[row["group_id"]], this_hour), 2),
            labels={"group": str(row["group_id"])},
            detail=f"{row['count']} in 5 min: {row['title']}",
        )
        for row in found
    ]


def usual_per_span(by_hour: Mapping[datetime, int], this_hour: datetime) -> float:
    """What five minutes hold by habit: the median hour of the last day, or this hour of the last days where that is more.

    Never less than SPIKE_FLOOR: the first twenty of a new error are news, no spike of four hundred times.
    """
    day = [by_hour.get(this_hour - timedelta(hours=hours), 0) for hours in range(1, 25)]
    same_hour = [by_hour.get(this_hour - timedelta(days=days), 0) for days in range(1, _DAYS_COMPARED + 1)]
    return max(SPIKE_FLOOR, statistics.median(day) / _SPANS_PER_HOUR, statistics.median(same_hour) / _SPANS_PER_HOUR)


def _sqlstates(conn: AnyConnection, now: datetime) -> list[Fact]:
    until = now + timedelta(minutes=1)
    rows = sqlstates_between(conn, now - timedelta(hours=1), until, _SQLSTATES, _SQLSTATE_CLASSES)
    return [Fact("errors.sqlstate", float(row["count"]), labels={"sqlstate": row["sqlstate"]}) for row in rows]
