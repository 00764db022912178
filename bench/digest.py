"""Compares the flush with a bare COPY of the same rows: 8 KB events, one process, an embedded PostgreSQL."""

import io
import statistics
import time
import uuid
from collections import deque
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from bench._database import own_database
from callwatch import sqs
from callwatch.db import connection
from callwatch.db.core.copy import encode_rows
from callwatch.digest.flush import BATCH, flush
from callwatch.digest.message_parser import read
from callwatch.digest.rows import COLUMNS, build_row
from callwatch.digest.unstored import UnstoredMessages
from callwatch.events.event import build_error_message, finish_event
from callwatch.sqs import QueueMessage

EVENTS = 12_000
ROUNDS = 2
GROUPS = 50
USERS = 2_000


def main() -> None:
    """Print events per second of the flush and of COPY, their ratio, and the rate when every event starts a new group."""
    with own_database():
        rounds = []
        print(f"events of {len(build_messages(1, 0)[0]):,} bytes, {EVENTS:,} in a round, {GROUPS} groups, batches of {BATCH:,}")
        for number in range(1, ROUNDS + 1):
            bodies = build_messages(EVENTS, number)
            copied, flushed, again = copy_rate(bodies), flush_rate(bodies), flush_rate(bodies)
            flood = flush_rate(build_messages(EVENTS, 100 + number, groups=EVENTS))
            check(2 * number * EVENTS)
            rounds.append((copied, flushed, again, flood))
            print(
                f"  round {number}: bare COPY {copied:>7,.0f} rows/s, flush {flushed:>7,.0f} events/s ({flushed / copied:.2f}), "
                f"all of them redelivered {again:>7,.0f} ({again / copied:.2f}), each a group of its own {flood:>7,.0f}"
            )
        bodies = build_messages(EVENTS, 0)
        begun_s = time.process_time()
        flush_rate(bodies)
        cpu_us = (time.process_time() - begun_s) / EVENTS * 1e6
        flushed = statistics.median(row[1] for row in rounds)
        print(f"flush, all new       {flushed:>8,.0f} events/s   (at least 2,000)")
        print(f"our own CPU time     {cpu_us:>8.0f} us an event  (what else the machine does is not in it)")
        print(f"against bare COPY    {statistics.median(row[1] / row[0] for row in rounds):>8.2f}            (at least 0.75)")
        print(f"flood of new groups  {statistics.median(row[3] / row[1] for row in rounds):>8.2f}            of the flush")


def build_messages(count: int, round_number: int, groups: int = GROUPS, apart_ms: int = 0) -> list[str]:
    """Build messages with events of about 8 KB, as a web application sends them; each round has its own groups.

    apart_ms: time between an event and the next; the last one is the oldest.
    """
    now = datetime.now(UTC)
    found = []
    for number in range(count):
        kind = f"Round{round_number}Kind{number % groups}"
        frames = [
            {"filename": f"app/module_{n}.py", "function": f"f{n}", "module": f"app.m{n}", "lineno": n, "in_app": True,
             "context_line": "    result = compute(value, options)  # the line that failed", "vars": {"value": "x" * 40}}
            for n in range(25)
        ]  # fmt: skip
        crumbs = [{"category": "http", "message": f"GET /calls/{n} took a while", "level": "info"} for n in range(24)]
        event = finish_event(
            {
                "event_id": uuid.uuid4().hex, "message": f"call {number} could not be stored", "type": kind,
                "exceptions": [{"type": kind, "value": "could not be stored"}], "frames": frames,
                "breadcrumbs": crumbs, "endpoint": f"POST /e{number % 7}", "user_hash": f"{number % USERS:032x}",
                "tags": {"queue": "transcription", "zone": "a"}, "occurred_at": now - timedelta(milliseconds=number * apart_ms),
            },
            now,
        )  # fmt: skip
        found.append(build_error_message(event, 1, now))
    return found


class MemoryQueue:
    """The queue as flush sees it, without the latency of a real queue: only our own work is measured."""

    def __init__(self, bodies: list[str]) -> None:
        self._waiting = deque(QueueMessage(body, str(number), str(number), 1) for number, body in enumerate(bodies))
        self.deleted = 0

    def receive(self, _url: str | None, most: int = 10, wait_s: int = 0) -> list[QueueMessage]:  # noqa: ARG002
        """Return at most ten messages."""
        found: list[QueueMessage] = []
        while self._waiting and len(found) < most:
            try:
                found.append(self._waiting.popleft())
            except IndexError:
                break
        return found

    def delete(self, _url: str | None, handles: list[str]) -> None:
        """Count deleted messages."""
        self.deleted += len(handles)


def flush_rate(bodies: list[str]) -> float:
    """Return events per second from the queue to committed rows, groups and counters, deletion included."""
    waiting = MemoryQueue(bodies)
    with patch.multiple(sqs, receive=waiting.receive, delete=waiting.delete):
        started = time.perf_counter()
        result = flush(datetime.now(UTC), 300, UnstoredMessages())
        took_s = time.perf_counter() - started
    assert result.received == waiting.deleted == len(bodies)
    assert result.poisoned == 0
    return len(bodies) / took_s


def check(events: int) -> None:
    """Check that every event is stored once and that the counters agree."""
    with connection() as conn, conn.cursor() as cursor:
        for question in ("SELECT count(*) FROM callwatch.error_logs", "SELECT sum(count) FROM callwatch.error_counts_hourly"):
            cursor.execute(question)
            (found,) = cursor.fetchone()
            assert found == events, (question, found, events)


def copy_rate(bodies: list[str]) -> float:
    """Return rows per second of COPY alone into a table of the same shape and indexes."""
    now = datetime.now(UTC)
    occurrences = sorted(read(bodies, now).errors, key=lambda occurrence: occurrence.key)
    rows = [build_row(occurrence) for occurrence in occurrences]
    data = [encode_rows(rows[start : start + BATCH]).encode() for start in range(0, len(rows), BATCH)]
    with connection() as conn, conn.cursor() as cursor:
        partition = f"callwatch.error_logs_p{now:%Y%m%d}"
        cursor.execute("DROP TABLE IF EXISTS callwatch.bare")
        cursor.execute(f"CREATE TABLE callwatch.bare (LIKE {partition} INCLUDING ALL) WITH (toast_tuple_target = 8160)")
        conn.commit()
        started = time.perf_counter()
        for part in data:
            cursor.copy_expert(f"COPY callwatch.bare ({', '.join(COLUMNS)}) FROM STDIN", io.BytesIO(part))
            conn.commit()
        return len(bodies) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
