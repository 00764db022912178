"""Faults of the product, one function per incident: each makes a healthy database look as it does some minutes into it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from psycopg2 import extensions

_UUID_FAULT = 'invalid input syntax for type uuid: "1"'
_QUOTA = '{"error": "429 You exceeded your current quota (insufficient_quota)"}'
_RATE_LIMIT = '{"error": "429 Too Many Requests"}'

_FORGET_CALLS = (
    "DELETE FROM pending_recordings WHERE created_at > %(since)s",
    "DELETE FROM transcription_queue q USING calls c WHERE q.call_id = c.id AND c.created_at > %(since)s",
    "DELETE FROM transcripts t USING calls c WHERE t.call_id = c.id AND c.created_at > %(since)s",
    "DELETE FROM analyses a USING calls c WHERE a.call_id = c.id AND c.created_at > %(since)s",
    "DELETE FROM call_events e USING calls c WHERE e.call_id = c.id AND c.created_at > %(since)s",
    "DELETE FROM calls WHERE created_at > %(since)s",
)
_FORGET_ANALYSES = (
    "DELETE FROM analyses a USING call_events e WHERE e.call_id = a.call_id AND e.type = 'analyzed' AND e.at > %(since)s",
)
_FORGET_TRANSCRIPTIONS = (
    *_FORGET_ANALYSES,
    "DELETE FROM call_events WHERE type IN ('analyzed', 'transcribe_ok') AND at > %(since)s",
    "DELETE FROM transcripts WHERE created_at > %(since)s",
    """UPDATE transcription_queue SET status = 'pending', attempts = 0, started_at = NULL, completed_at = NULL
       WHERE coalesce(completed_at, started_at, created_at) > %(since)s OR status IN ('pending', 'processing')""",
)
_FORGET_RECORDINGS = (
    "DELETE FROM transcription_queue WHERE created_at > %(since)s",
    """UPDATE calls SET recording_url = NULL FROM pending_recordings p
       WHERE p.call_id = calls.id::text AND p.processed_at > %(since)s AND p.last_error IS NULL""",
    """UPDATE pending_recordings SET processed_at = NULL, last_error = NULL, attempts = 1,
       scheduled_for = greatest(created_at, %(since)s) + interval '2 minutes'
       WHERE processed_at > %(since)s OR processed_at IS NULL""",
)


def refuse_webhooks(conn: extensions.connection, now: datetime, minutes: float = 60) -> None:
    """1: every webhook gets 401 before it is logged; calls stop arriving."""
    _run(conn, now, minutes, *_FORGET_CALLS, "DELETE FROM webhook_logs WHERE created_at > %(since)s")


def fail_webhooks(conn: extensions.connection, now: datetime, minutes: float = 15) -> None:
    """2: webhooks get 500, because a default id is not a UUID."""
    fail = "UPDATE webhook_logs SET response_status = 500, error = %(fault)s WHERE created_at > %(since)s"
    _run(conn, now, minutes, *_FORGET_CALLS, fail, fault=_UUID_FAULT)


def stop_transcription(conn: extensions.connection, now: datetime, minutes: float = 20) -> None:
    """3: no worker takes transcriptions out of their queue."""
    _run(conn, now, minutes, *_FORGET_TRANSCRIPTIONS)


def skip_crons(conn: extensions.connection, now: datetime, minutes: float = 20) -> None:
    """4: the crons are rejected, respond 200 "skipped", and look alive."""
    beat = """UPDATE cron_heartbeats SET last_ok = %(now)s - interval '20 seconds', last_message = 'skipped'
              WHERE name IN ('process-recordings-v3', 'process-transcription-queue')"""
    _run(conn, now, minutes, *_FORGET_TRANSCRIPTIONS, *_FORGET_RECORDINGS, beat)


def stick_jobs(conn: extensions.connection, now: datetime, minutes: float = 30) -> None:
    """5: functions are killed during their work, and nothing retries their jobs."""
    take = """UPDATE transcription_queue SET status = 'processing', completed_at = NULL WHERE id IN (
              SELECT id FROM transcription_queue WHERE completed_at BETWEEN %(since)s AND %(now)s - interval '11 minutes'
              ORDER BY completed_at LIMIT 5)"""
    _run(conn, now, minutes, take)


def exhaust_quota(conn: extensions.connection, now: datetime, minutes: float = 45) -> None:
    """6: the quota is used up: analyses stop, transcripts continue."""
    fail = "UPDATE call_events SET type = 'analyze_error', payload = %(quota)s::jsonb WHERE type = 'analyzed' AND at > %(since)s"
    _run(conn, now, minutes, *_FORGET_ANALYSES, fail, quota=_QUOTA)


def limit_deepgram(conn: extensions.connection, now: datetime, minutes: float = 20) -> None:
    """7: Deepgram answers most requests with 429; the others are transcribed."""
    # Exactly every third succeeds, the newest too: by chance it could be none for ten minutes, which is more than a limit.
    limited = """SELECT call_id FROM (
        SELECT call_id, row_number() OVER (ORDER BY at DESC, call_id) AS place FROM call_events
        WHERE at > %(since)s AND type = 'transcribe_ok'
    ) AS found WHERE place %% 3 <> 1"""
    back = f"""UPDATE transcription_queue SET status = 'pending', attempts = 1, completed_at = NULL,
               last_error = '429 Too Many Requests' WHERE call_id IN ({limited})"""
    without = f"DELETE FROM transcripts WHERE call_id IN ({limited})"
    fail = f"""UPDATE call_events SET type = 'transcribe_error', payload = %(limit)s::jsonb
               WHERE type = 'transcribe_ok' AND call_id IN ({limited})"""
    _run(conn, now, minutes, back, without, fail, limit=_RATE_LIMIT)


def lose_recordings(conn: extensions.connection, now: datetime, minutes: float = 180) -> None:
    """9: of a hundred calls, six have a recording; the others are abandoned."""
    choose = "abs(hashtext(id::text)) %% 100 >= 6 AND created_at > %(since)s"
    forget = f"UPDATE calls SET recording_url = NULL WHERE {choose}"
    give_up = f"""UPDATE pending_recordings SET processed_at = coalesce(processed_at, %(now)s), attempts = 12,
                  last_error = 'recording not found' WHERE call_id IN (SELECT id::text FROM calls WHERE {choose})"""
    undo = "DELETE FROM {} WHERE call_id IN (SELECT id FROM calls WHERE " + choose + ")"
    tables = ("transcription_queue", "transcripts", "analyses")
    _run(conn, now, minutes, forget, give_up, *(undo.format(table) for table in tables))


def sync_shrinks(conn: extensions.connection, now: datetime, minutes: float = 30) -> None:
    """10: a sync brings 4 sales instead of hundreds."""
    shrink = "UPDATE convoso_sync_status SET records_processed = 4, records_inserted = 4 WHERE started_at > %(since)s"
    _run(conn, now, minutes, shrink)


def omit_fields(conn: extensions.connection, now: datetime, minutes: float = 60) -> None:
    """11: 97 of 100 rows lack key fields."""
    lose = """UPDATE calls SET agent_name = NULL, campaign = NULL, disposition = NULL
              WHERE created_at > %(since)s AND abs(hashtext(id::text)) %% 100 < 97"""
    _run(conn, now, minutes, lose)


def drop_column(conn: extensions.connection, now: datetime, minutes: float = 0) -> None:
    """12: a column that a query needs was never created in production."""
    _run(conn, now, minutes, "ALTER TABLE transcription_queue DROP COLUMN started_at")


# By incident number; the eighth, slow pages, shows in the requests that the product reports.
INCIDENTS: Mapping[int, Callable[..., None]] = {
    1: refuse_webhooks, 2: fail_webhooks, 3: stop_transcription, 4: skip_crons, 5: stick_jobs, 6: exhaust_quota,
    7: limit_deepgram, 9: lose_recordings, 10: sync_shrinks, 11: omit_fields, 12: drop_column,
}  # fmt: skip


def _run(conn: extensions.connection, now: datetime, minutes: float, *statements: str, **params: Any) -> None:
    given = {"now": now, "since": now - timedelta(minutes=minutes), **params}
    with conn.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, given)
