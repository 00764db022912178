"""The answers of the API about alerts, and what clients send, as models."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from callwatch.models.api import Answer, Category, Known, Severity

Level = Literal["info", "warning", "error", "critical"]


class Alert(Answer):
    """One span from firing to resolved."""

    id: str
    rule_id: str
    title: str
    level: Level
    state: Literal["firing", "resolved"]
    message: str
    value: float | None
    threshold: float | None
    service: str | None
    labels: dict[str, str]
    started_at: datetime
    resolved_at: datetime | None
    acknowledged_by: str | None
    suppressed_by: str | None
    runbook_url: str


class TimelineEntry(Answer):
    """What happened to an alert."""

    at: datetime
    kind: str
    actor: str
    details: str | None


class Delivery(Answer):
    """One notification to one channel."""

    channel: str
    kind: str
    state: Literal["due", "sent", "failed"]
    attempts: int
    last_error: str | None
    created_at: datetime
    sent_at: datetime | None
    message_id: str


class Follower(Answer):
    """An alert that followed from another one, and so was not sent by itself."""

    id: str
    rule_id: str
    title: str
    state: Literal["firing", "resolved"]
    labels: dict[str, str]


class AlertDetail(Alert, Known):
    """GET /api/alerts/{id}."""

    timeline: list[TimelineEntry]
    deliveries: list[Delivery]
    follows: list[Follower]


class AlertPage(Known):
    """GET /api/alerts."""

    items: list[Alert]
    next_cursor: str | None


class Matchers(Answer):
    """What a silence mutes: at least one of these."""

    rule_id: str | None = None
    service: str | None = None
    labels: dict[str, str] | None = None


class Silence(Answer):
    """A person's mute, with a reason and an end."""

    id: str
    matchers: Matchers
    reason: str
    actor: str
    created_at: datetime
    ends_at: datetime


class SilencePage(Answer):
    """GET /api/silences."""

    items: list[Silence]
    next_cursor: str | None


class RuleAction(Answer):
    """What a person did to a rule: who, when and why."""

    at: datetime
    actor: str
    action: Literal["enable", "disable", "test"]
    reason: str


class Rule(Answer):
    """An alert rule with its state, its last value, and the deliveries of its latest test notification (none: no test)."""

    id: str
    name: str
    level: Level
    state: Literal["ok", "pending", "firing", "unknown", "disabled"]
    value: float | None
    threshold: float
    for_s: float
    resolve_for_s: float
    cooldown_minutes: float
    channels: list[str]
    depends_on: list[str]
    runbook_url: str
    last_evaluated_at: datetime | None
    history: list[RuleAction]
    test_deliveries: list[Delivery]
    unknown: dict[str, str]


class RulePage(Known):
    """GET /api/rules; every rule has an `unknown` of its own too."""

    items: list[Rule]
    next_cursor: str | None


class Sent(BaseModel):
    """What a client sends; fields of no meaning here are taken along or ignored, never refused."""

    model_config = ConfigDict(extra="allow")


class NewError(Sent):
    """One error; what is left out is worked out."""

    message: str = Field(min_length=1, pattern=r"\S", description="Kept to 20,000 characters.")
    type: str | None = Field(None, min_length=1, max_length=300)
    stack: str | None = None
    severity: Severity | None = None
    category: Category | None = None
    context: dict[str, Any] | None = None
    environment: str | None = Field(None, min_length=1, max_length=100)
    release: str | None = Field(None, min_length=1, max_length=200)
    endpoint: str | None = Field(None, min_length=1, max_length=300)
    service: str | None = Field(None, min_length=1, max_length=200)
    user_id: str | None = Field(None, min_length=1, max_length=300, description="Kept as an HMAC alone.")
    occurred_at: datetime | None = None
    event_id: str | None = Field(None, pattern="^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")


class NewRequest(Sent):
    """One finished request of the product."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
    route: str = Field(min_length=1, max_length=300)
    status_code: int = Field(ge=100, le=599)
    response_time_ms: float = Field(ge=0, le=86400000)
    at: datetime | None = None
    environment: str | None = Field(None, min_length=1, max_length=100)
    release: str | None = Field(None, min_length=1, max_length=200)
    request_id: UUID | None = None


class RejectedItem(Answer):
    """An item that was not taken: which, which field, and the remedy."""

    index: int
    field: str
    message: str


class Accepted(Answer):
    """What was taken, and what was not."""

    accepted: int
    ids: list[str]
    rejected: list[RejectedItem]


class Reason(Sent):
    """Why somebody acts; kept with who and when."""

    reason: str = Field(min_length=1, max_length=1000, pattern=r"\S")


class ActOnRule(Sent):
    """Why somebody acts on a rule; it can be left out, and the body with it."""

    reason: str = Field("no reason given", min_length=1, max_length=1000, pattern=r"\S")


class GroupAction(Reason):
    """until, more: for ignore. in_release: for resolve."""

    until: datetime | None = None
    more: int | None = Field(None, ge=1)
    in_release: str | None = Field(None, min_length=1, max_length=200)


Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class NewMatchers(BaseModel):
    """What a silence is to mute: at least one of these."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [
                {"required": ["rule_id"], "properties": {"rule_id": {"type": "string"}}},
                {"required": ["service"], "properties": {"service": {"type": "string"}}},
                {"required": ["labels"], "properties": {"labels": {"type": "object", "minProperties": 1}}},
            ]
        },
    )

    rule_id: Word | None = None
    service: Word | None = None
    labels: dict[Word, Word] | None = Field(None, max_length=20)


class NewSilence(Reason):
    """A mute of what it matches, until it ends: a time in the future."""

    matchers: NewMatchers
    ends_at: datetime


class ErrorBody(Answer):
    """What went wrong, for programs and for people."""

    code: str
    message: str
    request_id: str


class GatewayAnswer(Answer):
    """Every error of API Gateway's own."""

    message: str


class ErrorAnswer(Answer):
    """Every error of ours."""

    error: ErrorBody
