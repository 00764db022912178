"""The samples that evaluations judged: one row per minute, for seven days."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from psycopg2.extras import Json

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all

KEPT = timedelta(days=7)
_KEEP = """
    INSERT INTO callwatch.metric_minutes (minute, samples, unread) VALUES (%s, %s, %s)
    ON CONFLICT (minute) DO UPDATE SET samples = EXCLUDED.samples, unread = EXCLUDED.unread
"""
# A row that is damaged so far that it is no object has no metric.
_READ = """
    SELECT minute, (SELECT jsonb_object_agg(metric, samples -> metric) FROM unnest(%(metrics)s::text[]) AS metric
                    WHERE samples ? metric) AS samples, unread
    FROM callwatch.metric_minutes WHERE minute >= %(since)s AND minute < %(until)s ORDER BY minute
"""
# One row a step, found by the index: what it costs depends on the number of steps alone.
_READ_STEPS = """
    SELECT asked.place::int AS place, step AS at, kept.samples, kept.unread
    FROM unnest(%(metrics)s::text[], %(since)s::timestamptz[], %(steps)s::interval[])
        WITH ORDINALITY AS asked (metric, since, length, place)
    CROSS JOIN generate_series(0, %(count)s - 1) AS n
    CROSS JOIN LATERAL (SELECT asked.since + n * asked.length AS step) AS begun
    CROSS JOIN LATERAL (
        SELECT samples -> asked.metric AS samples, unread FROM callwatch.metric_minutes
        WHERE minute >= step AND minute < step + asked.length ORDER BY minute DESC LIMIT 1
    ) AS kept
    ORDER BY asked.place, step
"""
# Rows of this time are read at once, so that memory stays bounded.
_AT_ONCE = timedelta(hours=12)


class MetricMinute(TypedDict):
    """The samples of one minute by metric, as [value, labels], or [value, labels, 1] if it clears nothing; None without any."""

    minute: datetime
    samples: dict[str, list[Any]] | None
    unread: list[str]


class AskedSteps(NamedTuple):
    """Equal steps of a metric's past from `since` on."""

    metric: str
    since: datetime
    step: timedelta


class MetricStep(TypedDict):
    """The last kept minute of a step. place: of its AskedSteps, from 1; samples: as in MetricMinute, of the one metric."""

    place: int
    at: datetime
    samples: list[Any] | None
    unread: list[str]


def keep_minute(conn: AnyConnection, at: datetime, samples: Mapping[str, Sequence[Any]], unread: Sequence[str]) -> None:
    """Store the samples of a minute; a later evaluation in the same minute replaces them. The caller commits."""
    execute(conn, _KEEP, (at.replace(second=0, microsecond=0), Json(dict(samples)), Json(list(unread))))


def has_minute(conn: AnyConnection, minute: datetime) -> bool:
    """Whether samples of this minute are kept."""
    return bool(fetch_all(conn, "SELECT minute FROM callwatch.metric_minutes WHERE minute = %s", (minute,)))


def read_minutes(conn: AnyConnection, metrics: Sequence[str], since: datetime, until: datetime) -> Iterator[MetricMinute]:
    """The kept minutes from `since` to `until` in order, with the samples of these metrics."""
    start = since
    while start < until:
        end = min(until, start + _AT_ONCE)
        yield from fetch_all(conn, _READ, {"metrics": list(metrics), "since": start, "until": end}, MetricMinute)
        start = end


def read_steps(conn: AnyConnection, asked: Sequence[AskedSteps], count: int) -> list[MetricStep]:
    """The last kept minute of each of `count` steps, in order; a step without one is left out."""
    metrics, since, steps = ([each[place] for each in asked] for place in range(3))
    return fetch_all(conn, _READ_STEPS, {"metrics": metrics, "since": since, "steps": steps, "count": count}, MetricStep)


def delete_old_minutes(conn: AnyConnection, now: datetime) -> None:
    """Delete what is older than seven days. The caller commits."""
    execute(conn, "DELETE FROM callwatch.metric_minutes WHERE minute < %s", (now - KEPT,))
