"""The digest against a bare COPY of the same rows: 8 KB events, one process, an embedded PostgreSQL."""

import io
import json
import os
import shutil
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from callwatch.db import connection, migrate, reset_pool
from callwatch.db.copy import encode_rows
from callwatch.settings import reset_settings
from callwatch.tracker import digest as module
from callwatch.tracker.event import error_message, finish_event
from local import postgres

EVENTS = 6_000
BATCH = 1_000
GROUPS = 50


def main() -> None:
    """Print events a second of the digest, of the COPY, and their ratio."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    folder.chmod(0o755)
    server = postgres.start(folder)
    os.environ["DATABASE_URL"] = server.dsn
    reset_settings()
    try:
        migrate(server.dsn)
        bodies = messages()
        size = len(bodies[0])
        copied = copy_rate(bodies)
        digested = digest_rate(bodies)
        again = digest_rate(bodies)
        print(f"message size                {size:>8,} bytes")
        print(f"bare COPY of the same rows  {copied:>8,.0f} rows/s")
        print(f"digest, all new             {digested:>8,.0f} events/s   {digested / copied:.2f} of COPY")
        print(f"digest, all redelivered     {again:>8,.0f} events/s   {again / copied:.2f} of COPY")
    finally:
        reset_pool()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def messages() -> list[str]:
    """Events of about 8 KB, as a web application sends them."""
    now = datetime.now(UTC)
    found = []
    for number in range(EVENTS):
        frames = [
            {"filename": f"app/module_{n}.py", "function": f"f{n}", "module": f"app.m{n}", "lineno": n, "in_app": True,
             "context_line": "    result = compute(value, options)  # the line that failed", "vars": {"value": "x" * 40}}
            for n in range(22)
        ]  # fmt: skip
        crumbs = [{"category": "http", "message": f"GET /calls/{n} took a while", "level": "info"} for n in range(20)]
        event = finish_event(
            {
                "event_id": uuid.uuid4().hex, "message": f"call {number} could not be stored", "type": f"Kind{number % GROUPS}",
                "exceptions": [{"type": f"Kind{number % GROUPS}", "value": "could not be stored"}], "frames": frames,
                "breadcrumbs": crumbs, "endpoint": f"POST /e{number % 7}", "user_hash": uuid.uuid4().hex[:8],
                "tags": {"queue": "transcription", "zone": "a"},
            },
            now,
        )  # fmt: skip
        found.append(error_message(event, 1, now))
    return found


def digest_rate(bodies: list[str]) -> float:
    """Events a second from message to committed rows, groups and counters."""
    started = time.perf_counter()
    for start in range(0, len(bodies), BATCH):
        done = module.digest(bodies[start : start + BATCH], datetime.now(UTC))
        assert not done.poison
    return len(bodies) / (time.perf_counter() - started)


def copy_rate(bodies: list[str]) -> float:
    """Rows a second of COPY alone into a table of the same shape and indexes."""
    now = datetime.now(UTC)
    occurrences = [module._occurrence(json.loads(body), body, now) for body in bodies]
    rows = [
        (*o.key, 1, o.occurred_at.isoformat(), o.received_at.isoformat(), o.event["severity"], o.event["category"],
         o.event["type"],
         o.event["message"], o.event["endpoint"], None, None, o.event["user_hash"], json.dumps(o.event))
        for o in sorted(occurrences, key=lambda o: o.key)
    ]  # fmt: skip
    data = [encode_rows(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
    with connection() as conn, conn.cursor() as cursor:
        partition = f"callwatch.error_logs_p{now:%Y%m%d}"
        cursor.execute(f"CREATE TABLE callwatch.bare (LIKE {partition} INCLUDING ALL)")
        conn.commit()
        started = time.perf_counter()
        for part in data:
            cursor.copy_expert(f"COPY callwatch.bare ({', '.join(module.COLUMNS)}) FROM STDIN", io.StringIO(part))
            conn.commit()
        return len(bodies) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
