"""What a stored row and the shape that shows it have in common; small, because reading the database imports it at run time."""

from datetime import datetime
from typing import Annotated, Literal, NotRequired, TypedDict

from callwatch.models.alert import AlertState, EndReason, Level
from callwatch.models.constraints import About
from callwatch.models.error import Category, GroupStatus, Severity
from callwatch.models.incident import ChangeKind


class AlertFields(TypedDict):
    """What a stored alert and a shown one have in common."""

    rule_id: str
    title: str
    level: Level
    state: AlertState
    message: str
    value: float | None
    unit: str | None
    comparison: str | None
    measures: Annotated[str | None, About("What the value measures, in plain words.")]
    threshold: float | None
    service: str | None
    labels: dict[str, str]
    started_at: datetime
    resolved_at: datetime | None
    acknowledged_by: str | None
    suppressed_by: str | None
    runbook_url: str
    end_reason: EndReason | None


class FollowerFields(TypedDict):
    """What a stored follower and a shown one have in common."""

    rule_id: str
    title: str
    state: AlertState
    labels: dict[str, str]


class LabelTest(TypedDict):
    """A test of a label; the regular expression of =~ and !~ is about the whole value."""

    op: Literal["=", "!=", "=~", "!~"]
    value: str


class StoredMatchers(TypedDict):
    """What a silence mutes: at least one field is set. A label is a text that it equals, or a test."""

    rule_id: NotRequired[str | None]
    service: NotRequired[str | None]
    labels: NotRequired[dict[str, str | LabelTest] | None]


class Matchers(TypedDict):
    """What a silence mutes: at least one field is set. labels: texts that they equal; label_tests: other tests."""

    rule_id: NotRequired[str | None]
    service: NotRequired[str | None]
    labels: NotRequired[dict[str, str] | None]
    label_tests: NotRequired[dict[str, LabelTest]]


class Recurs(TypedDict):
    """When a silence mutes: from `start` on these days in the zone, for duration_s seconds of real time."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]
    start: str
    duration_s: int
    timezone: str


class SilenceFields(TypedDict):
    """What a stored silence and a shown one have in common."""

    reason: str
    actor: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    recurs: Annotated[Recurs | None, About("null: it mutes from starts_at to ends_at without a break.")]
    is_maintenance: Annotated[bool, About("Its services are neither up nor down meanwhile.")]


class GroupFields(TypedDict):
    """What a stored group and a shown one have in common.

    sampled_occurrences: how many of `count` were counted without keeping their payload.
    """

    fingerprint: str
    title: str
    message: str
    type: str | None
    severity: Severity
    category: Category
    state: GroupStatus
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    environment: str
    level: Annotated[str | None, About("The highest of its occurrences: debug, info, warning, error or fatal.")]
    release: str | None
    service: Annotated[str | None, About("That of the first occurrence.")]
    project_id: int
    sampled_occurrences: int
    assigned_to: Annotated[str | None, About("The name of the group's owner; null: nobody.")]


class GroupDetailFields(GroupFields):
    """What is stored of one group, and shown of it alone."""

    endpoint: str | None
    resolved_in_release: str | None
    ignored_until: datetime | None
    first_release: str | None


class OccurrenceFields(TypedDict):
    """What a stored occurrence and a shown one have in common."""

    event_id: str
    occurred_at: datetime
    received_at: datetime
    severity: Severity
    type: str | None
    message: str
    endpoint: str | None
    release: str | None
    service: str | None


class EndpointErrors(TypedDict):
    """Errors of one endpoint. route: without its method, as GET /api/metrics/system names the route of requests."""

    endpoint: str
    route: str
    count: int
    last_error: str


class SettingProblem(TypedDict):
    """A setting that cannot be used; affects: the part that is switched off because of it, such as "channel.email"."""

    variable: str
    message: str
    affects: str


class ChangeBefore(TypedDict):
    """Something that changed in the hour before an alert or an incident began."""

    at: datetime
    kind: ChangeKind
    title: str
    preceded: NotRequired[
        Annotated[int, About("Of one alert: how many of the latest 20 alerts of its rule followed a change of this kind.")]
    ]


class IncidentNote(TypedDict):
    """What a person noted about an incident."""

    at: datetime
    actor: str
    note: str
