"""States of the watched product for screenshots of the page: a good day, a day with failures, a day that just began."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg2
from psycopg2 import extensions

from simulator import faults as product_faults
from simulator import product
from simulator.history import ROUTES, write_history

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
        write_history(cursor, datetime.now(UTC), ROUTES)


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
