"""Replays the twelve incidents on a running system: puts each into the product's database, and reads alerts from the API.

`python -m tests.incidents.replay` writes the table of such a run to docs/incidents.md.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import psycopg2
from psycopg2 import extensions

from local.system import System, running_system
from simulator import faults, product

ROOT = Path(__file__).resolve().parents[2]
CYCLE_S = 2.0
CYCLES = 2
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Incident:
    """An incident and its expected notifications.

    fault: its effect on the product's database. errors, requests: what the product sends meanwhile. told: alerts that are
    notified, as (rule, labels). follows: alerts that are listed in one of them. may: alerts that depend on the data of the
    product at that moment.
    """

    number: int
    what: str
    told: Sequence[tuple[str, Labels]]
    follows: Sequence[tuple[str, Labels]] = ()
    fault: Callable[..., None] | None = None
    minutes: float | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    requests: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    may: Sequence[tuple[str, Labels]] = ()


def _list_requests(times: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"method": "GET", "route": route, "status_code": 200, "response_time_ms": took}
        for route, took in times.items()
        for _ in range(30)
    ]


_FAST = _list_requests({"/calls": 150, "/health": 20})
_NO_UUID = {"message": 'invalid input syntax for type uuid: "1"', "type": "DatabaseError", "context": {"code": "22P02"}}
_NO_COLUMN = {"message": 'column "started_at" does not exist', "type": "DatabaseError", "context": {"code": "42703"}}
_STARTED_AT = {"table": "transcription_queue", "column": "started_at"}
_QUEUE, _RECORDINGS = {"stage": "transcriptions"}, {"stage": "recordings"}

INCIDENTS = (
    Incident(1, "Every webhook answered 401: calls stop arriving", [("calls_missing", {})], fault=faults.refuse_webhooks),
    Incident(
        2, "Webhooks answered 500: a default id is no uuid",
        [("webhook_errors", {})],
        [("calls_missing", {}), ("sql_errors", {"sqlstate": "22P02"}), ("new_error_group", {"sqlstate": "22P02"})],
        faults.fail_webhooks, 60, [_NO_UUID] * 3,
    ),
    Incident(
        3, "The transcription queue stopped dead", [("cron_idle", {"cron": "process-transcription-queue"})],
        [("pipeline_stopped", _QUEUE)], faults.stop_transcription,
    ),
    Incident(
        4, "Crons got 401 and answered 200 skipped", [("cron_idle", {"cron": "process-recordings-v3"})],
        [("pipeline_stopped", _RECORDINGS), ("overdue_jobs", _RECORDINGS)], faults.skip_crons,
        may=[("cron_idle", {"cron": "process-transcription-queue"}), ("pipeline_stopped", _QUEUE), ("queue_backlog", {})],
    ),
    Incident(5, "Jobs stuck in processing after function kills", [("stuck_jobs", _QUEUE)], fault=faults.stick_jobs),
    Incident(
        6, "OpenAI's quota used up: analyses stop", [("vendor_quota", {"service": "openai"})],
        [("analysis_lag", {"stage": "analyses"}), ("vendor_errors", {"service": "openai"})], faults.exhaust_quota,
    ),
    Incident(
        7, "Deepgram limits our rate", [("vendor_rate_limited", {"service": "deepgram"})],
        [("vendor_errors", {"service": "deepgram"})], faults.limit_deepgram,
    ),
    Incident(
        8, "Timeouts: pages fetch 500,000 rows",
        [("slow_route", {"route": "/calls"})], [("api_degradation", {})],
        requests=_list_requests({"/calls": 28_000, "/health": 20}),
    ),
    Incident(
        9, "6 of 100 calls have a recording", [("recordings_unavailable", {})], [("dead_jobs", _RECORDINGS)],
        faults.lose_recordings,
    ),
    Incident(10, "A sync brings 4 sales instead of hundreds", [("sync_volume", {"sync": "sales"})], fault=faults.sync_shrinks),
    Incident(
        11, "97 of 100 rows lack key fields",
        [("fields_missing", {"field": name, "source": "convoso"}) for name in ("agent_name", "campaign", "disposition")],
        fault=faults.omit_fields, minutes=90,
    ),
    Incident(
        12, "A missing column breaks a query",
        [("sql_errors", {"sqlstate": "42703"}), ("figures_lost", _STARTED_AT)],
        [("new_error_group", {"sqlstate": "42703"}), ("schema_drift", _STARTED_AT)],
        fault=faults.drop_column, errors=[_NO_COLUMN] * 3,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """The result after two cycles: firing alerts as the API shows them, and the time from cause to notification."""

    alerts: list[dict[str, Any]]
    seconds: float


def afternoon_zone(now: datetime) -> str:
    """Return a time zone in which it is 2 p.m. now."""
    east = 14 - now.astimezone(UTC).hour
    return f"Etc/GMT{-east:+d}" if east else "Etc/GMT"


def load_healthy(conn: extensions.connection, now: datetime, zone: str) -> None:
    """Load healthy days up to now; on a weekend, of a product that works every day."""
    if now.astimezone(ZoneInfo(zone)).weekday() < 5:
        product.load(conn, now, 8, zone)
        return
    with patch.object(product, "_SATURDAY_SHARE", 1.0):
        # As many weekend days as the comparison of syncs needs.
        product.load(conn, now, 29, zone, hours=dict.fromkeys(range(7), (9, 18)))


def put(system: System, zone: str, incident: Incident | None = None) -> float:
    """Make the product healthy, or put it into an incident; return the time by this machine's clock."""
    with contextlib.closing(psycopg2.connect(system.database_url)) as conn:
        _make_next(conn)
        conn.commit()
        now = datetime.now(UTC)
        load_healthy(conn, now, zone)
        if incident and incident.fault:
            how = {} if incident.minutes is None else {"minutes": incident.minutes}
            incident.fault(conn, now, **how)
        conn.commit()
        # One transaction: no cycle sees a product without tables, or half of an incident.
        _execute(conn, "DROP SCHEMA IF EXISTS public CASCADE", "ALTER SCHEMA next RENAME TO public", _forget(conn))
        conn.commit()
    # A product without any request would leave it unknown whether a slow route is fast again.
    errors, requests = (incident.errors, incident.requests) if incident else ((), ())
    for path, items in (("/api/errors", errors), ("/api/requests", requests or _FAST)):
        if items:
            status, body, _headers = system.call("POST", path, system.ingest_key, list(items))
            assert status == 202, body
    return time.time()


