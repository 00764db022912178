"""Errors as samples for rules. Errors of the monitor itself (project 0) are not errors of the product.

Lists of groups are limited in length (the worst, the newest, the most frequent) or to a window. Groups for which an alert fires
are therefore also read by name: a group that leaves a list while its errors continue is still reported, and one whose errors
ended is reported with 0.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta

from callwatch.counters.client_discards import read_discard_samples
from callwatch.counters.errors import count_last_hour
from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_news import (
    GroupCount,
    GroupName,
    NewsRow,
    count_by_group,
    count_new_groups,
    count_sqlstates_between,
    find_latest_critical,
    list_frequent_groups,
    list_group_hours,
    list_groups_going_on,
    list_new_groups,
    list_regressed_groups,
)
from callwatch.models.error import ErrorSeverity
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.sqlstates import BROKEN_QUERY, BROKEN_QUERY_CLASSES

NEWS = timedelta(minutes=15)
MAX_NEWS = 20
# For a flood of new groups, more than this number adds nothing.
_MAX_COUNTED = 1000
_NAMED, _TITLE_CHARS = 5, 100
_SEVERITIES = [severity.value for severity in ErrorSeverity]
_MORE_THAN_ANY_COUNT = 1e12
# A spike compares the last five minutes with a usual five minutes before; few errors are never a spike.
SPAN = timedelta(minutes=5)
MIN_SPIKE = 20
SPIKE_FLOOR = 5.0
_SPANS_PER_HOUR = 12
_DAYS_COMPARED = 7
_NO_GROUP = Reason("none", "a person ignored or deleted the group of errors")


# Labels of firing instances by the metric for which they fire.
Firing = Mapping[str, Sequence[Mapping[str, str]]]
# Metrics of this module whose lists are complete: an instance that is absent is clear.
COMPLETE = ("errors.last_hour", "errors.critical_last_hour", "errors.new_groups", "errors.sqlstate")
_NONE: Firing = {}


def read_error_samples(conn: AnyConnection, now: datetime, firing: Firing = _NONE) -> list[Sample]:
    """How many errors there were, which groups are new or back, which spike, and which queries are broken.

    firing: instances that fire; they are reported by name whether or not a list holds them.
    """
    return [
        *count_samples(conn, now),
        *read_news_samples(conn, now, firing),
        *_measure_spikes(conn, now, firing),
        *_measure_sqlstates(conn, now),
        *read_discard_samples(conn, now),
    ]


def count_samples(conn: AnyConnection, now: datetime) -> list[Sample]:
    """Errors of the last 60 minutes: all, and critical ones; with what is most frequent now, and the latest critical one."""
    total, critical = count_last_hour(conn, now)
    frequent = list_frequent_groups(conn, *_find_span(now), MIN_SPIKE, 1) if total >= MIN_SPIKE else []
    latest = find_latest_critical(conn, now - timedelta(hours=1)) if critical else None
    return [
        Sample("errors.last_hour", float(total), detail=_describe_count(frequent[0]) if frequent else None),
        Sample("errors.critical_last_hour", float(critical), detail=f"the latest: {latest}" if latest else None),
    ]


def read_news_samples(conn: AnyConnection, now: datetime, firing: Firing = _NONE) -> list[Sample]:
    """Groups that appeared or came back in the last 15 minutes: the worst 20 new ones and the newest 20 that came back, and how
    many appeared.

    Groups that fire are reported as long as their errors continue: with an occurrence in the last 15 minutes, and without an
    action by a person.
    """
    count = count_new_groups(conn, now - NEWS, _MAX_COUNTED)
    worst = list_new_groups(conn, now - NEWS, MAX_NEWS)
    return [
        Sample("errors.new_groups", float(count), detail=_list_worst(worst, count)),
        *_add_firing(conn, "errors.new_group", "new", worst, now, firing),
        *_add_firing(conn, "errors.regressed_group", "regressed", list_regressed_groups(conn, now - NEWS, MAX_NEWS), now, firing),
    ]


def _add_firing(
    conn: AnyConnection, metric: str, state: str, listed: Sequence[NewsRow], now: datetime, firing: Firing
) -> list[Sample]:
    """The listed groups, and the firing groups that are not listed: 1 while their errors continue, else 0."""
    asked = _find_unlisted(firing, metric, {row["id"] for row in listed})
    known = {row["id"]: row for row in list_groups_going_on(conn, sorted(asked), state, now - NEWS)}
    samples = _sample_news(metric, listed)
    for group_id, labels in asked.items():
        row = known.get(group_id)
        is_going_on = row is not None and row["is_going_on"]
        title = row["title"] if row is not None else None
        weight = _weigh(row) if row is not None else 0.0
        samples.append(Sample(metric, float(is_going_on), labels=labels, detail=title, weight=weight))
    return samples


def _list_worst(worst: Sequence[NewsRow], count: int) -> str | None:
    """The worst of many new groups, for a message that stands for all of them."""
    if not worst:
        return None
    shown = [f"{row['title'][:_TITLE_CHARS]} ({row['severity']}, {row['count']} times)" for row in worst[:_NAMED]]
    lead = "or more; " if count == _MAX_COUNTED else ""
    return f"{lead}the worst: {'; '.join(shown)}"


def _weigh(row: GroupName) -> float:
    """A number that sorts groups by severity, then by count."""
    return _SEVERITIES.index(row["severity"]) * _MORE_THAN_ANY_COUNT + float(row["count"])


def _find_unlisted(firing: Firing, metric: str, listed: Set[int]) -> dict[int, Mapping[str, str]]:
    """The labels of firing instances of a metric by group, without the listed groups."""
    found = {int(labels["group"]): labels for labels in firing.get(metric, ()) if _is_id(labels.get("group", ""))}
    return {group_id: labels for group_id, labels in found.items() if group_id not in listed}


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _sample_news(metric: str, rows: Iterable[NewsRow]) -> list[Sample]:
    return [
        Sample(
            metric,
            1.0,
            labels={
                "group": str(row["id"]),
                "environment": row["environment"],
                "type": row["type"] or "",
                # A group without one had an alert without this label before the column was there.
                **({"sqlstate": row["sqlstate"]} if row["sqlstate"] else {}),
            },
            detail=row["title"],
            since=row["since"],
            weight=_weigh(row),
        )
        for row in rows
    ]


def _measure_spikes(conn: AnyConnection, now: datetime, firing: Firing) -> list[Sample]:
    """How many times its usual number of occurrences a group had in the last five minutes."""
    since, until = _find_span(now)
    found = list_frequent_groups(conn, since, until, MIN_SPIKE, MAX_NEWS)
    asked = _find_unlisted(firing, "errors.spike", {row["group_id"] for row in found})
    found += count_by_group(conn, sorted(asked), since, until)
    gone = asked.keys() - {row["group_id"] for row in found}
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(days=_DAYS_COMPARED)
    counts: dict[int, Counter[datetime]] = {row["group_id"]: Counter() for row in found}
    for row in list_group_hours(conn, list(counts), first, this_hour):
        counts[row["group_id"]][row["hour"]] = row["count"]
    over = [Sample("errors.spike", None, labels=asked[group_id], gone=_NO_GROUP) for group_id in sorted(gone)]
    return over + [
        Sample(
            "errors.spike",
            round(row["count"] / estimate_usual_per_span(counts[row["group_id"]], this_hour), 2),
            labels={"group": str(row["group_id"])},
            detail=_describe_count(row),
        )
        for row in found
    ]


def _find_span(now: datetime) -> tuple[datetime, datetime]:
    this_minute = now.replace(second=0, microsecond=0)
    return this_minute - SPAN, this_minute + timedelta(minutes=1)


def _describe_count(row: GroupCount) -> str:
    return f"{row['count']} in 5 min: {row['title']}"


def estimate_usual_per_span(by_hour: Mapping[datetime, int], this_hour: datetime) -> float:
    """The usual number in five minutes: from the median hour of the last day, or from this hour of the last days if that is
    more.

    Never less than SPIKE_FLOOR: the first twenty occurrences of a new error are news, not a spike of four hundred times.
    """
    day = [by_hour.get(this_hour - timedelta(hours=hours), 0) for hours in range(1, 25)]
    same_hour = [by_hour.get(this_hour - timedelta(days=days), 0) for days in range(1, _DAYS_COMPARED + 1)]
    return max(SPIKE_FLOOR, statistics.median(day) / _SPANS_PER_HOUR, statistics.median(same_hour) / _SPANS_PER_HOUR)


def _measure_sqlstates(conn: AnyConnection, now: datetime) -> list[Sample]:
    until = now + timedelta(minutes=1)
    rows = count_sqlstates_between(conn, now - timedelta(hours=1), until, BROKEN_QUERY, BROKEN_QUERY_CLASSES)
    return [Sample("errors.sqlstate", float(row["count"]), labels={"sqlstate": row["sqlstate"]}) for row in rows]
