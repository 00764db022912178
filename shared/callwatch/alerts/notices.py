"""What is told of an instance, and when: once a span, never while muted, with the cooldown between. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from callwatch.alerts.instance import Change, Instance, elapsed
from callwatch.alerts.rule import AlertRule
from callwatch.models.alert import AlertLevel

_REMIND_AFTER = timedelta(hours=1)
_CALM = timedelta(minutes=30)


def told(
    rule: AlertRule, instance: Instance, before: Instance | None, now: datetime, is_silenced: bool, is_suppressed: bool
) -> Change:
    """The instance with what is told now noted in it, its transition, and the notification."""
    was_firing = before is not None and before.state == "firing"
    is_firing = instance.state == "firing"
    transition: Literal["firing", "resolved"] | None = None
    if is_firing != was_firing:
        transition = "firing" if is_firing else "resolved"
    if not is_firing:
        return _when_clear(rule, instance, transition, now, is_silenced)
    is_reopened = transition == "firing" and before is not None and before.is_open
    if is_silenced:
        return Change(replace(instance, is_muted=True), transition, None, is_reopened)
    # What is clear again or cannot be seen at the moment is no news; it may be over before anybody looks.
    is_certain = instance.clear_since is None and not instance.is_unknown
    if is_suppressed or not is_certain or not _is_cooled(rule, instance.last_notified_at, now):
        return Change(instance, transition, None, is_reopened)
    if not instance.is_notified:
        instance = replace(instance, is_notified=True, is_muted=False, last_notified_at=now)
        return Change(instance, transition, "flapping" if instance.is_flapping else "firing", is_reopened)
    if _is_reminder_due(rule, instance, now):
        return Change(replace(instance, is_muted=False, last_notified_at=now), transition, "reminder", is_reopened)
    return Change(instance, transition, None, is_reopened)


def _when_clear(
    rule: AlertRule, instance: Instance, transition: Literal["firing", "resolved"] | None, now: datetime, is_silenced: bool
) -> Change:
    if transition:
        instance = replace(instance, is_muted=False, is_acknowledged=False, suppressed_by=None)
    if instance.state != "ok":
        return Change(instance, transition)
    # The next spell of a flapping one may come any minute: it is over when it has been calm for a while.
    if instance.is_flapping:
        if elapsed(instance.since, now) < _CALM:
            return Change(instance, transition)
        instance = replace(instance, is_flapping=False)
    # The all-clear waits while a silence holds.
    if not instance.is_notified or is_silenced or not _is_cooled(rule, instance.last_cleared_at, now):
        return Change(instance, transition)
    return Change(replace(instance, is_notified=False, last_cleared_at=now), transition, "resolved")


def _is_reminder_due(rule: AlertRule, instance: Instance, now: datetime) -> bool:
    """A critical one reminds each hour; any that a silence held back, when that ends. Not where somebody has it in hand."""
    if instance.is_acknowledged:
        return False
    is_hourly = rule.level == AlertLevel.CRITICAL and not instance.is_flapping
    return instance.is_muted or (is_hourly and elapsed(instance.last_notified_at or now, now) >= _REMIND_AFTER)


def _is_cooled(rule: AlertRule, last_at: datetime | None, now: datetime) -> bool:
    return last_at is None or elapsed(last_at, now) >= timedelta(minutes=rule.cooldown_minutes)
