"""States of the watched product for screenshots of the page: a good day, a day with failures, a day that just began.

History on the page (90 days of uptime, a day of requests) is written as the monitor would have left it.
"""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg2
from psycopg2 import extensions

from callwatch.models.latency import find_bucket
from simulator import faults as product_faults
from simulator import product

SERVICES = ("database", "deepgram", "openai", "convoso")
_UPTIME = """
    INSERT INTO callwatch.uptime_hours (service, hour, checked, up, worst)
    SELECT service, hour, 60, 60 - lost, CASE WHEN lost > 30 THEN 'unhealthy' WHEN lost > 0 THEN 'degraded' ELSE 'healthy' END
    FROM (
        SELECT service, hour, CASE
            WHEN service = 'deepgram' AND hour::date = (now() - interval '41 days')::date
                 AND extract(hour FROM hour) BETWEEN 9 AND 14 THEN 60
            WHEN service = 'openai' AND hour::date = (now() - interval '12 days')::date AND extract(hour FROM hour) = 16 THEN 20
            WHEN service = 'convoso' AND extract(doy FROM hour)::int %% 23 = 0 AND extract(hour FROM hour) = 3 THEN 4
            ELSE 0 END AS lost
        FROM unnest(%(services)s) AS service,
             generate_series(date_trunc('hour', now()) - interval '89 days', now() - interval '1 hour', interval '1 hour') AS hour
        WHERE service <> 'convoso' OR hour > now() - interval '64 days'
    ) AS hours
    ON CONFLICT DO NOTHING
"""
_LATENCY = """
    INSERT INTO callwatch.check_results (service, at, status, latency_ms)
    SELECT service, at, 'healthy', base * (1 + 0.25 * sin(extract(epoch FROM at) / 7000) + 0.2 * random())
    FROM (VALUES ('database', 2.0), ('deepgram', 140.0), ('openai', 310.0), ('convoso', 420.0)) AS services (service, base),
         generate_series(now() - interval '24 hours', now() - interval '2 minutes', interval '3 minutes') AS at
    ON CONFLICT DO NOTHING
"""
_DEPTHS = """
    INSERT INTO callwatch.stage_minutes (stage, figure, minute, value)
    SELECT stage, figure, minute, CASE figure WHEN 'completed' THEN base
           ELSE floor(base * (1 + sin(extract(epoch FROM minute) / 9000)) + 3 * random()) END
    FROM (VALUES ('recordings', 'pending', 6), ('recordings', 'completed', 0.65), ('transcriptions', 'pending', 11),
                 ('transcriptions', 'completed', 0.6), ('analyses', 'completed', 0.6)) AS stages (stage, figure, base),
         generate_series(date_trunc('minute', now()) - interval '25 hours', now() - interval '1 minute', interval '3 minutes')
         AS minute
    ON CONFLICT DO NOTHING
"""
# Whole hours, as the monitor keeps them.
_DEPTH_HOURS = """
    INSERT INTO callwatch.stage_hours (stage, figure, hour, samples, total, peak)
    SELECT stage, figure, date_trunc('hour', minute) AS hour, count(*), sum(value), max(value)
    FROM callwatch.stage_minutes GROUP BY stage, figure, hour ON CONFLICT DO NOTHING
"""
# What is usual at an hour needs weeks of them.
_EARLIER_HOURS = """
    INSERT INTO callwatch.stage_hours (stage, figure, hour, samples, total, peak)
    SELECT stage, 'completed', hour, 60, 60 * base * (1 + 0.2 * sin(extract(doy FROM hour))), base * 2
    FROM (VALUES ('recordings', 0.65), ('transcriptions', 0.6), ('analyses', 0.6)) AS stages (stage, base),
         generate_series(date_trunc('hour', now()) - interval '29 days', now(), interval '1 hour') AS hour
    ON CONFLICT DO NOTHING
"""
_REQUESTS = """
    INSERT INTO callwatch.request_histograms (minute, project_id, environment, route, bucket, count, errors, total_ms)
    SELECT minute, 1, 'production', %(route)s, %(bucket)s + (4 * sin(extract(epoch FROM minute) / 8000))::int, count, 0,
           count * %(time_ms)s
    FROM generate_series(date_trunc('minute', now()) - interval '24 hours', now(), interval '1 minute') AS minute,
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
_ROUTES = (
    ("GET /api/calls", 180, 14),
    ("GET /api/calls", 820, 1),
    ("POST /api/webhooks/convoso", 45, 22),
    ("GET /dashboard", 420, 5),
)
_ERROR_HISTORY = """
    INSERT INTO callwatch.error_counts_by_minute (minute, project_id, environment, severity, category, count)
    SELECT minute, 1, 'production', severity, 'integration', 1 + (random() * most)::int
    FROM (VALUES ('low', 2), ('medium', 3), ('high', 1)) AS severities (severity, most),
         generate_series(date_trunc('minute', now()) - interval '23 hours', now() - interval '70 minutes', interval '25 minutes')
         AS minute
    WHERE random() < 0.5 ON CONFLICT DO NOTHING
