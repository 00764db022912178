"""What people do to incidents: take, release, note, resolve; each action records the actor, the time and the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from callwatch.alerts.actions import is_text, notify_acknowledged, wait_for_evaluation
from callwatch.alerts.incidents.end_alerts import end_alerts
from callwatch.alerts.incidents.serializers import find_incident, load_incident_detail
from callwatch.alerts.incidents.update import write_end
from callwatch.alerts.rule_state import load_instance
from callwatch.alerts.rules_in_force import list_rules_in_force
from callwatch.db.alert_queries.alerts import get_group_id, list_firing_rows
from callwatch.db.alert_queries.rule_states import list_states_of_alerts
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.alert_batches import acknowledge_alerts, end_acknowledgements
from callwatch.db.incident_queries.escalations import resume_steps
from callwatch.db.incident_queries.incident_lists import list_causes
from callwatch.db.incident_queries.incident_timeline import NOTE, add_entries, count_notes
from callwatch.db.incident_queries.incidents import IncidentRow, own_incident, update_incidents
from callwatch.exceptions import Conflict, Invalid, NotFound
from callwatch.models.constraints import find_max_chars
from callwatch.models.incident import IncidentVerb
from callwatch.models.reason import Reason
from callwatch.models.shapes.actions import IncidentAction
from callwatch.scrubbing.scrubber import scrub_text
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.incident import IncidentParts

_MAX_CHARS = find_max_chars(IncidentAction)
_MAX_NOTES = 500
# What the timeline says of somebody who says nothing.
_TAKEN = "took the incident"
# The channels are notified of so many acknowledged alerts or groups of alerts; those of a storm are one group.
_MAX_NOTIFIED = 20


@dataclass(frozen=True, slots=True)
class _Action:
    """One action of a person; said: the reason, or the note."""

    conn: AnyConnection
    incident: IncidentRow
    actor: str
    said: str
    settings: Settings
    now: datetime

    def record(self, kind: str) -> None:
        """Record it in the timeline."""
        entry = {"incident_id": self.incident["id"], "at": self.now, "kind": kind, "actor": self.actor, "details": self.said}
        add_entries(self.conn, [entry])  # type: ignore[list-item]


def act_on_incident(
    conn: AnyConnection, raw_id: str, verb: str, given: Any, actor: str, settings: Settings, now: datetime
) -> tuple[IncidentParts, dict[str, Reason]]:
    """Take, release, note or resolve an incident; returns it as `load_incident_detail` does. The caller commits.

    Raises NotFound, Conflict, Invalid, Unavailable.
    """
    act = _VERBS.get(verb)
    if act is None:
        raise NotFound(f"the action must be one of {', '.join(get_args(IncidentVerb))}")
    said = _read_said(act, given)
    if act is not _note:
        wait_for_evaluation(conn)
    incident = find_incident(conn, raw_id)
    act(_Action(conn, incident, actor, said, settings, now))
    return load_incident_detail(conn, raw_id, now)


def _read_said(act: Callable[[_Action], None], given: Any) -> str:
    """The reason or the note, whichever is given; taking an incident needs neither. Raises Invalid."""
    fields = given if isinstance(given, dict) else {}
    own, other = ("note", "reason") if act is _note else ("reason", "note")
    name = other if own not in fields and other in fields else own
    if act is _take and name not in fields and isinstance(given, dict):
        return _TAKEN
    said = fields.get(name)
    if not is_text(said, _MAX_CHARS[name]) or not said.strip():
        raise Invalid(name, f"must be a text of 1 to {_MAX_CHARS[name]:,} characters, more than blanks")
    return scrub_text(said.strip())


def _require_open(incident: IncidentRow) -> None:
    if incident["merged_into"] is not None:
        raise Conflict(f"it is a part of incident {incident['merged_into']}; act on that one", code="merged")
    if incident["state"] != "open":
        raise Conflict("only an open incident can be taken, released or resolved; this one is resolved", code="not_open")


def take_incidents(
    conn: AnyConnection, incidents: Sequence[IncidentRow], actor: str, said: str, settings: Settings, now: datetime
) -> None:
    """Take open incidents at once; their channels are notified once for each group of alerts. The caller commits.

    The caller keeps evaluations out (`wait_for_evaluation`). Raises Conflict.
    """
    actions = [_Action(conn, incident, actor, said, settings, now) for incident in incidents]
    acknowledged = [alert_id for action in actions for alert_id in _own(action)]
    if actions:
        _notify(actions[0], acknowledged)


def release_incidents(
    conn: AnyConnection, incidents: Sequence[IncidentRow], actor: str, said: str, settings: Settings, now: datetime
) -> None:
    """Release incidents that somebody owns. The caller commits, and keeps evaluations out. Raises Conflict."""
    for incident in incidents:
        _release(_Action(conn, incident, actor, said, settings, now))


def note_incidents(
    conn: AnyConnection, incidents: Sequence[IncidentRow], actor: str, said: str, settings: Settings, now: datetime
) -> int:
    """Add a note to each incident that has room for one; returns to how many. The caller commits."""
    found = [each for each in incidents if count_notes(conn, each["id"]) < _MAX_NOTES]
    for incident in found:
        _Action(conn, incident, actor, said, settings, now).record(NOTE)
    return len(found)


def _take(action: _Action) -> None:
    """Become the owner: its alerts are acknowledged, so they send no reminders."""
    _notify(action, _own(action))


def _own(action: _Action) -> list[int]:
    """Become the owner; returns the alerts that are acknowledged by it."""
    conn, incident, actor = action.conn, action.incident, action.actor
    _require_open(incident)
    if incident["owner"] != actor:
        own_incident(conn, incident["id"], actor, action.now)
        action.record("taken")
    ids = [row["id"] for row in list_firing_rows(conn, incident["id"])]
    return acknowledge_alerts(conn, ids, actor, action.now, action.said)


def _notify(action: _Action, alert_ids: list[int]) -> None:
    """Notify the channels that were notified of the alerts, once for each alert or group."""
    if not alert_ids:
        return
    notified: set[int] = set()
    rules = {rule.id: rule for rule in list_rules_in_force(action.conn, action.settings)}
    for row in list_states_of_alerts(action.conn, alert_ids):
        instance, alert_id = load_instance(row), row["alert_id"]
        rule = rules.get(row["rule_id"])
        if alert_id is None or rule is None or not instance.is_notified:
            continue
        subject = get_group_id(action.conn, [alert_id]) or alert_id
        if subject not in notified and len(notified) < _MAX_NOTIFIED:
            notified.add(subject)
            notify_acknowledged(action.conn, alert_id, rule, instance, action.actor, action.said, action.settings, action.now)


def _release(action: _Action) -> None:
    """Leave it to others: what its owner acknowledged reminds again."""
    incident, owner = action.incident, action.incident["owner"]
    _require_open(incident)
    if owner is None:
        raise Conflict("nobody has taken this incident", code="not_taken")
    own_incident(action.conn, incident["id"], None, action.now)
    if incident["owned_at"] is not None:
        resume_steps(action.conn, incident["id"], incident["owned_at"], action.now)
    end_acknowledgements(action.conn, incident["id"], owner, action.actor, action.now, action.said)
    action.record("released")


def _note(action: _Action) -> None:
    if count_notes(action.conn, action.incident["id"]) >= _MAX_NOTES:
        raise Conflict(f"an incident holds at most {_MAX_NOTES} notes", code="too_many_notes")
    action.record(NOTE)


def _resolve(action: _Action) -> None:
    """End it with all its alerts. What is still wrong fires again with the next evaluation, as another incident."""
    conn, incident, now = action.conn, action.incident, action.now
    _require_open(incident)
    end_alerts(conn, list_firing_rows(conn, incident["id"]), action.actor, action.said, now)
    cause = list_causes(conn, [incident["cause_alert_id"]])[incident["cause_alert_id"]]
    resolved_at = max(now, incident["started_at"])
    sentence = write_end(incident, cause, resolved_at, now, action.settings.timezone)
    ended: IncidentRow = {**incident, "state": "resolved", "resolved_at": resolved_at, "sentence": sentence}
    update_incidents(conn, [ended])
    action.record("resolved")


_VERBS: Mapping[str, Callable[[_Action], None]] = {"take": _take, "release": _release, "note": _note, "resolve": _resolve}
