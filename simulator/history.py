"""What the monitor would have recorded before it ran: uptime, rates, latency, requests and errors."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from psycopg2 import extensions

from callwatch.models.latency import find_bucket

# The tables that it is written into, each with the length of one of its rows.
_UNITS = {
    "uptime_hours": "hour",
    "check_results": "minute",
    "stage_minutes": "minute",
    "stage_hours": "hour",
    "request_histograms": "minute",
    "request_histograms_hourly": "hour",
    "error_counts_by_minute": "minute",
}
_SERVICES = ("database", "deepgram", "openai", "convoso")
_UPTIME = """
    INSERT INTO callwatch.uptime_hours (service, hour, checked, up, worst)
    SELECT service, hour, 60, 60 - lost, CASE WHEN lost > 30 THEN 'unhealthy' WHEN lost > 0 THEN 'degraded' ELSE 'healthy' END
    FROM (
        SELECT service, hour, CASE
            WHEN service = 'deepgram' AND hour::date = (%(now)s - interval '41 days')::date
                 AND extract(hour FROM hour) BETWEEN 9 AND 14 THEN 60
            WHEN service = 'openai' AND hour::date = (%(now)s - interval '12 days')::date
                 AND extract(hour FROM hour) = 16 THEN 20
            WHEN service = 'convoso' AND extract(doy FROM hour)::int %% 23 = 0 AND extract(hour FROM hour) = 3 THEN 4
            ELSE 0 END AS lost
        FROM unnest(%(services)s) AS service,
             generate_series(date_trunc('hour', %(now)s) - interval '89 days', %(now)s - interval '1 hour', interval '1 hour')
             AS hour
        WHERE service <> 'convoso' OR hour > %(now)s - interval '64 days'
    ) AS hours
    ON CONFLICT DO NOTHING
"""
_LATENCY = """
    INSERT INTO callwatch.check_results (service, at, status, latency_ms)
    SELECT service, at, 'healthy', base * (1 + 0.25 * sin(extract(epoch FROM at) / 7000) + 0.2 * random())
    FROM (VALUES ('database', 2.0), ('deepgram', 140.0), ('openai', 310.0), ('convoso', 420.0)) AS services (service, base),
         generate_series(%(now)s - interval '24 hours', %(now)s - interval '2 minutes', interval '3 minutes') AS at
    ON CONFLICT DO NOTHING
"""
_DEPTHS = """
    INSERT INTO callwatch.stage_minutes (stage, figure, minute, value)
    SELECT stage, figure, minute, CASE figure WHEN 'completed' THEN base
           ELSE floor(base * (1 + sin(extract(epoch FROM minute) / 9000)) + 3 * random()) END
    FROM (VALUES ('recordings', 'pending', 6), ('recordings', 'completed', 0.65), ('transcriptions', 'pending', 11),
                 ('transcriptions', 'completed', 0.6), ('analyses', 'completed', 0.6)) AS stages (stage, figure, base),
         generate_series(date_trunc('minute', %(now)s) - interval '25 hours', %(now)s - interval '1 minute',
                         interval '3 minutes') AS minute
    ON CONFLICT DO NOTHING
"""
# Whole hours, as the monitor keeps them.
_DEPTH_HOURS = """
    INSERT INTO callwatch.stage_hours (stage, figure, hour, samples, total, peak)
    SELECT stage, figure, date_trunc('hour', minute) AS hour, count(*), sum(value), max(value)
    FROM callwatch.stage_minutes WHERE minute < %(now)s GROUP BY stage, figure, hour ON CONFLICT DO NOTHING
"""
# What is usual at an hour needs weeks of them.
_EARLIER_HOURS = """
    INSERT INTO callwatch.stage_hours (stage, figure, hour, samples, total, peak)
    SELECT stage, 'completed', hour, 60, 60 * base * (1 + 0.2 * sin(extract(doy FROM hour))), base * 2
    FROM (VALUES ('recordings', 0.65), ('transcriptions', 0.6), ('analyses', 0.6)) AS stages (stage, base),
         generate_series(date_trunc('hour', %(now)s) - interval '29 days', %(now)s - interval '1 hour', interval '1 hour')
         AS hour
    ON CONFLICT DO NOTHING
