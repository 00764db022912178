"""Compares the outbox with direct sending: the same signed webhooks to the same loopback receiver, one and two senders."""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from callwatch.alerts.notifications.channels.webhook import send
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.notifications.notification import load_notification
from callwatch.db import connection, execute, fetch_one, migrate, reset_pool
from callwatch.db.alert_queries.outbox import NewDelivery, add_delivery
from callwatch.settings import get_settings, reset_settings
from local.postgres import server as postgres

DELIVERIES = 300
# An instant receiver shows the cost of the bookkeeping; a slow one shows how much of it matters in practice.
ANSWERS_AFTER_S = (0.0, 0.02)
PAYLOAD: dict[str, Any] = {
    "type": "alert.firing",
    "timestamp": "2026-01-01T00:00:00Z",
    "data": {"alert_id": "1", "rule_id": "bench", "title": "Bench", "level": "error", "message": "m" * 300, "labels": {}},
}


def main() -> None:
    """Print notifications per second for each way, and the ratios."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    folder.chmod(0o755)
    server = postgres.start(folder)
    os.environ |= {"DATABASE_URL": server.dsn, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    os.environ["ALERT_WEBHOOK_SECRET"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    try:
        migrate(server.dsn)
        for answers_after_s in ANSWERS_AFTER_S:
            run_with_receiver(answers_after_s, measure)
    finally:
        reset_pool()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(answers_after_s: float) -> None:
    """Measure one table: direct, through the outbox, and through the outbox with two senders."""
    direct = measure_rate(send_directly)
    one = measure_rate(lambda: send_by_outbox(1))
    two = measure_rate(lambda: send_by_outbox(2))
    print(f"receiver answers after {1000 * answers_after_s:.0f} ms")
    print(f"  directly              {direct:>6,.0f} notifications/s")
    print(f"  outbox, one sender    {one:>6,.0f} notifications/s   {one / direct:.2f} of directly")
    print(f"  outbox, two senders   {two:>6,.0f} notifications/s   {two / one:.2f} of one sender")


def measure_rate(work: Callable[[], float]) -> float:
    """Return notifications per second, the better of two runs."""
    return DELIVERIES / min(work(), work())


def send_directly() -> float:
    """Return the seconds to send all of them one after another."""
    settings = get_settings()
    started = time.perf_counter()
    for number in range(DELIVERIES):
        send(load_notification(PAYLOAD), f"msg_{number}", settings, 8.0)
    return time.perf_counter() - started


def send_by_outbox(senders: int) -> float:
    """Return the seconds from the start of the first sender until the last delivery is marked."""
    with connection() as conn:
        execute(conn, "DELETE FROM callwatch.deliveries")
        for number in range(DELIVERIES):
            delivery: NewDelivery = {
                "alert_id": None,
                "channel": "webhook",
                "kind": "alert.firing",
                "message_id": f"msg_{number}",
                "payload": PAYLOAD,
                "due_at": datetime.now(UTC),
            }
            add_delivery(conn, delivery)
        conn.commit()
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(senders + 1)
    processes = [context.Process(target=_run_sender, args=(dict(os.environ), barrier)) for _ in range(senders)]
    for process in processes:
        process.start()
    barrier.wait(60)
    started = time.perf_counter()
    for process in processes:
        process.join(120)
    took_s = time.perf_counter() - started
    with connection() as conn:
        left = fetch_one(conn, "SELECT count(*) AS left FROM callwatch.deliveries WHERE state <> 'sent' OR attempts <> 1")
    assert left == {"left": 0}, "each is sent, and once"
    return took_s


def _run_sender(environ: dict[str, str], barrier: Any) -> None:
    os.environ |= environ
    reset_settings()
    with connection() as conn:
        fetch_one(conn, "SELECT 1")
    barrier.wait(60)
    deliver_due(datetime.now(UTC), 100)


def run_with_receiver(answers_after_s: float, work: Callable[[float], None]) -> None:
    """Run with a receiver in its own process, so that it takes no time from the sender's interpreter."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    receiver = context.Process(target=_receive, args=(answers_after_s, theirs), daemon=True)
    receiver.start()
    os.environ["ALERT_WEBHOOK_URL"] = f"http://127.0.0.1:{ours.recv()}/hook"
    reset_settings()
    try:
        work(answers_after_s)
    finally:
        receiver.terminate()
        receiver.join(10)


def _receive(answers_after_s: float, pipe: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            time.sleep(answers_after_s)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_given: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_address[1])
    server.serve_forever()
