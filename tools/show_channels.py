"""Shows what each channel would send, for a sample alert or for a given payload. Nothing is sent."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.channels import (
    alertmanager,
    discord,
    matrix,
    ntfy,
    opsgenie,
    pagerduty,
    pushover,
    slack,
    sns,
    teams,
    telegram,
)
from callwatch.alerts.notifications.channels.mail import sendgrid
from callwatch.alerts.notifications.channels.mail.content import render_mail
from callwatch.alerts.notifications.channels.mail.html import render_html
from callwatch.alerts.notifications.notification import Kind, Notification, load_notification
from callwatch.alerts.notifications.rendering import build_notification, render_body, render_summary_line
from callwatch.alerts.notifications.take_link import add_take_link
from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.rule import AlertRule
from callwatch.settings import Settings, load_settings

_KINDS: Mapping[str, Kind] = {
    "firing": "alert.firing",
    "resolved": "alert.resolved",
    "acknowledged": "alert.acknowledged",
    "test": "alert.test",
}
KINDS = tuple(_KINDS)
SAMPLES: Mapping[str, dict[str, str]] = {
    "database_health": {"service": "database"},
    "service_down": {"service": "deepgram"},
    "pipeline_stopped": {"stage": "transcriptions"},
    "high_error_rate": {},
}
_NOTES = (
    "Recent changes: release 2026.11.24-3 first seen 12 min ago.",
    "Inhibits: Queue backlog, Stuck jobs [stage transcriptions].",
)
SAMPLE_SETTINGS = {
    "APP_URL": "https://ops.example.com",
    "ALERT_EMAIL_TO": "oncall@example.com",
    "ALERT_EMAIL_FROM": "callwatch@example.com",
    "SENDGRID_API_KEY": "SG.sample-key",
    "ALERT_SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
    "PAGERDUTY_ROUTING_KEY": "sample-routing-key",
    "TELEGRAM_BOT_TOKEN": "1:sample",
    "TELEGRAM_CHAT_ID": "-1001",
    "NTFY_URL": "https://ntfy.example.com/alerts",
    "OPSGENIE_API_KEY": "sample-key",
    "PUSHOVER_APP_TOKEN": "sample-token",
    "PUSHOVER_USER_KEY": "sample-user",
    "ALERTMANAGER_URL": "https://alerts.example.com",
    "MESSAGE_LINK_SECRET": "sample-secret-of-links",
}

SHOWN: Mapping[str, Callable[[Notification, Settings], str]] = {
    "log": lambda notification, _settings: render_summary_line(notification),
    "webhook": lambda notification, _settings: _render_json(render_body(notification)),
    "email": lambda notification, settings: _render_mail(
        sendgrid.build_body(render_mail(notification, settings.timezone), "msg_sample", settings)
    ),
    "slack": lambda notification, settings: _render_json(slack.build_body(notification, settings.timezone)),
    "pagerduty": lambda notification, settings: _render_json(pagerduty.build_body(notification, settings)),
    "sns": lambda notification, settings: _render_publication(sns.build_request(notification, "msg_sample", settings)),
    "teams": lambda notification, settings: _render_json(teams.build_body(notification, settings)),
    "discord": lambda notification, settings: _render_json(discord.build_body(notification, settings)),
    "telegram": lambda notification, settings: _render_json(telegram.build_body(notification, settings)),
    "ntfy": lambda notification, settings: _render_json(ntfy.build_body(notification, settings)),
    "opsgenie": lambda notification, settings: _render_json(opsgenie.build_body(notification, settings)),
    "pushover": lambda notification, settings: _render_json(pushover.build_body(notification, settings)),
    "matrix": lambda notification, settings: _render_json(matrix.build_body(notification, settings)),
    "alertmanager": lambda notification, settings: _render_json(alertmanager.build_body(notification, settings)),
}


def main() -> int:
    """Print the requested renderings; return 2 for an unusable rule or file."""
    parser = argparse.ArgumentParser(prog="channels", description=__doc__)
    parser.add_argument("--channel", choices=sorted(SHOWN), action="append", help="only this one; may be repeated")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind; may be repeated")
    parser.add_argument("--rule", default="service_down", help="the built-in rule of the sample (default: %(default)s)")
    parser.add_argument("--payload", type=Path, metavar="FILE", help="the body of a webhook to show instead of the sample")
    parser.add_argument("--timezone", default="UTC", help="IANA zone in which times are shown (default: %(default)s)")
    parser.add_argument("--html", type=Path, metavar="FOLDER", help="also write each mail's HTML there")
    given = parser.parse_args()
    rules = {rule.id: rule for rule in RULES}
    if given.rule not in rules:
        parser.error(f"there is no rule {given.rule}; there are {', '.join(sorted(rules))}")
    settings = load_settings({**SAMPLE_SETTINGS, "TIMEZONE": given.timezone})
    if given.payload:
        notifications = [load_notification(json.loads(given.payload.read_text()))]
    else:
        notifications = [build_sample(rules[given.rule], kind, settings) for kind in given.kind or KINDS]
    for notification in notifications:
        show(notification, given.channel or list(SHOWN), settings)
        if given.html:
            given.html.mkdir(parents=True, exist_ok=True)
            name = f"{notification.rule_id}-{notification.kind.rpartition('.')[2]}.html"
            (given.html / name).write_text(render_html(notification, settings.timezone))
    return 0


def show(notification: Notification, channels: list[str], settings: Settings) -> None:
    """Print one notification as these channels render it."""
    for channel in channels:
        linked = add_take_link(notification, channel, "msg_sample", settings)
        print(f"=== {notification.kind} by {channel}\n{SHOWN[channel](linked, settings)}\n")


def build_sample(rule: AlertRule, kind: str, settings: Settings) -> Notification:
    """Build a notification of this rule."""
    now = datetime.now(UTC).replace(microsecond=0)
    began_at = now - timedelta(minutes=23)
    threshold = rule.list_conditions()[0].threshold
    instance = Instance(
        rule.id, rule.id, SAMPLES.get(rule.id, {}), "firing", began_at, value=threshold if kind == "firing" else 0,
        threshold=threshold, detail="timeout", began_at=began_at,
    )  # fmt: skip
    more = _NOTES if kind == "firing" else ()
    return build_notification(_KINDS[kind], "42", rule, instance, settings, now, more, actor="ana", reason="does it arrive?")


def _render_json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _render_mail(body: Mapping[str, Any]) -> str:
    to = ", ".join(address["email"] for address in body["personalizations"][0]["to"])
    head = f"From: {body['from']['email']}\nTo: {to}\nSubject: {body['subject']}\n"
    return f"{head}\n{body['content'][0]['value']}"


def _render_publication(request: Mapping[str, Any]) -> str:
    forms = json.loads(request["Message"])
    return f"Subject: {request['Subject']}\nSMS: {forms['sms']}\n\n{forms['default']}"


if __name__ == "__main__":
    sys.exit(main())
