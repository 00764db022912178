"""What a report over a span of days reads: sums of counters by hour, and spans of alerts. Every list is limited."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all, fetch_one
from callwatch.db.queries.request_histograms import BucketRow

_UPTIME = """
    SELECT service, sum(checked)::bigint AS checked, sum(up)::bigint AS up,
           sum(least(3600, coalesce(watched_s, 60 * least(checked, 60))))::float AS watched_s
    FROM callwatch.uptime_hours WHERE hour >= %(since)s AND hour < %(until)s GROUP BY service ORDER BY service
"""
_REQUESTS = """
    SELECT bucket, sum(count)::bigint AS count, sum(errors)::bigint AS errors, sum(total_ms) AS total_ms,
           sum(unsettled)::bigint AS unsettled
    FROM callwatch.request_histograms_hourly
    WHERE hour >= %(since)s AND hour < %(until)s AND project_id <> 0 GROUP BY bucket
"""
# Each hour by its mean rate per minute, however often it was read in it.
_STAGES = """
    SELECT stage, round(sum(60 * total / samples) FILTER (WHERE figure = 'completed'))::bigint AS completed,
           max(peak) FILTER (WHERE figure = 'pending')::bigint AS peak_pending, count(DISTINCT hour) AS hours_read
    FROM callwatch.stage_hours WHERE hour >= %(since)s AND hour < %(until)s AND samples > 0 GROUP BY stage ORDER BY stage
"""
_SERVICE_ALERTS = """
    SELECT coalesce(service, labels ->> 'service') AS service, rule_id,
           sum(extract(epoch FROM
               least(coalesce(resolved_at, %(until)s), %(until)s) - greatest(started_at, %(since)s)))::float AS s
    FROM callwatch.alerts
    WHERE rule_id = ANY (%(rules)s) AND started_at < %(until)s AND coalesce(resolved_at, 'infinity') > %(since)s
    GROUP BY 1, 2
"""
_ALERTS = """
    SELECT count(*) FILTER (WHERE cause_id IS NULL) AS count, count(*) FILTER (WHERE cause_id IS NOT NULL) AS inhibited,
           count(resolved_at) FILTER (WHERE cause_id IS NULL) AS resolved,
           count(acknowledged.at) FILTER (WHERE cause_id IS NULL) AS acknowledged,
           avg(extract(epoch FROM resolved_at - started_at)) FILTER (WHERE cause_id IS NULL)::float AS to_resolve_s,
           avg(extract(epoch FROM acknowledged.at - started_at)) FILTER (WHERE cause_id IS NULL)::float AS to_acknowledge_s
    FROM callwatch.alerts
    LEFT JOIN LATERAL (
        SELECT min(at) AS at FROM callwatch.alert_timeline WHERE alert_id = alerts.id AND kind = 'acknowledged'
    ) AS acknowledged ON true
    WHERE started_at >= %(since)s AND started_at < %(until)s
"""
_LEVELS = """
    SELECT level, count(*) AS count FROM callwatch.alerts
    WHERE started_at >= %(since)s AND started_at < %(until)s AND cause_id IS NULL GROUP BY level
"""
_NOISIEST = """
    SELECT rule_id, max(title) AS title, count(*) AS count,
           round((sum(extract(epoch FROM
               least(coalesce(resolved_at, %(until)s), %(until)s) - started_at)) / 60)::numeric, 1)::float AS firing_minutes
    FROM callwatch.alerts WHERE started_at >= %(since)s AND started_at < %(until)s AND cause_id IS NULL
    GROUP BY rule_id ORDER BY count(*) DESC, rule_id LIMIT %(limit)s
"""
_SEVERITIES = """
    SELECT severity, sum(count)::bigint AS count FROM callwatch.error_counts_hourly
    WHERE hour >= %(since)s AND hour < %(until)s AND project_id <> 0 GROUP BY severity
"""
# Only the most frequent ones are counted within the span: a flood may have made a million groups.
_GROUPS = """
    WITH frequent AS (
        SELECT id, title, severity, environment FROM callwatch.error_groups AS groups
        WHERE {which} ORDER BY groups.count DESC, id LIMIT 200
    )
    SELECT frequent.id::text AS id, title, severity, frequent.environment, coalesce(sum(counts.count), 0)::bigint AS count
    FROM frequent LEFT JOIN callwatch.error_counts_by_group AS counts
        ON counts.group_id = frequent.id AND counts.hour >= %(since)s AND counts.hour < %(until)s
    GROUP BY frequent.id, title, severity, frequent.environment ORDER BY count DESC, frequent.id LIMIT %(limit)s
