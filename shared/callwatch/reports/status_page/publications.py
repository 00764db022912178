"""What people publish of an incident: the draft that the incident proposes, and the words that they choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from callwatch.alerts.actions import is_text
from callwatch.alerts.incidents.serializers import find_incident
from callwatch.alerts.incidents.subjects import find_stages
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.incident_lists import list_causes, list_members
from callwatch.db.incident_queries.incident_timeline import add_entries
from callwatch.db.incident_queries.incidents import IncidentRow
from callwatch.db.incident_queries.publications import (
    MAX_UPDATES,
    PublicationRow,
    UpdateRow,
    Words,
    add_update,
    count_updates,
    get_publication,
    list_updates,
)
from callwatch.exceptions import Conflict, Invalid
from callwatch.models.alert import Level
from callwatch.models.constraints import find_max_chars
from callwatch.models.public_status import PublicationState, PublicImpact
from callwatch.models.reason import Reason
from callwatch.models.shapes.incidents.publication import NewPublication
from callwatch.reports.missing_values import Unknown
from callwatch.reports.status_page.statuspage_api import find_page_url
from callwatch.reports.status_page.subscriber_messages import queue_messages
from callwatch.scrubbing.scrubber import scrub_text
from callwatch.settings import Settings
from callwatch.settings.status_page import StatusPage

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import Publication, PublicationDraft, PublicIncident

Word = TypeVar("Word", bound=str)

_MAX_CHARS = find_max_chars(NewPublication)
_IMPACTS: dict[Level, PublicImpact] = {"critical": "critical", "error": "major", "warning": "minor", "info": "none"}
_DRAFT = (
    "We are investigating a problem with {names} that began at {at:%H:%M} UTC. Some results may be late. We will post the next"
    " update when we know more."
)
_PRODUCT = "our service"
_NOT_PUBLISHED = Reason("none", "nobody has published this incident")


@dataclass(frozen=True, slots=True)
class _Subject:
    """An incident and what it is about."""

    incident: IncidentRow
    components: list[str]
    names: list[str]


def load_publication(conn: AnyConnection, raw_id: str, settings: Settings) -> Publication:
    """Return the draft for an incident, and what is published of it. Raises NotFound."""
    subject = _load_subject(conn, raw_id, settings.status_page_file)
    row, unknown = get_publication(conn, subject.incident["id"]), Unknown()
    published = show_publications([row], list_updates(conn, [row["id"]]))[0] if row else None
    return {
        "draft": _write_draft(subject),
        "published": unknown.say("published", published, _NOT_PUBLISHED),
        "is_page_on": settings.status_page_file is not None,
        "unknown": unknown.reasons,
    }


def publish(conn: AnyConnection, raw_id: str, given: Any, actor: str, settings: Settings, now: datetime) -> Publication:
    """Publish an incident, or an update to it, and queue the messages to its subscribers. The caller commits.

    Raises NotFound, Conflict, Invalid.
    """
    page = settings.status_page_file
    subject = _load_subject(conn, raw_id, page)
    if page is None:
        raise Conflict("the public status page is off: set STATUS_PAGE_FILE", code="status_page_off")
    incident_id = subject.incident["id"]
    if subject.incident["merged_into"] is not None:
        raise Conflict(f"it is a part of incident {subject.incident['merged_into']}; publish that one", code="merged")
    if count_updates(conn, incident_id) >= MAX_UPDATES:
        raise Conflict(f"a published incident holds at most {MAX_UPDATES} updates", code="too_many_updates")
    previous = get_publication(conn, incident_id)
    words = _read_words(given if isinstance(given, dict) else {}, subject, previous, page)
    at = max(now, subject.incident["started_at"])
    add_update(conn, incident_id, words, at, actor)
    said = f"{words['status']}: {words['body'][:300]}"
    add_entries(conn, [{"incident_id": incident_id, "at": now, "kind": "published", "actor": actor, "details": said}])
    shown = load_publication(conn, raw_id, settings)
    assert shown["published"] is not None
    # A component that is no longer concerned is news for its subscribers.
    concerned = {*words["components"], *(previous["components"] if previous else ())}
    queue_messages(conn, incident_id, shown["published"], concerned, page, find_page_url(settings), now)
    return shown


def show_publications(rows: Sequence[PublicationRow], updates: dict[int, list[UpdateRow]]) -> list[PublicIncident]:
    """Publications as the page shows them: without the names of people."""
    return [
        {
            "id": str(row["id"]),
            "title": row["title"],
            "status": row["status"],
            "impact": row["impact"],
            "components": row["components"],
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
            "resolved_at": row["resolved_at"],
            "updates": [
                {"id": str(each["id"]), "status": each["status"], "body": each["body"], "at": each["at"]}
                for each in updates.get(row["id"], [])
            ],
        }
        for row in rows
    ]


def _load_subject(conn: AnyConnection, raw_id: str, page: StatusPage | None) -> _Subject:
    incident = find_incident(conn, raw_id)
    cause = list_causes(conn, [incident["cause_alert_id"]])[incident["cause_alert_id"]]
    labels = [cause["labels"], *(alert["labels"] for alert in list_members(conn, [incident["id"]], 100))]
    stages, services = find_stages(labels), {each["service"] for each in labels if each.get("service")}
    concerned = [
        component
        for component in (page.components if page else ())
        if stages.intersection(component.stages) or services.intersection(component.services)
    ]
    return _Subject(incident, [each.id for each in concerned], [each.name for each in concerned])


def _write_draft(subject: _Subject) -> PublicationDraft:
    """Propose words that name no vendor, figure or cause: those are for the person to add."""
    names = " and ".join(subject.names[:3]) or _PRODUCT
    return {
        "title": f"Problems with {names}",
        "body": _DRAFT.format(names=names, at=subject.incident["started_at"]),
        "impact": _IMPACTS[subject.incident["level"]],
        "components": subject.components,
    }


def _read_words(given: dict[str, Any], subject: _Subject, published: PublicationRow | None, page: StatusPage) -> Words:
    """What a person publishes; a field that is left out stays as it was published. Raises Invalid."""
    status = _read_word("status", given.get("status"), get_args(PublicationState))
    body = _read_text("body", given.get("body"))
    title = published["title"] if published and "title" not in given else _read_text("title", given.get("title"))
    impact = published["impact"] if published else _IMPACTS[subject.incident["level"]]
    if "impact" in given:
        impact = _read_word("impact", given["impact"], get_args(PublicImpact))
    components = published["components"] if published else subject.components
    if "components" in given:
        components = _read_components(given["components"], page)
    return {"title": title, "impact": impact, "components": components, "status": status, "body": body}


def _read_word(name: str, given: Any, words: Iterable[Word]) -> Word:
    found = next((word for word in words if word == given), None)
    if found is None:
        raise Invalid(name, f"must be one of {', '.join(words)}")
    return found


def _read_text(name: str, given: Any) -> str:
    if not is_text(given, _MAX_CHARS[name]) or not given.strip():
        raise Invalid(name, f"must be a text of 1 to {_MAX_CHARS[name]:,} characters, more than blanks")
    return scrub_text(given.strip())


def _read_components(given: Any, page: StatusPage) -> list[str]:
    known = [component.id for component in page.components]
    if not isinstance(given, list) or any(each not in known for each in given):
        raise Invalid("components", f"must be a list of ids of the page's components: {', '.join(known)}")
    return [each for each in known if each in given]
