"""Writes the draft of a postmortem as Markdown: what the records hold as tables, and sections that people finish."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from callwatch.alerts.incidents.markdown import escape, write_link, write_table
from callwatch.alerts.incidents.serializers import load_incident_detail
from callwatch.alerts.incidents.subjects import find_stages
from callwatch.alerts.rules.metrics import format_duration, format_figure
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.incident_lists import CauseRow, list_causes
from callwatch.db.queries.stage_depths import StageDepth, read_depths_between
from callwatch.models.reason import Reason

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.incident import IncidentParts

_TO_WRITE = "*To be written.*"
# Depths by minute are kept for a week.
_MAX_DEPTHS = timedelta(days=7)
_IMPACT = {
    "calls": "calls that waited at once, at most",
    "agencies": "agencies",
    "users": "users",
    "errors": "errors since it began",
}


@dataclass(frozen=True, slots=True)
class _Draft:
    """What the postmortem is written from. unknown: why a figure of the impact is None."""

    incident: IncidentParts
    unknown: Mapping[str, Reason]
    alerts: Sequence[CauseRow]
    depths: Sequence[StageDepth]
    now: datetime
    zone: ZoneInfo

    def write_time(self, at: datetime | None) -> str:
        """Write a time in the reader's zone."""
        return "" if at is None else f"{at.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"


def load_postmortem(conn: AnyConnection, raw_id: str, now: datetime, timezone: str) -> str:
    """Return the draft for an incident, with times in an IANA zone. Raises NotFound."""
    incident, unknown = load_incident_detail(conn, raw_id, now)
    ids = [int(alert["id"]) for alert in incident["alerts"]]
    found = list_causes(conn, ids)
    stages = find_stages([incident["cause"]["labels"], *(alert["labels"] for alert in incident["alerts"])])
    until = max(incident["resolved_at"] or now, incident["started_at"] + timedelta(minutes=1))
    depths: list[StageDepth] = []
    if stages and until - incident["started_at"] < _MAX_DEPTHS:
        # One step over the whole incident.
        read = read_depths_between(
            conn, incident["started_at"], until, min(until - incident["started_at"], timedelta(minutes=59))
        )
        depths = [row for row in read if row["stage"] in stages]
    alerts = [found[alert_id] for alert_id in ids if alert_id in found]
    return render_postmortem(_Draft(incident, unknown, alerts, depths, now, ZoneInfo(timezone)))


def render_postmortem(draft: _Draft) -> str:
    """Render the whole document."""
    incident = draft.incident
    parts = [
        f"# Postmortem: {escape(incident['title'])}",
        f"> {escape(incident['sentence'])}",
        f"A draft of Callwatch, written {draft.write_time(draft.now)}. Times are in {draft.zone.key}.",
        "## Summary",
        write_table(("", ""), _list_summary(draft)),
        f"Runbook: {write_link(incident['runbook_url'])}",
        _TO_WRITE,
        "## Impact",
        write_table(("what", "figure"), _list_impact(draft)),
        _TO_WRITE,
        "## Timeline",
        write_table(("time", "what", "by", "details"), _list_timeline(draft)),
        "## Changes in the hour before",
        _write_changes(draft),
        "## Figures",
        write_table(("alert", "level", "began", "ended", "measured", "fires when"), _list_figures(draft)),
        *_write_depths(draft),
        "## What was tried",
        _write_notes(draft),
        *(f"## {title}\n\n{_TO_WRITE}" for title in ("Root cause", "What went well", "What went badly")),
        "## Actions",
        write_table(("action", "who", "until"), [("", "", "")]),
    ]
    return "\n\n".join(parts) + "\n"


def _list_summary(draft: _Draft) -> list[tuple[str, str]]:
    incident = draft.incident
    ended = incident["resolved_at"]
    lasted = format_duration(((ended or draft.now) - incident["started_at"]).total_seconds())
    count, firing = incident["alert_count"], incident["firing_count"]
    return [
        ("state", incident["state"]),
        ("level", incident["level"]),
        ("began", draft.write_time(incident["started_at"])),
        ("ended", draft.write_time(ended) or "not yet"),
        ("lasted", lasted if ended else f"{lasted} so far"),
        ("cause", f"{incident['cause']['title']}: {incident['cause']['message']}"),
        ("alerts", f"{count}" + (f", of which {firing} fire" if firing else "")),
        ("owner", incident["owner"] or "nobody"),
    ]


def _list_impact(draft: _Draft) -> list[tuple[str, str]]:
    known: Mapping[str, int | None] = {
        "calls": draft.incident["impact"]["calls"],
        "agencies": draft.incident["impact"]["agencies"],
        "users": draft.incident["impact"]["users"],
        "errors": draft.incident["impact"]["errors"],
    }
    found = []
    for name, text in _IMPACT.items():
        value, why = known[name], draft.unknown.get(f"impact.{name}")
        found.append((text, f"{value:,}" if value is not None else f"unknown: {why.message if why else 'not measured'}"))
    return found


def _list_timeline(draft: _Draft) -> Iterable[tuple[str, str, str, str]]:
    for entry in draft.incident["timeline"]:
        yield draft.write_time(entry["at"]), entry["kind"], entry["actor"], entry["details"]


def _write_changes(draft: _Draft) -> str:
    rows = [(draft.write_time(change["at"]), change["title"]) for change in reversed(draft.incident["changes"])]
    return write_table(("time", "change"), rows) if rows else "None is recorded."


def _list_figures(draft: _Draft) -> Iterable[tuple[str, ...]]:
    for row in draft.alerts:
        threshold = "" if row["threshold"] is None else format_figure(row["threshold"], row["unit"])
        yield (
            row["title"],
            row["level"],
            draft.write_time(row["started_at"]),
            draft.write_time(row["resolved_at"]) or "not yet",
            format_figure(row["value"], row["unit"]),
            f"{row['comparison'] or ''} {threshold}".strip(),
        )


def _write_depths(draft: _Draft) -> list[str]:
    peaks: dict[tuple[str, str], float] = {}
    for row in draft.depths:
        key = (row["stage"], row["figure"])
        peaks[key] = max(peaks.get(key, 0.0), row["peak"])
    rows = [(stage, figure, f"{peak:,.0f}") for (stage, figure), peak in sorted(peaks.items()) if figure == "pending"]
    return [write_table(("stage", "figure", "at most"), rows)] if rows else []


def _write_notes(draft: _Draft) -> str:
    notes = [
        f"- {draft.write_time(note['at'])}, {escape(note['actor'])}: {escape(note['note'])}"
        for note in reversed(draft.incident["notes"])
    ]
    return "\n".join([*notes, "", _TO_WRITE]) if notes else f"Nothing was noted.\n\n{_TO_WRITE}"
