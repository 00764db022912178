"""A notification as data: the evaluation builds it, the outbox stores it, the channels render it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal, TypedDict

from callwatch.models.alert import rank_level
from callwatch.models.shapes.alerting.webhook import IncidentPart
from callwatch.times import format_time

Kind = Literal["alert.firing", "alert.resolved", "alert.acknowledged", "alert.test"]
# Why a firing alert is sent: it began, it still fires, it flaps, its level rose, nobody took it, its group changed; or a digest.
Occasion = Literal["first", "reminder", "flapping", "raised", "escalated", "update", "digest"]
_VERSION = 2
# How an alert ended that did not recover; a person's word counts as recovery.
_ENDS: Mapping[str, str] = {
    "no_longer_reported": "No longer reported",
    "no_longer_watched": "No longer watched",
    "rule_disabled": "Rule disabled",
    "rule_removed": "Rule removed",
}
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Member:
    """One alert of a group; is_over: it ended. end: how, if it did not recover."""

    alert_id: str
    rule_id: str
    title: str
    level: str
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)
    is_over: bool = False
    runbook_url: str = ""
    end: str | None = None


class GroupText(TypedDict):
    """What a notification of a group says of all of them."""

    title: str
    level: str
    summary: str


@dataclass(frozen=True, slots=True)
class Notification:
    """The content of one notification, about one alert or a group.

    summary: one line: what is wrong, with figures. value, unit, comparison, threshold: of one condition.
    notes: further lines, such as recent changes. cause: title of the alert that this one may follow from. actor, reason:
    of a person's action. take_url: the link by which a reader takes charge, made for each message (take_link.py). members: the
    alerts of a group, the worst first; count, count_over: how many there are, and how many are resolved. group_id: the id that
    the group of this alert is notified under. incident: what it is part of, as incidents/attach.py writes it. is_verbatim:
    summary and notes hold the whole text, as in notifications of version 1. end: how an alert ended that did not recover; of a
    group, one of its members.
    """

    kind: Kind
    at: datetime
    alert_id: str
    rule_id: str
    title: str
    level: str
    summary: str
    since: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    unit: str | None = None
    comparison: str | None = None
    threshold: float | None = None
    occasion: Occasion = "first"
    notes: tuple[str, ...] = ()
    cause: str | None = None
    actor: str | None = None
    reason: str | None = None
    dashboard_url: str = ""
    runbook_url: str = ""
    take_url: str = ""
    members: tuple[Member, ...] = ()
    count: int = 1
    count_over: int = 0
    group_id: str | None = None
    incident: IncidentPart | None = None
    is_verbatim: bool = False
    end: str | None = None

    @property
    def look(self) -> str:
        """Its kind for signs and colors; an alert that did not recover does not look as if it did."""
        return "alert.ended" if self.kind == "alert.resolved" and self.end is not None else self.kind

    @property
    def service(self) -> str | None:
        """The service in its labels."""
        return self.labels.get("service")


def dump_notification(notification: Notification) -> dict[str, Any]:
    """Convert the notification to JSON for the outbox."""
    content = {each.name: getattr(notification, each.name) for each in fields(notification)}
    content |= {"at": format_time(notification.at), "since": format_time(notification.since)}
    content |= {"labels": dict(notification.labels), "notes": list(notification.notes)}
    content["members"] = [
        # Without an end it can be read by the version before.
        {each.name: value for each in fields(member) if (value := getattr(member, each.name)) is not None or each.name != "end"}
        | {"labels": dict(member.labels)}
        for member in notification.members
    ]
    return {"v": _VERSION, **content}


def load_notification(content: Mapping[str, Any]) -> Notification:
    """Load a notification from the outbox, or from the webhook body that version 1 stored."""
    if "data" in content:
        return _load_body(content)
    names = {each.name for each in fields(Notification)}
    given = {name: value for name, value in content.items() if name in names}
    times = {name: datetime.fromisoformat(given[name]) for name in ("at", "since")}
    members = tuple(Member(**member) for member in given["members"])
    return Notification(**{**given, **times, "notes": tuple(given["notes"]), "members": members})


def select_members(notification: Notification, kept: tuple[Member, ...]) -> Notification:
    """Reduce a group's notification to the kept members; its text names no other."""
    left_out = [member for member in notification.members if member not in kept]
    count = notification.count - len(left_out)
    count_over = notification.count_over - sum(member.is_over for member in left_out)
    words = describe_members(kept, count, count_over)
    return replace(notification, members=kept, count=count, count_over=count_over, **words)


def describe_members(members: Sequence[Member], count: int, count_over: int) -> GroupText:
    """Build title, level and summary of a group from its firing members, or from all if none fires."""
    firing = [member for member in members if not member.is_over]
    shown = firing or list(members)
    number = count - count_over if firing else count
    if count == 1:
        return {"title": shown[0].title, "level": shown[0].level, "summary": shown[0].summary}
    is_one_rule = len({member.rule_id for member in members}) == 1
    names = [f"{member.title}{render_subject(member.labels)}" for member in shown[:_MAX_NAMED]]
    listed = "; ".join(names) + (f" and {number - len(names)} more" if number > len(names) else "")
    noun = f"{number} {'alerts' if number > 1 else 'alert'}"
    over = "ended" if any(member.end for member in members) else "resolved"
    lead = noun if firing else f"{noun} {over}"
    return {
        "title": f"{shown[0].title} ({number})" if is_one_rule else noun,
        "level": max((member.level for member in shown), key=rank_level),
        "summary": f"{lead}: {listed}" + (f" ({count_over} more {over})" if firing and count_over else ""),
    }


def describe_end(end: str | None) -> str:
    """How an alert ended, for people."""
    return _ENDS.get(end or "", "Resolved")


def is_recovery(end: str | None) -> bool:
    """Whether an end says that what was wrong is over: by a measurement, or by a person's word."""
    return end not in _ENDS


def render_subject(labels: Mapping[str, str]) -> str:
    """Render labels for people: " [deepgram]", " [stage transcriptions]"; "" without labels."""
    about = [value if name == "service" else f"{name} {value}" for name, value in list_labels(labels)]
    return f" [{', '.join(about)}]" if about else ""


def list_labels(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """List labels by name, without empty ones."""
    return sorted((name, value) for name, value in labels.items() if value)


def _load_body(body: Mapping[str, Any]) -> Notification:
    """Load version 1: the outbox held the webhook's body, with the text for people in it."""
    data = body["data"]
    summary, *notes = str(data["message"]).split("\n")
    same = ("alert_id", "rule_id", "title", "level", "labels", "value", "threshold", "dashboard_url", "runbook_url")
    return Notification(
        kind=body["type"],
        at=datetime.fromisoformat(body["timestamp"]),
        summary=summary,
        notes=tuple(notes),
        since=datetime.fromisoformat(data["since"]),
        unit=data.get("unit"),
        comparison=data.get("comparison"),
        is_verbatim=True,
        **{name: data[name] for name in same},
    )
