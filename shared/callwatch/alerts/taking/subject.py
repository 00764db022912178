"""What somebody takes charge of from a message: the open incidents of its alerts, and firing alerts that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from callwatch.alerts.actions import acknowledge
from callwatch.alerts.incidents.actions import note_incidents, release_incidents, take_incidents
from callwatch.alerts.serializers import find_alert
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.incidents import IncidentRow, list_open_incidents
from callwatch.db.incident_queries.message_subjects import SubjectRow, list_alerts_of_message
from callwatch.exceptions import Conflict, NotFound
from callwatch.settings import Settings


class Part(NamedTuple):
    """One incident or alert as people read it."""

    title: str
    level: str
    words: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about, as far as it is still open."""

    incidents: Sequence[IncidentRow]
    alerts: Sequence[SubjectRow]

    def list_parts(self) -> list[Part]:
        """List what would be taken."""
        of_incidents = [Part(each["title"], each["level"], each["sentence"], each["owner"]) for each in self.incidents]
        of_alerts = [Part(each["title"], each["level"], each["message"], each["acknowledged_by"]) for each in self.alerts]
        return of_incidents + of_alerts


def find_subject(conn: AnyConnection, raw_id: str, message_id: str | None = None) -> Subject:
    """Find what is still open of a message, by the alert that it was sent under. Raises NotFound, Conflict.

    The incidents are those that its alerts belong to now: one that was merged since is taken as a part of the other.
    """
    rows = list_alerts_of_message(conn, find_alert(conn, raw_id), message_id)
    if not rows:
        raise NotFound("no alert has this id")
    incidents = list_open_incidents(conn, sorted({row["incident_id"] for row in rows if row["incident_id"] is not None}))
    alone = [row for row in rows if row["incident_id"] is None and row["state"] == "firing"]
    if not incidents and not alone:
        raise Conflict("This alert is resolved.", code="not_firing")
    return Subject(incidents, alone)


def take_subject(conn: AnyConnection, subject: Subject, actor: str, reason: str, settings: Settings, now: datetime) -> None:
    """Take all of it, as POST /api/incidents/{id}/take does. Evaluations are kept out, the caller commits."""
    take_incidents(conn, subject.incidents, actor, reason, settings, now)
    for row in subject.alerts:
        acknowledge(conn, str(row["id"]), {"reason": reason}, actor, settings, now)


def release_subject(
    conn: AnyConnection, subject: Subject, place: str, actor: str, reason: str, settings: Settings, now: datetime
) -> int:
    """Release what was taken in the same place; returns how many incidents. Evaluations are kept out, the caller commits.

    Who took it elsewhere keeps it: a pager releases by itself when its time is up.
    """
    own = [incident for incident in subject.incidents if (incident["owner"] or "").endswith(f" in {place}")]
    release_incidents(conn, own, actor, reason, settings, now)
    return len(own)


def note_subject(conn: AnyConnection, subject: Subject, actor: str, said: str, settings: Settings, now: datetime) -> bool:
    """Add a note to its incidents; False if none took it. The caller commits."""
    return note_incidents(conn, subject.incidents, actor, said, settings, now) > 0