"""
_IS_NEW = "groups.made_at >= %(since)s AND groups.made_at < %(until)s AND groups.project_id <> 0"
_NEW = _GROUPS.format(which=_IS_NEW)
_NAMED = _GROUPS.format(which="groups.id = ANY (%(ids)s)")
_COUNT_NEW = f"SELECT count(*) AS count FROM callwatch.error_groups AS groups WHERE {_IS_NEW}"
# A later action hides from the group that it had come back; the alert about it stays.
_REGRESSED = """
    SELECT DISTINCT labels ->> 'group' AS id FROM callwatch.alerts
    WHERE rule_id = 'regressed_error_group' AND started_at >= %(since)s AND started_at < %(until)s
      AND labels ->> 'group' ~ '^[0-9]{1,18}$' LIMIT 1000
"""


class ServiceSums(TypedDict):
    """Probes of a service: all, those that succeeded, and the time that they watched."""

    service: str
    checked: int
    up: int
    watched_s: float


class StageSums(TypedDict):
    """Work of a stage; None where a figure was never read."""

    stage: str
    completed: int | None
    peak_pending: int | None
    hours_read: int


class AlertSums(TypedDict):
    """Alerts that began in the span, without those that another caused; inhibited: the latter."""

    count: int
    inhibited: int
    resolved: int
    acknowledged: int
    to_resolve_s: float | None
    to_acknowledge_s: float | None


class NoisyRuleRow(TypedDict):
    """A rule by how often it fired."""

    rule_id: str
    title: str
    count: int
    firing_minutes: float


class GroupSum(TypedDict):
    """An error group, and its occurrences in the span."""

    id: str
    title: str
    severity: str
    environment: str
    count: int


class Span(TypedDict):
    """From a time on, until before another."""

    since: datetime
    until: datetime


class _SpanOfService(TypedDict):
    service: str | None
    rule_id: str
    s: float


def sum_uptime(conn: AnyConnection, span: Span) -> list[ServiceSums]:
    """One row per service that was checked; whole hours."""
    return fetch_all(conn, _UPTIME, span, ServiceSums)


def sum_requests(conn: AnyConnection, span: Span) -> list[BucketRow]:
    """The product's requests by bucket of their time; whole hours."""
    return fetch_all(conn, _REQUESTS, span, BucketRow)


def sum_stages(conn: AnyConnection, span: Span) -> list[StageSums]:
    """One row per stage that was read; whole hours."""
    return fetch_all(conn, _STAGES, span, StageSums)


def sum_firing_s(conn: AnyConnection, span: Span, rules: Sequence[str]) -> Mapping[tuple[str, str], float]:
    """The seconds of the span during which alerts of a rule fired, by service and rule."""
    rows = fetch_all(conn, _SERVICE_ALERTS, {**span, "rules": list(rules)}, _SpanOfService)
    return {(row["service"], row["rule_id"]): row["s"] for row in rows if row["service"]}


def sum_alerts(conn: AnyConnection, span: Span) -> AlertSums:
    """The sums of alerts that began in the span."""
    row = fetch_one(conn, _ALERTS, span, AlertSums)
    assert row is not None
    return row


def count_by_level(conn: AnyConnection, span: Span) -> dict[str, int]:
    """Alerts that began in the span, by level."""
    return {row["level"]: row["count"] for row in fetch_all(conn, _LEVELS, span)}


def list_noisiest(conn: AnyConnection, span: Span, limit: int) -> list[NoisyRuleRow]:
    """The rules that fired most often."""
    return fetch_all(conn, _NOISIEST, {**span, "limit": limit}, NoisyRuleRow)


def count_by_severity(conn: AnyConnection, span: Span) -> dict[str, int]:
    """The product's errors by severity; whole hours."""
    return {row["severity"]: row["count"] for row in fetch_all(conn, _SEVERITIES, span)}


def list_new_groups(conn: AnyConnection, span: Span, limit: int) -> tuple[int, list[GroupSum]]:
    """How many error groups appeared, and the most frequent of them."""
    row = fetch_one(conn, _COUNT_NEW, span)
    assert row is not None
    return int(row["count"]), fetch_all(conn, _NEW, {**span, "limit": limit}, GroupSum)


def list_regressed_groups(conn: AnyConnection, span: Span, limit: int) -> tuple[int, list[GroupSum]]:
    """How many error groups came back, and the most frequent of those that still exist."""
    ids = [int(row["id"]) for row in fetch_all(conn, _REGRESSED, span)]
    return len(ids), fetch_all(conn, _NAMED, {**span, "ids": ids, "limit": limit}, GroupSum) if ids else []