"""
_REQUESTS = """
    INSERT INTO callwatch.request_histograms (minute, project_id, environment, route, bucket, count, errors, total_ms)
    SELECT minute, 1, 'production', %(route)s, %(bucket)s + (4 * sin(extract(epoch FROM minute) / 8000))::int, count, 0,
           count * %(time_ms)s
    FROM generate_series(date_trunc('minute', %(now)s) - interval '24 hours', %(now)s - interval '1 minute',
                         interval '1 minute') AS minute,
         greatest(1, (%(count)s * (1.2 + sin(extract(epoch FROM minute) / 14000)))::int) AS count
    ON CONFLICT DO NOTHING
"""
# The same by the hour, for as long as a week can be compared with the one before.
_REQUEST_HOURS = (
    _REQUESTS.replace("request_histograms ", "request_histograms_hourly ")
    .replace("minute", "hour")
    .replace("24 hours", "15 days")
    .replace("%(count)s * (", "60 * %(count)s * (")
)
# The product's requests, where no client sends some.
ROUTES = (
    ("GET /api/calls", 180, 14),
    ("GET /api/calls", 820, 1),
    ("POST /api/webhooks/convoso", 45, 22),
    ("GET /dashboard", 420, 5),
)
_ERROR_HISTORY = """
    INSERT INTO callwatch.error_counts_by_minute (minute, project_id, environment, severity, category, count)
    SELECT minute, 1, 'production', severity, 'integration', 1 + (random() * most)::int
    FROM (VALUES ('low', 2), ('medium', 3), ('high', 1)) AS severities (severity, most),
         generate_series(date_trunc('minute', %(now)s) - interval '23 hours', %(now)s - interval '70 minutes',
                         interval '25 minutes') AS minute
    WHERE random() < 0.5 ON CONFLICT DO NOTHING
"""


def write_history(cursor: extensions.cursor, now: datetime, routes: Sequence[tuple[str, float, int]]) -> None:
    """Write what was recorded until `now`, the hour and the minute that it is in excepted.

    routes: of requests, each with the ms that one takes, and how many come in a minute.
    """
    for statement in (_LATENCY, _DEPTHS, _DEPTH_HOURS, _EARLIER_HOURS, _ERROR_HISTORY, _UPTIME):
        cursor.execute(statement, {"now": now, "services": list(_SERVICES)})
    for route, time_ms, count in routes:
        seeded = {"now": now, "route": route, "bucket": find_bucket(time_ms), "count": count, "time_ms": time_ms}
        cursor.execute(_REQUESTS, seeded)
        cursor.execute(_REQUEST_HOURS, seeded)


def find_birth(cursor: extensions.cursor) -> datetime:
    """Return when this monitor's database was made: it recorded nothing of an earlier time."""
    cursor.execute("SELECT min(applied_at) FROM callwatch.migrations")
    (birth,) = cursor.fetchone() or (None,)
    assert isinstance(birth, datetime)
    return birth


def has_history(cursor: extensions.cursor) -> bool:
    """Return whether a row is older than the monitor: a client dated something back, or history was written."""
    birth = find_birth(cursor)
    for rows in _list_older():
        cursor.execute(f"SELECT EXISTS (SELECT FROM {rows})", (birth,))
        if cursor.fetchone() == (True,):
            return True
    return False


def remove_history(cursor: extensions.cursor) -> None:
    """Remove what is older than the monitor."""
    birth = find_birth(cursor)
    for rows in _list_older():
        cursor.execute(f"DELETE FROM {rows}", (birth,))


def _list_older() -> Iterator[str]:
    """Yield the rows of each table, as SQL, that are older than a time to be given."""
    for table, unit in _UNITS.items():
        column = "at" if table == "check_results" else unit
        yield f"callwatch.{table} WHERE {column} < date_trunc('{unit}', %s)"
