"""The body of a webhook, as docs/integrations.md describes it, and what it says of the incident."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict


class IncidentAlert(TypedDict):
    """One alert of the incident; state: firing or resolved."""

    rule_id: str
    title: str
    level: str
    state: str
    labels: Mapping[str, str]
    alert_id: str


class IncidentPart(TypedDict):
    """The incident that a notification is about; alerts: the firing ones first, the worst first. started_at: ISO 8601."""

    id: str
    title: str
    sentence: str
    level: str
    state: str
    started_at: str
    url: str
    alert_count: int
    alerts: list[IncidentAlert]


class WebhookAlert(TypedDict):
    """One alert of a group; end_reason: of one that is over."""

    alert_id: str
    rule_id: str
    title: str
    level: str
    summary: str
    runbook_url: str
    state: str
    end_reason: NotRequired[str]
    service: str | None
    labels: Mapping[str, str]


class WebhookData(TypedDict):
    """What the alert is. since: ISO 8601. count, alerts: of a group. incident_id, incident: where it is part of one."""

    alert_id: str
    rule_id: str
    title: str
    level: str
    message: str
    value: float | None
    threshold: float | None
    since: str
    service: str | None
    labels: Mapping[str, str]
    dashboard_url: str
    runbook_url: str
    end_reason: NotRequired[str]
    count: NotRequired[int]
    alerts: NotRequired[list[WebhookAlert]]
    incident_id: NotRequired[str]
    incident: NotRequired[IncidentPart]


class WebhookBody(TypedDict):
    """type: alert.firing, alert.resolved, alert.acknowledged or alert.test. timestamp: ISO 8601."""

    type: str
    timestamp: str
    data: WebhookData
