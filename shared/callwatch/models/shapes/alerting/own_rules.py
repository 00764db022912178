"""Rules that people make: what they send, and what a rule would have done."""

from datetime import datetime
from typing import Annotated, Literal, Required, TypedDict

from callwatch.models.alert import Level
from callwatch.models.constraints import About, Entries, Number, Text
from callwatch.models.shapes.unknown import Known

Comparison = Literal[">", ">=", "<", "<=", "==", "!="]
ChannelName = Annotated[str, About("A channel of GET /api/channels.")]
_SAID = Text(1_000, 1, r"\S")
_LABELS = dict[Annotated[str, Text(200, 1)], Annotated[str, Text(200)]]


class NewCause(TypedDict, total=False):
    """A rule that inhibits this one while it fires, limited by labels of the cause, of the effect, or of both."""

    rule_id: Required[Annotated[str, Text(100, 1)]]
    labels: _LABELS
    where: _LABELS
    same: list[Annotated[str, Text(100, 1)]]


class RuleDefinition(TypedDict, total=False):
    """A rule as RULES_FILE would hold it: one metric, a comparison and a threshold."""

    id: Required[Annotated[str, Text(100, 1, r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")]]
    name: Required[Annotated[str, Text(200, 1, r"\S")]]
    level: Required[Level]
    metric: Required[Annotated[str, About("One of the metrics that docs/alerting.md lists.")]]
    comparison: Required[Comparison]
    threshold: Required[float]
    channels: list[ChannelName]
    also: Annotated[list[ChannelName], About("Channels that are notified too if they are configured.")]
    cooldown_minutes: Annotated[float, Number(5, 10_080)]
    for_s: Annotated[float, Number(0, 604_800)]
    resolve_for_s: Annotated[float, Number(0, 604_800)]
    depends_on: list[str | NewCause]
    labels: Annotated[_LABELS, Entries(10)]
    announce: Annotated[bool, About("Notify it also when its incident was notified before.")]
    message: Annotated[str, Text(500, 1, r"\S")]
    runbook: Annotated[str, Text(2_000, 1)]


class NewRule(RuleDefinition, total=False):
    """A rule of one's own, and why it is made or changed."""

    reason: Annotated[str, _SAID, About("If it is left out: no reason given.")]


class NewDryRun(TypedDict, total=False):
    """A rule to try on the kept past."""

    rule: Required[RuleDefinition]
    hours: Annotated[float, Number(0.1, 168), About("If it is left out: 24.")]


class WouldFire(TypedDict):
    """One time that the rule would have fired. resolved_at: null while it still would."""

    labels: dict[str, str]
    began_at: datetime
    fired_at: datetime
    resolved_at: datetime | None
    value: float | None


class DryRun(Known):
    """POST /api/rules/dry-run. fired: the first 200 of fired_count; unknown_minutes: minutes without kept or known samples."""

    fires_when: str
    since: datetime
    until: datetime
    fired: list[WouldFire]
    fired_count: int
    firing_minutes: int
    known_minutes: int
    unknown_minutes: int
