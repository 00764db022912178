"""Shows what each channel would send: for a sample alert, or for a payload of yours. Nothing is sent."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from callwatch.alerts.builtin import RULES
from callwatch.alerts.channels import email, pagerduty, slack, sns
from callwatch.alerts.channels.email_html import html_of
from callwatch.alerts.instance import Instance
from callwatch.alerts.message import payload_of, summary_line
from callwatch.alerts.rule import AlertRule
from callwatch.settings import Settings, load_settings

KINDS = ("firing", "resolved", "acknowledged", "test")
SAMPLES: Mapping[str, dict[str, str]] = {
    "database_health": {"service": "database"},
    "service_down": {"service": "deepgram"},
    "pipeline_stopped": {"stage": "transcriptions"},
    "high_error_rate": {},
}
_NOTES = (
    "Changed lately: release 2026.11.24-3 came up 12 min ago.",
    "Follows from it, and is not told: Queue backlog, Stuck jobs [stage transcriptions].",
)
_GIVEN = {
    "APP_URL": "https://ops.example.com",
    "ALERT_EMAIL_TO": "oncall@example.com",
    "ALERT_EMAIL_FROM": "callwatch@example.com",
    "SENDGRID_API_KEY": "SG.sample-key",
    "ALERT_SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
    "PAGERDUTY_ROUTING_KEY": "sample-routing-key",
}

SHOWN: Mapping[str, Callable[[dict[str, Any], Settings], str]] = {
    "log": lambda payload, _settings: summary_line(payload),
    "webhook": lambda payload, _settings: _json(payload),
    "email": lambda payload, settings: _mail(email.body_of(payload, "msg_sample", settings)),
    "slack": lambda payload, settings: _json(slack.body_of(payload, settings.timezone)),
    "pagerduty": lambda payload, settings: _json(pagerduty.body_of(payload, settings)),
    "sns": lambda payload, settings: _publication(sns.request_of(payload, "msg_sample", settings)),
}


def main() -> int:
    """Print the renderings that were asked for; exit code 2 for a rule or file that cannot be used."""
    parser = argparse.ArgumentParser(prog="channels", description=__doc__)
    parser.add_argument("--channel", choices=sorted(SHOWN), action="append", help="only this one; may be repeated")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind; may be repeated")
    parser.add_argument("--rule", default="service_down", help="the built-in rule of the sample (default: %(default)s)")
    parser.add_argument("--payload", type=Path, metavar="FILE", help="a webhook's body to show instead of the sample")
    parser.add_argument("--timezone", default="UTC", help="IANA zone in which times are shown (default: %(default)s)")
    parser.add_argument("--html", type=Path, metavar="FOLDER", help="also write each mail's HTML there")
    given = parser.parse_args()
    rules = {rule.id: rule for rule in RULES}
    if given.rule not in rules:
        parser.error(f"there is no rule {given.rule}; there are {', '.join(sorted(rules))}")
    settings = load_settings({**_GIVEN, "TIMEZONE": given.timezone})
    if given.payload:
        payloads = [json.loads(given.payload.read_text())]
    else:
        payloads = [sample(rules[given.rule], kind, settings) for kind in given.kind or KINDS]
    for payload in payloads:
        show(payload, given.channel or list(SHOWN), settings)
        if given.html:
            given.html.mkdir(parents=True, exist_ok=True)
            name = f"{payload['data']['rule_id']}-{payload['type'].rpartition('.')[2]}.html"
            (given.html / name).write_text(html_of(payload, settings.timezone))
    return 0


def show(payload: dict[str, Any], channels: list[str], settings: Settings) -> None:
    """Print one notification as these channels would have it."""
    for channel in channels:
        print(f"=== {payload['type']} by {channel}\n{SHOWN[channel](payload, settings)}\n")


def sample(rule: AlertRule, kind: str, settings: Settings) -> dict[str, Any]:
    """A notification of this rule as the outbox would hold it."""
    now = datetime.now(UTC).replace(microsecond=0)
    began_at = now - timedelta(minutes=23)
    threshold = rule.all_conditions()[0].threshold
    instance = Instance(
        rule.id, rule.id, SAMPLES.get(rule.id, {}), "firing", began_at, value=threshold if kind == "firing" else 0,
        threshold=threshold, detail="timeout", began_at=began_at,
    )  # fmt: skip
    more = _NOTES if kind == "firing" else ()
    return payload_of(f"alert.{kind}", "42", rule, instance, settings, now, more)


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _mail(body: Mapping[str, Any]) -> str:
    to = ", ".join(address["email"] for address in body["personalizations"][0]["to"])
    head = f"From: {body['from']['email']}\nTo: {to}\nSubject: {body['subject']}\n"
    return f"{head}\n{body['content'][0]['value']}"


def _publication(request: Mapping[str, Any]) -> str:
    forms = json.loads(request["Message"])
    return f"Subject: {request['Subject']}\nSMS: {forms['sms']}\n\n{forms['default']}"


if __name__ == "__main__":
    sys.exit(main())
