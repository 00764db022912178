"""Alert rules with their state."""

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from callwatch.models.alert import Level, RuleSource
from callwatch.models.shapes.alerts import Delivery
from callwatch.models.shapes.unknown import Known, Unknown

InstanceState = Literal["ok", "pending", "firing", "unknown"]
RuleState = Literal["ok", "pending", "firing", "unknown", "disabled"]
RuleVerb = Literal["enable", "disable", "test"]
RuleChange = Literal["enable", "disable", "test", "create", "change", "delete"]


class RuleAction(TypedDict):
    """What a person did to a rule: who, when and why. before, after: the definition of an own rule that was changed."""

    at: datetime
    actor: str
    action: RuleChange
    reason: str
    before: NotRequired[dict[str, Any]]
    after: NotRequired[dict[str, Any]]


class Rule(TypedDict):
    """An alert rule with its state, its last value, and the deliveries of its latest test notification (null: no test).

    metric: what the value measures. fires_when: a plain sentence. channels_configured: those of `channels` that can be used.
    definition: of a rule with the source `page`, as it was sent.
    """

    id: str
    name: str
    level: Level
    state: RuleState
    value: float | None
    metric: str
    unit: str
    comparison: str
    threshold: float
    fires_when: str
    source: RuleSource
    for_s: float
    resolve_for_s: float
    cooldown_minutes: float
    channels: list[str]
    channels_configured: list[str]
    depends_on: list[str]
    runbook_url: str
    last_evaluated_at: datetime | None
    definition: NotRequired[dict[str, Any]]
    history: list[RuleAction]
    test_deliveries: list[Delivery]
    unknown: dict[str, Unknown]


class RulePage(Known):
    """GET /api/rules; every rule also has an `unknown` of its own."""

    items: list[Rule]
    next_cursor: str | None
