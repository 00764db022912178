"""Counts what became of what clients send: of stored errors and requests, and of the reports of ingest."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from callwatch.db import with_transaction
from callwatch.db.core.connect import AnyConnection
from callwatch.db.ingest_queries.ingest_counts import (
    CountKey,
    Counts,
    add_ingest_counts,
    find_hour,
    insert_ingest_reports,
)
from callwatch.db.queries.refused_requests import RefusalReport, insert_reports
from callwatch.digest.message_parser import Occurrence, read_time_field
from callwatch.digest.telemetry import MAX_COUNT, read_telemetry, store_telemetry
from callwatch.models.ingest_outcome import CATEGORIES, OTHER, OUTCOMES, UNKNOWN_SDK, is_sdk_name
from callwatch.models.refusal import REFUSALS

_MAX_REASON_CHARS = 40
Message = dict[str, Any]


def count_occurrences(fresh: Iterable[Occurrence]) -> Counts:
    """The counts of stored errors: each is accepted, and some were cut."""
    counts: Counts = Counter()
    for occurrence in fresh:
        place = (find_hour(occurrence.received_at), occurrence.key[1], read_sdk(occurrence.head), "error")
        counts[CountKey(*place, "accepted", "")] += 1
        if occurrence.head.get("cut") is True:
            counts[CountKey(*place, "cut", "")] += 1
    return counts


def read_sdk(message: Message) -> str:
    """The SDK that a message or a summary names."""
    sdk = message.get("sdk")
    return str(sdk) if is_sdk_name(sdk) else UNKNOWN_SDK


def store_reports(messages: Sequence[tuple[str, Message]], now: datetime) -> tuple[int, int]:
    """Count what the messages report, each message once; returns how many were new, and how many were not."""
    reports = {_read_id(message): (_read_received(message, now), message) for _body, message in messages}
    counts = {report_id: _read_counts(message, at) for report_id, (at, message) in reports.items()}
    telemetry = {report_id: read_telemetry(message, at) for report_id, (at, message) in reports.items()}

    def run(conn: AnyConnection) -> int:
        new = insert_ingest_reports(conn, {report_id: at for report_id, (at, _message) in reports.items()})
        total: Counts = Counter()
        for report_id in new:
            total.update(counts[report_id])
        store_telemetry(conn, [telemetry[report_id] for report_id in sorted(new)])
        add_ingest_counts(conn, total)
        return len(new)

    stored = with_transaction(run, is_idempotent=True)
    return stored, len(messages) - stored


def _read_id(message: Message) -> str:
    report_id = message["report_id"]
    if not isinstance(report_id, str) or len(report_id) != 32 or not set(report_id) <= set("0123456789abcdef"):
        raise ValueError("report_id must be 32 hex digits")
    return report_id


def _read_received(message: Message, now: datetime) -> datetime:
    return min(read_time_field(message["received_at"]), now)


def _read_counts(message: Message, at: datetime) -> Counts:
    counts: Counts = Counter()
    sdk = read_sdk(message)
    for outcome, category, reason, count in message["counts"]:
        if not isinstance(count, int) or isinstance(count, bool) or not 0 < count <= MAX_COUNT:
            raise ValueError("counts must be positive whole numbers")
        if outcome not in OUTCOMES or not isinstance(reason, str):
            raise ValueError("an outcome or reason is not known")
        known = category if isinstance(category, str) and category in CATEGORIES else OTHER
        counts[CountKey(find_hour(at), message["project_id"], sdk, known, outcome, reason[:_MAX_REASON_CHARS])] += count
    return counts


def store_refusals(messages: Sequence[tuple[str, Message]], now: datetime) -> tuple[int, int]:
    """Store reports of refused requests, each once; returns how many counts were new, and how many were not."""
    reports = [_parse_refusal_report(message, now) for _body, message in messages]
    stored = with_transaction(lambda conn: insert_reports(conn, reports), is_idempotent=True)
    return stored, sum(len(report.counts) for report in reports) - stored


def _parse_refusal_report(message: Message, now: datetime) -> RefusalReport:
    counts = {reason: message["counts"][reason] for reason in REFUSALS if reason in message["counts"]}
    if not all(isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in counts.values()):
        raise ValueError("counts must be positive whole numbers")
    return RefusalReport(message["report_id"], min(read_time_field(message["received_at"]), now), counts)
