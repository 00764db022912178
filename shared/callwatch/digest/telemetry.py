"""Stores what a report of ingest carries next to its counts: runs of work, lines of logs, sessions, feedback."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

from callwatch.db.core.connect import AnyConnection
from callwatch.db.ingest_queries.ingest_counts import find_hour
from callwatch.db.ingest_queries.log_counts import add_lines
from callwatch.db.ingest_queries.session_counts import add_sessions
from callwatch.db.ingest_queries.user_feedback import insert_feedback
from callwatch.db.ingest_queries.work_histograms import add_runs
from callwatch.digest.message_parser import read_time_field
from callwatch.models.telemetry import Feedback, LogLevel
from callwatch.models.work import WorkKind, WorkRun

MAX_COUNT = 10_000_000
_MAX_RUN_MS = 86_400_000
_OLDEST = timedelta(days=6)
_ID = re.compile(r"[0-9a-f]{32}")
_KINDS, _LEVELS = get_args(WorkKind), get_args(LogLevel)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What one report carries, each with its project; the keys are those of the tables."""

    runs: list[tuple[int, WorkRun]]
    lines: Counter[tuple[datetime, int, str, str]]
    sessions: list[tuple[tuple[datetime, int, str, str], tuple[int, int, int, int]]]
    feedback: list[tuple[int, Feedback]]


def read_telemetry(message: dict[str, Any], at: datetime) -> Telemetry:
    """What a report of that time carries. Raises ValueError, TypeError or KeyError for a damaged one."""
    project_id = message["project_id"]
    return Telemetry(
        runs=[(project_id, _read_run(row, at)) for row in message.get("work", ())],
        lines=_read_lines(message.get("lines", ()), project_id, at),
        sessions=[_read_sessions(row, project_id, at) for row in message.get("sessions", ())],
        feedback=[(project_id, _read_feedback(row, at)) for row in message.get("feedback", ())],
    )


def store_telemetry(conn: AnyConnection, found: Iterable[Telemetry]) -> None:
    """Store what new reports carry. The caller commits."""
    lines: Counter[tuple[datetime, int, str, str]] = Counter()
    sessions: dict[tuple[datetime, int, str, str], tuple[int, int, int, int]] = {}
    runs, feedback = [], []
    for each in found:
        lines.update(each.lines)
        runs += each.runs
        feedback += each.feedback
        for key, counts in each.sessions:
            before = sessions.get(key, (0, 0, 0, 0))
            sessions[key] = (before[0] + counts[0], before[1] + counts[1], before[2] + counts[2], before[3] + counts[3])
    add_runs(conn, runs)
    add_lines(conn, lines)
    add_sessions(conn, sessions)
    insert_feedback(conn, feedback)


def _read_run(row: Any, at: datetime) -> WorkRun:
    kind, name, environment, ended_at, took_ms, has_failed = row
    if kind not in _KINDS:
        raise ValueError("a run must have a kind")
    if not isinstance(took_ms, (int, float)) or not 0 <= took_ms <= _MAX_RUN_MS:
        raise ValueError("the duration of a run must be at most a day")
    return WorkRun(kind, _read_text(name), _read_text(environment), _limit(ended_at, at), float(took_ms), has_failed is True, "")


def _read_lines(rows: Any, project_id: int, at: datetime) -> Counter[tuple[datetime, int, str, str]]:
    lines: Counter[tuple[datetime, int, str, str]] = Counter()
    for minute, environment, level, count in rows:
        if level not in _LEVELS:
            raise ValueError("a line must have a level")
        when = _limit(minute, at).replace(second=0, microsecond=0)
        lines[(when, project_id, _read_text(environment)[:100], level)] += _count(count)
    return lines


def _read_sessions(row: Any, project_id: int, at: datetime) -> tuple[tuple[datetime, int, str, str], tuple[int, int, int, int]]:
    environment, release, sessions, errored, crashed, abnormal = row
    key = (find_hour(at), project_id, _read_text(environment)[:100], _read_text(release)[:200])
    return key, (_count(sessions), _count(errored), _count(crashed), _count(abnormal))


def _read_feedback(row: Any, at: datetime) -> Feedback:
    feedback_id, environment, event_id, when, message, user_hash = row
    if not _ID.fullmatch(_read_text(feedback_id)) or not (event_id is None or _ID.fullmatch(_read_text(event_id))):
        raise ValueError("an id must be 32 hex digits")
    hashed = None if user_hash is None else _read_text(user_hash)
    return Feedback(feedback_id, _read_text(environment)[:100], event_id, _limit(when, at), _read_text(message), hashed)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        raise ValueError("a count must be a whole number")
    return value


def _limit(when: Any, at: datetime) -> datetime:
    """A time that is not after the arrival, and not older than what is accepted."""
    return max(at - _OLDEST, min(read_time_field(when), at))
