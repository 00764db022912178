"""The notification of several alerts: how many, the worst first, and which are resolved."""

from collections.abc import Sequence
from datetime import datetime

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.notification import Kind, Member, Notification, Occasion, describe_members
from callwatch.alerts.notifications.rendering import build_dashboard_url, build_notification
from callwatch.alerts.rules.rule import AlertRule
from callwatch.settings import Settings

# Members that a notification carries; thousands would not fit into a channel.
MAX_MEMBERS = 100
# Rule, instance, alert id, and whether it is resolved.
Subject = tuple[AlertRule, Instance, int, bool]


def build_group(
    occasion: Occasion,
    lead: int,
    subjects: Sequence[Subject],
    settings: Settings,
    now: datetime,
    notes: Sequence[str],
    failed: dict[str, str] | None = None,
) -> Notification:
    """Build one notification of these alerts (the worst first) under the id of the alert `lead`. failed: see render_text."""
    firing = [each for each in subjects if not each[3]]
    members = tuple(_build_member(subject, settings, now, failed) for subject in subjects[:MAX_MEMBERS])
    count, count_over = len(subjects), len(subjects) - len(firing)
    labels = [dict(instance.labels).items() for _rule, instance, _id, _is_over in subjects]
    return Notification(
        kind="alert.firing" if firing else "alert.resolved",
        at=now,
        alert_id=str(lead),
        rule_id=subjects[0][0].id,
        since=min(instance.began_at or instance.since for _rule, instance, _id, _is_over in firing or subjects),
        labels=dict(sorted(set(labels[0]).intersection(*labels[1:]))),
        occasion=occasion,
        notes=tuple(notes),
        dashboard_url=build_dashboard_url(settings, lead),
        runbook_url=members[0].runbook_url,
        members=members,
        count=count,
        count_over=count_over,
        end=None if firing else next((each.end for each in members if each.end), None),
        **describe_members(members, count, count_over),
    )


def _build_member(subject: Subject, settings: Settings, now: datetime, failed: dict[str, str] | None) -> Member:
    rule, instance, alert_id, is_over = subject
    kind: Kind = "alert.resolved" if is_over else "alert.firing"
    single = build_notification(kind, alert_id, rule, instance, settings, now, (), failed)
    summary, runbook = single.summary, single.runbook_url
    return Member(str(alert_id), rule.id, rule.name, rule.level.value, summary, single.labels, is_over, runbook, single.end)