"""
# In addition to the stopped queue: waiting work without a worker, and a cron that has stopped.
_STOPPED = """
    UPDATE transcription_queue SET attempts = 3
    WHERE id IN (SELECT id FROM transcription_queue WHERE status = 'pending' ORDER BY id LIMIT 7);
    UPDATE cron_heartbeats SET last_ok = now() - interval '55 minutes' WHERE name = 'process-transcription-queue';
"""
_STACK = """DataError: invalid input syntax for type uuid: "default"
    at Parser.parseErrorMessage (node_modules/pg-protocol/src/parser.ts:369)
    at storeCall (src/server/calls/store.ts:118)
    at POST (src/app/api/webhooks/convoso/route.ts:64)"""
ERRORS: tuple[dict[str, Any], ...] = (
    {"message": "Deepgram answered 429: too many concurrent requests", "severity": "medium", "type": "RateLimited",
     "category": "integration", "endpoint": "POST /api/jobs/transcribe", "release": "2.14.0"},
    {"message": "duplicate key value violates unique constraint \"calls_idem_key\"", "severity": "low", "type": "UniqueViolation",
     "category": "database", "endpoint": "POST /api/webhooks/convoso", "release": "2.14.0"},
)  # fmt: skip
BROKEN_ERRORS: tuple[dict[str, Any], ...] = (
    {"message": "invalid input syntax for type uuid: \"default\" (SQLSTATE 22P02)", "severity": "critical", "type": "DataError",
     "category": "database", "endpoint": "POST /api/webhooks/convoso", "release": "2.15.0",
     "stack": _STACK, "context": {"query": "INSERT INTO calls (office_id, ...)", "region": "iad1", "attempt": 1}},
    {"message": "the transcription worker cannot pick a job: function pick_next_job() does not exist", "severity": "high",
     "type": "UndefinedFunction", "category": "database", "endpoint": "POST /api/jobs/transcribe", "release": "2.15.0"},
    {"message": "You exceeded your current quota, please check your plan and billing details", "severity": "high",
     "type": "InsufficientQuota", "category": "integration", "endpoint": "POST /api/jobs/analyze", "release": "2.15.0"},
)  # fmt: skip


class Vendors:
    """The vendors' APIs on loopback; each responds with its configured status."""

    def __init__(self) -> None:
        self.statuses = {"deepgram": 200, "openai": 200, "convoso": 200}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _build_handler(self.statuses))

    def __enter__(self) -> "Vendors":
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *_rest: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def build_environ(self) -> dict[str, str]:
        """Return the variables that point the monitor to these vendors."""
        url = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "DEEPGRAM_API_URL": f"{url}/deepgram",
            "OPENAI_API_URL": f"{url}/openai",
            "CONVOSO_API_URL": f"{url}/convoso",
            "DEEPGRAM_API_KEY": "local",
            "OPENAI_API_KEY": "local",
            "CONVOSO_AUTH_TOKEN": "local",
        }


def _build_handler(statuses: Mapping[str, int]) -> type[BaseHTTPRequestHandler]:
    class Answers(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            status = statuses.get(self.path.split("/")[1], 404)
            body = {"success": True, "data": []} if status == 200 else {"error": {"code": "insufficient_quota"}}
            content = json.dumps(body).encode()
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_rest: object) -> None:
            """Log nothing."""

    return Answers


def make_tables(dsn: str) -> None:
    """Create the product's tables, empty."""
    with _connection(dsn) as conn:
        product.create_tables(conn)


def load_day(dsn: str) -> None:
    """Write days of successful calls, and the monitor's own record of them."""
    with _connection(dsn) as conn, conn.cursor() as cursor:
        product.load(conn, datetime.now(UTC), hours=product.ALWAYS)
        for statement in (_LATENCY, _DEPTHS, _DEPTH_HOURS, _EARLIER_HOURS, _ERROR_HISTORY):
            cursor.execute(statement)
        cursor.execute(_UPTIME, {"services": list(SERVICES)})
        for route, time_ms, count in _ROUTES:
            seeded = {"route": route, "bucket": find_bucket(time_ms), "count": count, "time_ms": time_ms}
            cursor.execute(_REQUESTS, seeded)
            cursor.execute(_REQUEST_HOURS, seeded)


def stop_transcriptions(dsn: str) -> None:
    """Stop the transcription queue for three hours, with hanging jobs."""
    now = datetime.now(UTC)
    with _connection(dsn) as conn, conn.cursor() as cursor:
        product_faults.stick_jobs(conn, now, minutes=240)
        product_faults.stop_transcription(conn, now, minutes=180)
        cursor.execute(_STOPPED)


def write_slow_requests() -> list[dict[str, Any]]:
    """Write recent requests that are slow and partly fail."""
    slow = {"method": "GET", "route": "/api/reports/sales", "response_time_ms": 6200, "status_code": 200}
    return [slow] * 40 + [{**slow, "status_code": 503, "response_time_ms": 10_000}] * 14


@contextlib.contextmanager
def _connection(dsn: str) -> Iterator[extensions.connection]:
    conn = psycopg2.connect(dsn)
    try:
        with conn:
            yield conn
    finally:
        conn.close()
