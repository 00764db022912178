"""The weekly report as a mail: the page, a plain text with the figures that matter most, and a subject that says how it went."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from callwatch.alerts.notifications.channels.mail.content import Mail
from callwatch.reports.weekly.page import describe_target, render_html

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.weekly import WeeklyReport


def build_mail(report: WeeklyReport, dashboard_url: str) -> Mail:
    """Build the mail. dashboard_url: where the report stands; empty if that is not known."""
    states = Counter(target["state"] for target in report["targets"])
    summary = ", ".join(f"{states[state]} {state}" for state in ("met", "missed", "unknown") if states[state])
    subject = f"Callwatch, week {report['week']}: targets {summary}"
    return Mail(subject, _render_text(report, dashboard_url), render_html(report), report["timestamp"])


def _render_text(report: WeeklyReport, dashboard_url: str) -> str:
    alerts, errors, cost = report["alerts"], report["errors"], report["cost"]
    lines = [
        f"Week {report['week']}, {report['timezone']}.",
        "",
        *(f"{target['state']}: {describe_target(report, place)}" for place, target in enumerate(report["targets"])),
        "",
        f"Alerts: {_say(alerts['count'])}; resolved: {_say(alerts['resolved'])}.",
        f"Errors: {_say(errors['total'])}; new groups: {_say(errors['new_count'])}; back: {_say(errors['regressed_count'])}.",
        f"Calls with a cost: {_say(cost['calls'])}; in all {_say(cost['total'])} USD.",
        *(f"{stage['name']}: {_say(stage['completed'])} completed." for stage in report["pipeline"]),
        *(["", dashboard_url] if dashboard_url else []),
    ]
    return "\n".join(lines) + "\n"


def _say(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.10g}"
