"""Simulates the watched product: its tables, and days of invented calls as they look at a given time.

Nobody in these calls exists: names are numbers, and telephone numbers come from the range reserved for fiction.
"""

import json
import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2 import extensions, sql
from psycopg2.extras import execute_values

SCHEMA: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "product_schema.json").read_text())
TABLES = tuple(SCHEMA)

CALLS_PER_HOUR = 40
# Local working hours, first and last: Monday to Friday, and Saturday. No calls on Sundays and at night.
Hours = Mapping[int, tuple[int, int]]
OFFICE_HOURS: Hours = {**dict.fromkeys(range(5), (9, 18)), 5: (10, 14)}
ALWAYS: Hours = dict.fromkeys(range(7), (0, 24))
_SATURDAY_SHARE = 0.3
_CAMPAIGNS = ("medicare", "final-expense", "auto", "health")
_DISPOSITIONS = ("SALE", "NI", "CALLBK", "DNC")
_SYNC_EVERY = timedelta(minutes=15)
_CRONS = {
    "process-recordings-v3": 60, "process-transcription-queue": 60, "process-discovery-queue": 60,
    "queue-bulk-recordings": 300, "batch": 300, "process-compliance": 300, "convoso-auto": 900, "backfill": 3600,
    "rollup": 86_400, "retention": 86_400, "kpi-daily": 86_400, "kpi-weekly": 604_800,
}  # fmt: skip


@dataclass
class Rows:
    """Rows to write, by table: each row maps columns to values."""

    by_table: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        """Add one row; rows of a table have the same columns."""
        self.by_table.setdefault(table, []).append(row)


def create_tables(conn: extensions.connection, tables: Iterable[str] = TABLES) -> None:
    """Create the product tables that schema public lacks, without the indexes that the monitor advises."""
    with conn.cursor() as cursor:
        for table in tables:
            described = SCHEMA[table]
            parts = [f'"{name}" {column}' for name, column in described["columns"].items()]
            parts.append(f"PRIMARY KEY ({', '.join(described['primary_key'])})")
            parts += [f"UNIQUE ({', '.join(columns)})" for columns in described["unique"]]
            cursor.execute(f'CREATE TABLE IF NOT EXISTS public."{table}" ({", ".join(parts)})')


def empty_tables(conn: extensions.connection, tables: Iterable[str] = TABLES) -> None:
    """Delete every row of the product's tables."""
    with conn.cursor() as cursor:
        for table in tables:
            cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(table)))


def load(
    conn: extensions.connection, now: datetime, days: int = 8, zone: str = "UTC", seed: int = 1, hours: Hours = OFFICE_HOURS
) -> int:
    """Fill the tables with healthy days up to `now`, as they look at that moment; return the number of calls."""
    draw = random.Random(seed)  # noqa: S311 - the same days each time, not secrets
    rows = Rows()
    started = _call_times(now, days, ZoneInfo(zone), draw, hours)
    for number, at in enumerate(started):
        _call(rows, draw, number, at, now)
    _add_heartbeats(rows, draw, now)
    _add_syncs(rows, draw, now, days, ZoneInfo(zone), hours)
    write(conn, rows)
    return len(started)


def write(conn: extensions.connection, rows: Rows) -> None:
    """Write rows with one statement per table."""
    with conn.cursor() as cursor:
        for table, found in rows.by_table.items():
            columns = sql.SQL(", ").join(sql.Identifier(name) for name in found[0])
            statement = sql.SQL("INSERT INTO {} ({}) VALUES %s").format(sql.Identifier(table), columns)
            execute_values(cursor, statement, [tuple(row.values()) for row in found], page_size=500)


def is_open(at: datetime, zone: ZoneInfo, hours: Hours = OFFICE_HOURS) -> bool:
    """Return whether the product's customers work at this time."""
    local = at.astimezone(zone)
    first, last = hours.get(local.weekday(), (0, 0))
    return first <= local.hour < last


def _call_times(now: datetime, days: int, zone: ZoneInfo, draw: random.Random, hours: Hours) -> Sequence[datetime]:
    today = now.astimezone(zone).date()
    found = []
    for back in range(days - 1, -1, -1):
        found += _list_times(today - timedelta(days=back), zone, draw, hours)
    return [at for at in found if at <= now]


def _list_times(day: date, zone: ZoneInfo, draw: random.Random, hours: Hours) -> list[datetime]:
    """Return random call times, at the same rate in every working hour."""
    first, last = hours.get(day.weekday(), (0, 0))
    rate = CALLS_PER_HOUR * (_SATURDAY_SHARE if day.weekday() == 5 else 1)
    at = datetime.combine(day, time(first), zone) if last else None
    found: list[datetime] = []
    while at is not None:
        at += timedelta(seconds=draw.expovariate(rate / 3600))
        if at.hour >= last or at.date() != day:
            break
        found.append(at.astimezone(UTC))
    return found


