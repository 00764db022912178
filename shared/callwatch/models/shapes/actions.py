"""The bodies with which people act on alerts, rules, silences and error groups. A field that is not declared is ignored."""

from datetime import datetime
from typing import Annotated, Literal, Required, TypedDict

from callwatch.models.constraints import About, Entries, Items, Number, Text
from callwatch.models.error import BulkVerb

# A text with at least one character that is not blank.
_SAID = Text(1_000, 1, r"\S")


class ActionReason(TypedDict):
    """The reason for an action; stored with the actor and the time."""

    reason: Annotated[str, _SAID]


class RuleReason(TypedDict, total=False):
    """The reason for an action on a rule, if the person gives one."""

    reason: Annotated[str, _SAID, About("If it is left out: no reason given.")]


class GroupAction(TypedDict, total=False):
    """until, more: for ignore. in_release: for resolve. into: for merge, an id or a fingerprint. fingerprint: for unmerge.

    to: for assign, the name of the owner; null: nobody. text: for comment. Assign and comment need no reason.
    """

    reason: Annotated[str, _SAID]
    until: datetime | None
    more: Annotated[int, Number(1)] | None
    in_release: Annotated[str, Text(200, 1)] | None
    into: Annotated[str, Text(300, 1)] | Annotated[int, Number(1)]
    fingerprint: Annotated[str, Text(300, 1)]
    to: Annotated[str, Text(100, 1, r"\S")] | None
    text: Annotated[str, Text(2_000, 1, r"\S")]


class GroupsAction(GroupAction):
    """One action on many groups: what the action needs, and which groups."""

    ids: Required[Annotated[list[Annotated[str, Text(300, 1)]], Items(1, 100)]]
    action: Required[BulkVerb]


class IncidentAction(TypedDict, total=False):
    """Either may stand for the other; both may be left out to take an incident."""

    reason: Annotated[str, _SAID]
    note: Annotated[str, Text(4_000, 1, r"\S")]


class NewLabelTest(TypedDict):
    """A test of a label: = and != compare the whole value, =~ and !~ match all of it with a regular expression."""

    op: Literal["=", "!=", "=~", "!~"]
    value: Annotated[str, Text(200)]


class NewRecurs(TypedDict, total=False):
    """When a silence mutes: from `start` (22:00) on these days in the zone (default: TIMEZONE), for duration_s of real time."""

    days: Required[list[Annotated[str, About("mon, tue, wed, thu, fri, sat or sun")]]]
    start: Required[Annotated[str, Text(8, 5)]]
    duration_s: Required[Annotated[int, Number(60, 604_800)]]
    timezone: Annotated[str, Text(100, 1)] | None


class NewMatchers(TypedDict, total=False):
    """What a silence mutes: at least one field must be set."""

    rule_id: Annotated[str, Text(200, 1)] | None
    service: Annotated[str, Text(200, 1)] | None
    labels: Annotated[dict[Annotated[str, Text(200, 1)], Annotated[str, Text(200)] | NewLabelTest], Entries(20)] | None
    label_tests: Annotated[dict[Annotated[str, Text(200, 1)], NewLabelTest], Entries(20)] | None


class NewSilence(ActionReason, total=False):
    """A mute of what it matches, from starts_at (default: now) to ends_at, which must be in the future."""

    matchers: Required[NewMatchers]
    starts_at: datetime | None
    ends_at: Required[datetime]
    recurs: NewRecurs | None
    is_maintenance: Annotated[bool, About("Whether the services that it matches are in maintenance; it names no rule then.")]
