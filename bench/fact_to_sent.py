"""Measures the time from a fact to its notification at a receiver, relative to the cycle, while thousands wait."""

import os
import shutil
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.db import connection, execute, migrate, reset_pool
from callwatch.models.sample import Sample
from callwatch.settings import reset_settings
from local.postgres import server as postgres

CYCLES = 40
CYCLE_S = 60.0
WAITING = 10_000
SUBJECTS = 500


def main() -> None:
    """Print the median and the 95th percentile with an empty outbox, and with one in which a dead channel's wait."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    folder.chmod(0o755)
    server = postgres.start(folder)
    received: list[float] = []
    receiver = _start_receiver(received)
    os.environ |= {
        "DATABASE_URL": server.dsn,
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ALERT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "ALERT_WEBHOOK_URL": f"http://127.0.0.1:{receiver.server_address[1]}/hook",
        # Nothing listens there: each attempt fails at once, and the breaker holds the rest.
        "SLACK_ALERT_WEBHOOK": "http://127.0.0.1:9/dead",
    }
    reset_settings()
    channels = [AlertChannel.WEBHOOK]
    alert_manager.add_rule(AlertRule("bench", "Bench", AlertLevel.ERROR, channels, [Condition("test.bench", ">", 10)]))
    try:
        migrate(server.dsn)
        empty = measure(received, 0)
        _wait_behind_a_dead_channel()
        full = measure(received, CYCLES)
        for name, found in (("empty outbox", empty), (f"{WAITING:,} waiting", full)):
            p95 = statistics.quantiles(found, n=20)[-1]
            print(f"  {name:<16} median {statistics.median(found):6.3f} s   p95 {p95:6.3f} s   {p95 / CYCLE_S:.3f} of a cycle")
        ratio = statistics.quantiles(full, n=20)[-1] / statistics.quantiles(empty, n=20)[-1]
        print(f"  p95 with {WAITING:,} waiting: {ratio:.2f} of that without")
    finally:
        receiver.shutdown()
        reset_pool()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(received: list[float], first: int) -> list[float]:
    """Return the seconds from the start of an evaluation that finds something wrong until the receiver has its message."""
    took_s = []
    now = datetime.now(UTC)
    for number in range(first, first + CYCLES):
        samples = [Sample("test.bench", 20.0 if each == number else 1.0, None, {"n": str(each)}) for each in range(SUBJECTS)]
        at = now + timedelta(minutes=number)
        received.clear()
        started = time.perf_counter()
        with connection() as conn:
            evaluate_rules(conn, samples, at, only_metrics=frozenset({"test.bench"}))
            conn.commit()
        deliver_due(at, 20)
        assert received, "the message arrived"
        took_s.append(received[0] - started)
    return took_s


def _wait_behind_a_dead_channel() -> None:
    with connection() as conn:
        execute(
            conn,
            """INSERT INTO callwatch.deliveries (alert_id, incident_id, channel, kind, message_id, payload, due_at)
               SELECT mine.id, mine.incident_id, 'slack', 'alert.firing', 'wait_' || n, sample.payload, now()
               FROM generate_series(1, %s) AS n
               JOIN (SELECT id, incident_id, row_number() OVER (ORDER BY id) AS place FROM callwatch.alerts) AS mine
                   ON mine.place = 1 + n %% 40
               CROSS JOIN (SELECT payload FROM callwatch.deliveries WHERE channel = 'webhook' LIMIT 1) AS sample""",
            (WAITING,),
        )
        conn.commit()


def _start_receiver(received: list[float]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            received.append(time.perf_counter())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    main()