def _call(rows: Rows, draw: random.Random, number: int, at: datetime, now: datetime) -> None:
    """Add one call, posted at `at` just after its end, and its results until `now`."""
    call_id = str(uuid.UUID(int=draw.getrandbits(128), version=4))
    talked_s = draw.randint(60, 900)
    fetched_at = at + timedelta(seconds=draw.uniform(130, 300))
    is_slow, is_dead = draw.random() < 0.03, draw.random() < 0.005
    if is_slow:
        fetched_at += timedelta(minutes=draw.uniform(5, 40))
    has_recording = not is_dead and fetched_at <= now
    rows.add(
        "calls", id=call_id, source="convoso", call_id=f"c-{number}-{call_id[:8]}", lead_id=f"lead-{number}",
        agent_name=f"agent {number % 12}", agent_id=str(uuid.UUID(int=number % 12)),
        agency_id=str(uuid.UUID(int=1)), campaign=draw.choice(_CAMPAIGNS), disposition=draw.choice(_DISPOSITIONS),
        phone_number=f"+1202555{number % 100 + 100:04}", started_at=at - timedelta(seconds=talked_s + 5),
        ended_at=at - timedelta(seconds=5), duration_sec=talked_s, talk_time_sec=talked_s, created_at=at, updated_at=at,
        recording_url=f"https://recordings.example.com/{call_id}" if has_recording else None,
    )  # fmt: skip
    rows.add("webhook_logs", endpoint="/webhooks/convoso", method="POST", response_status=200, error=None, created_at=at)
    rows.add("call_events", call_id=call_id, type="created", payload=None, at=at)
    _add_recording(rows, call_id, at, fetched_at, now, is_slow, is_dead)
    if has_recording:
        _add_transcription(rows, draw, call_id, fetched_at, now, talked_s)


def _add_recording(
    rows: Rows, call_id: str, at: datetime, fetched_at: datetime, now: datetime, is_slow: bool, is_dead: bool
) -> None:
    """Add a row of the recordings queue; one in 200 is abandoned after its last attempt."""
    gave_up_at = at + timedelta(hours=6, minutes=25)
    processed_at = gave_up_at if is_dead else fetched_at
    is_open_row = processed_at > now
    waits_long = is_open_row and (is_slow or is_dead)
    rows.add(
        "pending_recordings", call_id=call_id, created_at=at, processed_at=None if is_open_row else processed_at,
        attempts=12 if is_dead and not is_open_row else 6 if waits_long else 1,
        last_error="recording not found" if is_dead or waits_long else None,
        retry_phase="backoff" if waits_long else "quick",
        scheduled_for=max(at, now - timedelta(seconds=20)) + timedelta(minutes=1) if is_open_row else processed_at,
    )  # fmt: skip


def _add_transcription(rows: Rows, draw: random.Random, call_id: str, queued_at: datetime, now: datetime, talked_s: int) -> None:
    started_at = queued_at + timedelta(seconds=draw.uniform(2, 60))
    done_at = started_at + timedelta(seconds=draw.uniform(15, 50))
    status = "pending" if started_at > now else "processing" if done_at > now else "completed"
    if status != "completed" or now - done_at < timedelta(days=7):
        rows.add(
            "transcription_queue", call_id=call_id, recording_url=f"https://recordings.example.com/{call_id}", priority=3,
            status=status, attempts=0 if status == "pending" else 1, created_at=queued_at, source="auto", duration_sec=talked_s,
            last_error=None, started_at=None if status == "pending" else started_at,
            completed_at=done_at if status == "completed" else None,
        )  # fmt: skip
    if status != "completed":
        return
    rows.add("transcripts", call_id=call_id, engine="deepgram", lang="en", created_at=done_at)
    rows.add("call_events", call_id=call_id, type="transcribe_ok", payload=None, at=done_at)
    embedded_at = done_at + timedelta(seconds=draw.uniform(2, 8))
    if embedded_at <= now:
        rows.add("transcript_embeddings", call_id=call_id, created_at=embedded_at, model="text-embedding")
    analyzed_at = done_at + timedelta(seconds=draw.uniform(20, 90))
    if analyzed_at <= now:
        skips = draw.random() < 0.02
        rows.add("call_events", call_id=call_id, type="analysis_skipped" if skips else "analyzed", payload=None, at=analyzed_at)
        if not skips:
            rows.add("analyses", call_id=call_id, qa_score=draw.randint(40, 100), model="gpt", token_input=3000, token_output=400)


def _add_heartbeats(rows: Rows, draw: random.Random, now: datetime) -> None:
    for name, period_s in _CRONS.items():
        last_ok = now - timedelta(seconds=draw.uniform(0, min(0.9 * period_s, period_s)))
        rows.add("cron_heartbeats", name=name, last_ok=last_ok, last_message="ok")


def _add_syncs(rows: Rows, draw: random.Random, now: datetime, days: int, zone: ZoneInfo, hours: Hours) -> None:
    """Add a sync of sales for every 15 working minutes, each with hundreds of records."""
    at = now - timedelta(days=days)
    while at < now - timedelta(minutes=2):
        if is_open(at, zone, hours):
            records = draw.randint(240, 360)
            rows.add(
                "convoso_sync_status", sync_type="sales", started_at=at, completed_at=at + timedelta(seconds=40),
                records_processed=records, records_inserted=records,
            )  # fmt: skip
        at += _SYNC_EVERY
