"""Counts what becomes of what one request sends, and builds the queue message that carries the counts to the digest.

Accepted errors and requests need no message of their own: theirs name the SDK, and the digest counts what it stores.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from callwatch.models.ingest_outcome import CATEGORIES, OTHER, Outcome
from callwatch.models.telemetry import Feedback, LogLevel, Sessions
from callwatch.models.work import WorkRun
from callwatch.scrubbing.sanitize import replace_surrogates

# A count that no request can have: what a hostile client reports must not drown what others report.
MAX_COUNT = 100_000
# Different counts in one report; far more than reasons and categories of one client.
_MAX_ENTRIES = 300
# Each takes at most 1.7 KB; a message of the queue holds 1 MiB.
_RUNS_IN_MESSAGE = 400


class IngestReport:
    """The counts of one request of a project, by outcome, category and reason."""

    def __init__(self, project_id: int, sdk: str, now: datetime) -> None:
        self.project_id = project_id
        self.sdk = sdk
        self._now = now
        self.counts: Counter[tuple[Outcome, str, str]] = Counter()
        self.work: list[WorkRun] = []
        self.lines: Counter[tuple[datetime, str, LogLevel]] = Counter()
        self.sessions: list[Sessions] = []
        self.feedback: list[Feedback] = []

    def add(self, outcome: Outcome, category: str, reason: str = "", count: int = 1) -> None:
        """Count items; an unknown category is "other". The count is limited to MAX_COUNT."""
        key = (outcome, category if category in CATEGORIES else OTHER, reason)
        if count > 0 and (key in self.counts or len(self.counts) < _MAX_ENTRIES):
            self.counts[key] = min(MAX_COUNT, self.counts[key] + count)

    def carry(
        self,
        work: Sequence[WorkRun],
        lines: Mapping[tuple[datetime, str, LogLevel], int],
        sessions: Sequence[Sessions],
        feedback: Sequence[Feedback],
    ) -> None:
        """Add what travels with the counts."""
        self.work += work
        for (minute, environment, level), count in lines.items():
            key = (minute, environment, level)
            is_room = key in self.lines or len(self.lines) < _MAX_ENTRIES
            self.lines[key if is_room else (self._now.replace(second=0, microsecond=0), OTHER, level)] += count
        self.sessions += sessions
        self.feedback += feedback

    def build_messages(self) -> list[str]:
        """The messages of this report; none if there is nothing to report. Their ids make a second delivery count once."""
        if not (self.counts or self.work or self.lines or self.sessions or self.feedback):
            return []
        parts = [self.work[start : start + _RUNS_IN_MESSAGE] for start in range(0, len(self.work), _RUNS_IN_MESSAGE)] or [[]]
        return [self._build_message(part, self._list_rest() if index == 0 else {}) for index, part in enumerate(parts)]

    def _list_rest(self) -> dict[str, object]:
        return {
            "counts": [[*key, count] for key, count in self.counts.items()],
            "lines": [[minute.isoformat(), *rest, count] for (minute, *rest), count in self.lines.items()],
            "sessions": [
                [one.environment, one.release, one.sessions, one.errored, one.crashed, one.abnormal] for one in self.sessions
            ],
            "feedback": [
                [one.feedback_id, one.environment, one.event_id, one.at.isoformat(), one.message, one.user_hash]
                for one in self.feedback
            ],
        }

    def _build_message(self, runs: Sequence[WorkRun], rest: Mapping[str, object]) -> str:
        message = {
            "v": 1,
            "kind": "ingest_report",
            "project_id": self.project_id,
            "received_at": self._now.isoformat(),
            "report_id": _identify(runs),
            "sdk": self.sdk,
            "counts": [],
            "work": [
                [run.kind, run.name, run.environment, run.ended_at.isoformat(), run.took_ms, run.has_failed] for run in runs
            ],
            **rest,
        }
        return replace_surrogates(json.dumps(message, ensure_ascii=False, separators=(",", ":")))


def _identify(runs: Sequence[WorkRun]) -> str:
    """The id of what has one, so that it counts once even if the client sends it again; else a new one."""
    if not runs:
        return os.urandom(16).hex()
    return hashlib.sha256("".join(run.identity for run in runs).encode()).hexdigest()[:32]
