"""Plays an hour of every built-in rule, and prints what happened as JSON: states, notifications, what each channel is sent.

`python -m tests.support.alert_story reworded` does so with every sentence of the package changed.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support import reworded

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SETTINGS = {
    "ALERT_WEBHOOK_URL": "https://hooks.example.com/x",
    "ALERT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "SLACK_ALERT_WEBHOOK": "https://slack.example.com/x",
    "PAGERDUTY_ROUTING_KEY": "k" * 32,
    "ALERT_EMAIL_TO": "oncall@example.com",
    "ALERT_EMAIL_FROM": "callwatch@example.com",
    "SENDGRID_API_KEY": "SG.key",
    "ALERT_SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
    "APP_URL": "https://ops.example.com",
}


def play() -> dict[str, Any]:
    """All rules at once, which groups them, then each by itself; and the ids of outages."""
    from callwatch.alerts.rules.builtin import RULES

    alone = {rule.id: _play_rules([rule], 30) for rule in RULES}
    return {"together": _play_rules(RULES, 40), "alone": alone, "outages": _list_outages()}


def _play_rules(rules: Any, minutes: int) -> list[Any]:
    """Fire, be silenced, be unknown and clear; return what the evaluation decided and what the channels are sent."""
    from callwatch.alerts.evaluation.context import Context
    from callwatch.alerts.evaluation.evaluate import evaluate
    from callwatch.alerts.evaluation.silences import Silence

    known: dict[str, Any] = {}
    by_id = {rule.id: rule for rule in rules}
    silences = [Silence("high_error_rate", reason="a person said so")]
    found = []
    for minute in range(minutes):
        now = NOW + minute * MINUTE
        samples = [_sample(rule, condition, minute) for rule in rules for condition in rule.list_conditions()]
        outcome = evaluate(rules, samples, known, now, Context(silences if minute < 10 else []))
        known = outcome.instances
        found.append(
            {
                "states": {key: each.state for key, each in sorted(known.items())},
                "changes": [[change.instance.key, change.transition, change.notify] for change in outcome.changes],
                "planned": [[each.kind, _sort(each.by_channel), sorted(each.over)] for each in outcome.planned],
                "causes": outcome.causes,
                "sent": [_render(by_id, known, each, now) for each in outcome.planned],
            }
        )
    return found


def _sort(by_channel: Any) -> dict[str, list[str]]:
    return {channel: list(keys) for channel, keys in sorted(by_channel.items())}


def _sample(rule: Any, condition: Any, minute: int) -> Any:
    """Bad until minute 25, except that it is unknown for two minutes."""
    from callwatch.models.reason import Reason
    from callwatch.models.sample import Sample

    if minute in (20, 21):
        return Sample(condition.metric, None, Reason("unavailable", "its source is silent"), rule.labels)
    step = 1.0 if condition.comparison.startswith(">") else -1.0
    is_bad = minute < 25
    value = condition.threshold + (step if is_bad else -step)
    return Sample(condition.metric, value, None, rule.labels, "3 of 4 failed" if is_bad else None)


def _render(rules: Any, known: Any, planned: Any, now: datetime) -> Any:
    from callwatch.alerts.notifications.channels import pagerduty, slack, sns
    from callwatch.alerts.notifications.channels.mail import sendgrid
    from callwatch.alerts.notifications.channels.mail.content import render_mail
    from callwatch.alerts.notifications.notification import dump_notification, load_notification
    from callwatch.alerts.notifications.rendering import build_notification, render_body
    from callwatch.settings import load_settings

    settings = load_settings(SETTINGS)
    instance = known[planned.keys[0]]
    kind: Any = "alert.resolved" if planned.keys[0] in planned.over else "alert.firing"
    notification = build_notification(kind, 7, rules[instance.rule_id], instance, settings, now, ["a note of the product"])
    kept = load_notification(json.loads(json.dumps(dump_notification(notification))))
    return [
        render_body(kept),
        slack.build_body(kept, "UTC"),
        pagerduty.build_body(kept, settings),
        sendgrid.build_body(render_mail(kept, settings.timezone), "msg_1", settings),
        sns.build_request(kept, "msg_1", settings),
    ]


def _list_outages() -> Any:
    from callwatch.alerts.outage.outage import KINDS, build_outage_id, find_outage_key

    ids = [build_outage_id("2026-11-29T12:00:00Z", kind) for kind in KINDS]
    return [[each, find_outage_key(each)] for each in ids]


if __name__ == "__main__":
    if sys.argv[1:] == ["reworded"]:
        reworded.install()
    story = play()
    print(json.dumps({"story": story, "changed": len(reworded.changed)}, default=str))