def observe(system: System, began_at: float) -> Seen:
    """Return what fires at the end of the second cycle after `began_at`."""
    since = datetime.fromtimestamp(began_at, UTC)
    ends = system.wait_until(lambda: _two_ends(system, since), 60, "two cycles")
    alerts = system.get("/api/alerts?state=firing&limit=200")["items"]
    return Seen(alerts, (ends[-1] - since).total_seconds())


def describe_subject(alert: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return rule and labels of an alert, without those that differ from run to run."""
    labels = {name: value for name, value in alert["labels"].items() if name not in ("group", "environment", "type")}
    return alert["rule_id"], labels


def _two_ends(system: System, since: datetime) -> list[datetime] | None:
    with contextlib.closing(psycopg2.connect(system.database_url)) as conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT finished_at FROM callwatch.monitor_cycles WHERE started_at > %s ORDER BY finished_at LIMIT %s",
            (since, CYCLES),
        )
        found = [row[0] for row in cursor.fetchall()]
    return found if len(found) == CYCLES else None


def _make_next(conn: extensions.connection) -> None:
    """Create the product's empty tables in a schema that the monitor does not read, and set the search path to it."""
    if not _has_schema(conn, "pristine"):
        product.create_tables(conn)
        copies = [f"CREATE TABLE pristine.{table} (LIKE public.{table} INCLUDING ALL)" for table in product.TABLES]
        _execute(conn, "CREATE SCHEMA pristine", *copies)
    copies = [f"CREATE TABLE next.{table} (LIKE pristine.{table} INCLUDING ALL)" for table in product.TABLES]
    _execute(conn, "DROP SCHEMA IF EXISTS next CASCADE", "CREATE SCHEMA next", *copies, "SET search_path TO next")


def _has_schema(conn: extensions.connection, name: str) -> bool:
    with conn.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", (name,))
        row = cursor.fetchone()
        return row is not None and bool(row[0])


def _forget(conn: extensions.connection) -> str:
    """Delete what the previous incident sent: its errors and requests count for an hour and longer."""
    with conn.cursor() as cursor:
        cursor.execute(
            "SELECT format('callwatch.%I', tablename) FROM pg_tables WHERE schemaname = 'callwatch'"
            r" AND (tablename LIKE 'error\_%' OR tablename LIKE 'request\_%' OR tablename LIKE 'api\_logs%')"
        )
        return f"TRUNCATE {', '.join(row[0] for row in cursor.fetchall())}"


def _execute(conn: extensions.connection, *statements: str) -> None:
    with conn.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextlib.contextmanager
def system_in(zone: str) -> Iterator[System]:
    """Yield a running system with short cycles, in whose time zone it is afternoon."""
    with running_system(cycle_s=CYCLE_S, environ={"TIMEZONE": zone}) as system:
        yield system


HEADER = """# The twelve incidents

Each incident is played into the product's database of a running system. The table shows the alerts after the second cycle.
An inhibited alert is listed in the notification of its cause and not sent. A healthy day before and after the incidents
raises no alert. `python -m tests.incidents.replay` writes this page.

| incident | notified | inhibited |
|---|---|---|
"""


def main() -> None:
    """Replay all of them, and write the table."""
    zone = afternoon_zone(datetime.now(UTC))
    rows, longest_s = [], 0.0
    with system_in(zone) as system:
        healthy = [observe(system, put(system, zone)).alerts]
        for incident in INCIDENTS:
            seen = observe(system, put(system, zone, incident))
            longest_s = max(longest_s, seen.seconds)
            told = [alert for alert in seen.alerts if not alert["suppressed_by"]]
            cells = [f"{incident.number}. {incident.what}"]
            cells += ["<br>".join(sorted(map(_shown, found))) for found in (told, [a for a in seen.alerts if a["suppressed_by"]])]
            rows.append(f"| {' | '.join(cells)} |\n")
        healthy.append(observe(system, put(system, zone)).alerts)
    assert healthy == [[], []], healthy
    (ROOT / "docs" / "incidents.md").write_text(HEADER + "".join(rows))
    print(f"12 incidents; the longest took {longest_s:.1f} s to the end of its second cycle ({CYCLE_S:g} s each)")


def _shown(alert: Mapping[str, Any]) -> str:
    rule_id, labels = describe_subject(alert)
    about = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return f"[{rule_id}](runbooks/{rule_id}.md)" + (f" {about}" if about else "")


if __name__ == "__main__":
    main()
