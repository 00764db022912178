"""The one shape of an alert from elsewhere, and the message that carries it to the digest."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from callwatch.exceptions import Rejected
from callwatch.ingest.routes import clean_text
from callwatch.sqs import MESSAGE_BYTES
from callwatch.times import parse_time

Row = dict[str, Any]
MAX_SUMMARY_CHARS = 500
# The evaluation keeps 10 labels of an alert, in 1,000 bytes.
_MAX_LABELS, _MAX_LABEL_BYTES = 9, 800
_MAX_NAME_CHARS, _MAX_VALUE_CHARS = 40, 100
# More are not even read.
_MAX_READ = 60
_ROWS_BYTES = MESSAGE_BYTES // 2
_LABEL_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
# What other monitors call the four levels.
_LEVELS: Mapping[str, str] = {
    "critical": "critical", "page": "critical", "fatal": "critical", "emergency": "critical", "p1": "critical",
    "error": "error", "major": "error", "high": "error", "p2": "error",
    "warning": "warning", "warn": "warning", "minor": "warning", "medium": "warning", "p3": "warning",
    "info": "info", "informational": "info", "low": "info", "none": "info", "debug": "info", "p4": "info", "p5": "info",
}  # fmt: skip
_OLDEST_YEAR = 2000


def build_alert(
    source: str,
    name: Any,
    labels: Any,
    *,
    is_firing: bool,
    identity: str | None,
    summary: Any,
    starts_at: datetime | None,
    changed_at: datetime,
    expires_at: datetime | None = None,
) -> Row:
    """The row of one alert. identity: what its source tells it from others by; its labels, if there is none.

    Raises Rejected if it has no name.
    """
    title = clean_text(name, _MAX_VALUE_CHARS) if isinstance(name, str) else None
    if not title:
        raise Rejected("labels.alertname", "is required and must be a text")
    given = labels if isinstance(labels, dict) else {}
    whole = json.dumps(given, sort_keys=True, default=str)
    fingerprint = hashlib.sha256(f"{source}\n{identity or whole}".encode("utf-8", "replace")).hexdigest()[:32]
    kept, is_cut = _clean_labels({label: value for label, value in given.items() if label != "alertname"})
    shown = {"source": source, "alertname": title, **kept}
    return {
        "source": source,
        "fingerprint": fingerprint,
        "is_firing": is_firing,
        "level": find_level(given.get("severity") or given.get("level")),
        "name": title,
        # Alerts that differ in what is left out stay apart.
        "labels": {**shown, "fingerprint": fingerprint[:12]} if is_cut else shown,
        "summary": clean_text(summary, MAX_SUMMARY_CHARS) if isinstance(summary, str) else None,
        "starts_at": (min(starts_at, changed_at) if starts_at else changed_at).isoformat(),
        "changed_at": changed_at.isoformat(),
        "expires_at": expires_at.isoformat() if expires_at else None,
    }


def build_alert_messages(rows: Sequence[Row], project_id: int, now: datetime) -> Iterator[str]:
    """The queue messages that carry accepted alerts, with as many in each as fit."""
    head = {"v": 1, "kind": "external_alerts", "project_id": project_id, "received_at": now.isoformat()}
    part: list[Row] = []
    size = 0
    for row in rows:
        length = len(json.dumps(row))
        if part and size + length >= _ROWS_BYTES:
            yield json.dumps({**head, "alerts": part}, separators=(",", ":"))
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield json.dumps({**head, "alerts": part}, separators=(",", ":"))


def find_level(severity: Any) -> str:
    """The level of a severity; error, for one that is not known, since its sender thought it worth an alert."""
    return _LEVELS.get(severity.strip().lower(), "error") if isinstance(severity, str) else "error"


def read_time(value: Any) -> datetime | None:
    """A time; None for none, and for the year 1, by which programs in Go mean none."""
    if not isinstance(value, str) or len(value) > 60:
        return None
    try:
        found = parse_time(value)
    except ValueError:
        return None
    return found if found.year >= _OLDEST_YEAR else None


def _clean_labels(given: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    """The labels that fit, by name, and whether any was left out or changed."""
    found: dict[str, str] = {}
    is_cut = len(given) > _MAX_READ
    size = 0
    for name, value in sorted(given.items())[:_MAX_READ]:
        text = value if isinstance(value, str) else str(value)
        clean_name = _LABEL_NAME.sub("_", name)[:_MAX_NAME_CHARS]
        clean_value = clean_text(text, _MAX_VALUE_CHARS) or ""
        length = len(clean_name) + len(clean_value.encode())
        if len(found) >= _MAX_LABELS - 2 or size + length > _MAX_LABEL_BYTES or clean_name in found:
            is_cut = True
            continue
        is_cut = is_cut or clean_name != name or clean_value != text
        size += length
        found[clean_name] = clean_value
    return found, is_cut
