"""Lines of Lambda's log groups, as a subscription of CloudWatch Logs delivers them, and the crashes among them."""

import base64
import binascii
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from callwatch.exceptions import Unreadable
from callwatch.ingest.crashes.crash import Crash, Kind, find_duration_ms, find_kind, find_request_id, read_time

# CloudWatch Logs sends at most 6 MB; a line has at most 1 MB.
MAX_BYTES = 32 * 1024 * 1024
_GZIP = 31
_MESSAGE_CHARS = 500
# Our own functions: a crash of them must not become an event that they process.
_OWN_GROUPS = "/callwatch/"
_LAMBDA = "/aws/lambda/"
_KINDS: Mapping[str, Kind] = {
    "Runtime.ExitError": "exit",
    "Runtime.OutOfMemory": "memory",
    "Sandbox.Timedout": "timeout",
    "Extension.Crash": "exit",
    "Extension.ExitError": "exit",
}


def read_subscription(event: Mapping[str, Any]) -> dict[str, Any]:
    """The lines in the event of a subscription. Raises Unreadable for anything else."""
    try:
        packed = base64.b64decode(event["awslogs"]["data"], validate=True)
        unpacker = zlib.decompressobj(_GZIP)
        text = unpacker.decompress(packed, MAX_BYTES)
        found = json.loads(text) if not unpacker.unconsumed_tail else None
    except (KeyError, TypeError, ValueError, binascii.Error, zlib.error, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unreadable("awslogs.data must be base64 of gzip of a JSON object")
    return found


def list_crashes(given: Mapping[str, Any]) -> Iterator[Crash]:
    """The crashes among the lines; none in a control message and in the log groups of Callwatch.

    Node.js tells that its heap is full without naming the request; the line with which Lambda tells the exit follows, and
    both are one crash.
    """
    group, lines = given.get("logGroup"), given.get("logEvents")
    if given.get("messageType") != "DATA_MESSAGE" or not isinstance(group, str) or not isinstance(lines, list):
        return
    if group.startswith(_OWN_GROUPS):
        return
    texts = (line for line in lines if isinstance(line, dict) and isinstance(line.get("message"), str))
    full_heap: Crash | None = None
    for crash in filter(None, (_read_line(line, group, given) for line in texts)):
        if crash.kind == "memory" and crash.request_id is None:
            full_heap = full_heap or crash
        elif crash.kind == "exit" and full_heap is not None:
            yield replace(crash, kind="memory", message=full_heap.message)
            full_heap = None
        else:
            yield crash
    if full_heap is not None:
        yield full_heap


def _read_line(line: Mapping[str, Any], group: str, given: Mapping[str, Any]) -> Crash | None:
    text: str = line["message"]
    report = _read_report(text)
    kind = _find_kind_of_report(report) if report else find_kind(text)
    if kind is None:
        return None
    metrics = report.get("metrics")
    duration = metrics.get("durationMs") if isinstance(metrics, dict) else None
    request_id = report.get("requestId")
    return Crash(
        platform="lambda",
        kind=kind,
        function=group.removeprefix(_LAMBDA)[:200],
        message=_describe(report) if report else text.strip()[:_MESSAGE_CHARS],
        occurred_at=read_time(line.get("timestamp")),
        log_id=f"{group} {line.get('id')}",
        request_id=request_id if isinstance(request_id, str) and request_id else find_request_id(text),
        duration_ms=float(duration) if isinstance(duration, int | float) else find_duration_ms(text),
        context={"log_group": group, "log_stream": given.get("logStream"), "account": given.get("owner")},
    )


def _read_report(text: str) -> dict[str, Any]:
    """The record of a platform.report, with which Lambda ends each request where logs are JSON; empty for another line."""
    if not text.startswith("{") or '"platform.report"' not in text[:10_000]:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    record = found.get("record") if isinstance(found, dict) and found.get("type") == "platform.report" else None
    return record if isinstance(record, dict) else {}


def _find_kind_of_report(report: Mapping[str, Any]) -> Kind | None:
    if report.get("status") == "timeout":
        return "timeout"
    return _KINDS.get(str(report.get("errorType")))


def _describe(report: Mapping[str, Any]) -> str:
    metrics = report.get("metrics")
    duration = metrics.get("durationMs") if isinstance(metrics, dict) else None
    seconds = f" after {duration / 1000:.2f} seconds" if isinstance(duration, int | float) else ""
    if report.get("status") == "timeout":
        return f"Task timed out{seconds}"
    return f"{report.get('errorType')}{seconds}"
