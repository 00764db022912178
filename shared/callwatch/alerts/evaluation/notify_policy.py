"""Decides which notification an instance is due and when: once per span, after the cooldown, never while silenced. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from callwatch.alerts.evaluation.instance import Change, Instance, measure_elapsed
from callwatch.alerts.rules.rule import MIN_COOLDOWN_MINUTES, AlertRule
from callwatch.models.alert import AlertLevel, rank_level

_CALM = timedelta(minutes=30)
_NEVER = timedelta.max
Transition = Literal["firing", "resolved"] | None


@dataclass(frozen=True, slots=True)
class Situation:
    """The context of an instance: its channels, whether it is silenced or inhibited, and its notification group.

    group: name of the open group that it would join. group_waits_until: that group was just notified and admits no member before
    then; group_level: level of that notification. first_waits_until: its first notification waits for further alerts. repeat:
    after how long it reminds; None: never. escalation: channels that are due because nobody took its incident. quiet_until:
    nothing is sent before then. is_collected: a digest says that it fires.
    """

    channels: Sequence[str] = ()
    is_silenced: bool = False
    is_explained: bool = False
    group: str | None = None
    group_waits_until: datetime | None = None
    group_level: str | None = None
    first_waits_until: datetime | None = None
    repeat: timedelta | None = None
    escalation: Sequence[str] = ()
    quiet_until: datetime | None = None
    is_collected: bool = False


def decide(rule: AlertRule, instance: Instance, before: Instance | None, now: datetime, around: Situation) -> Change:
    """Return the instance's transition and the notification that is due now."""
    was_firing = before is not None and before.state == "firing"
    is_firing = instance.state == "firing"
    transition: Transition = None
    if is_firing != was_firing:
        transition = "firing" if is_firing else "resolved"
    if instance.notified_channels is None:
        instance = instance.change(notified_channels=tuple(around.channels))
    was_held = instance.held is not None
    if was_held:
        instance = instance.change(held=None)
    if not is_firing:
        if was_held and transition == "resolved" and not instance.is_notified and around.group is not None:
            # It began and ended while its notification waited: the next one of the group mentions it.
            instance = instance.change(group=around.group)
        return _decide_clear(instance, transition, now, around.is_silenced or around.quiet_until is not None)
    is_reopened = transition == "firing" and before is not None and before.is_open
    if around.is_silenced:
        return Change(instance if instance.is_muted else instance.change(is_muted=True), transition, None, is_reopened)
    # An instance that is clearing or unknown is not notified; one whose notification a silence held back is, even if unknown,
    # and so is a critical one that waited.
    is_owed = (rule.level == AlertLevel.CRITICAL or instance.is_muted) and not instance.is_notified
    is_certain = instance.clear_since is None and (is_owed or not instance.is_unknown)
    if around.quiet_until is not None:
        # What waits is notified when the quiet hours end, if it still fires then.
        held = None if instance.is_notified or around.is_collected else around.quiet_until.isoformat()
        return Change(instance.change(held=held), transition, None, is_reopened)
    if around.is_collected and not instance.is_notified:
        return Change(instance, transition, None, is_reopened)
    is_escalated = bool(around.escalation) and instance.is_notified and not instance.is_acknowledged
    if is_escalated and instance.clear_since is None:
        # An incident goes on to escalate while its value is unknown, or while a later cause explains it.
        return Change(instance, transition, "escalated", is_reopened)
    if around.is_explained or not is_certain:
        return Change(instance, transition, None, is_reopened)
    wish = _decide_firing(rule, instance, now, around)
    waits_until = None if wish else _find_wait_end(rule, instance, now, around)
    if waits_until is not None:
        instance = instance.change(held=waits_until.isoformat())
    return Change(instance, transition, wish, is_reopened)


def _decide_firing(
    rule: AlertRule, instance: Instance, now: datetime, around: Situation
) -> Literal["firing", "flapping", "reminder", "raised", "added"] | None:
    is_raised = instance.notified_level is not None and rank_level(rule.level) > rank_level(instance.notified_level)
    if not instance.is_notified:
        if _find_wait_end(rule, instance, now, around) is not None:
            return None
        return "flapping" if instance.is_flapping else "firing"
    if is_raised:
        return "raised"
    if set(around.channels) - set(instance.notified_channels or ()):
        return "added"
    return "reminder" if _is_reminder_due(rule, instance, now, around.repeat) else None


def _find_wait_end(rule: AlertRule, instance: Instance, now: datetime, around: Situation) -> datetime | None:
    """Return until when the first notification of a firing instance waits.

    A raised level waits for no cooldown. A critical instance does not wait for its group, nor does one that a silence held back.
    """
    if instance.is_notified:
        return None
    times = []
    if instance.notified_level is None or rank_level(rule.level) <= rank_level(instance.notified_level):
        times.append(_find_cooled_at(rule, instance, now))
    if instance.is_muted:
        return max((at for at in times if at > now), default=None)
    is_patient = rule.level != AlertLevel.CRITICAL
    if is_patient and around.group_waits_until and rank_level(rule.level) <= rank_level(around.group_level):
        times.append(around.group_waits_until)
    if around.first_waits_until:
        times.append(around.first_waits_until)
    return max((at for at in times if at > now), default=None)


def _decide_clear(instance: Instance, transition: Transition, now: datetime, is_silenced: bool) -> Change:
    if transition:
        instance = instance.change(is_muted=False, is_acknowledged=False, suppressed_by=None)
    if instance.state != "ok":
        return Change(instance, transition)
    # A flapping instance may fire again any minute: it is over after a calm period.
    if instance.is_flapping:
        if measure_elapsed(instance.since, now) < _CALM:
            return Change(instance, transition)
        instance = instance.change(is_flapping=False)
    # No cooldown delays the all-clear; only a silence does.
    return Change(instance, transition, "resolved" if instance.is_notified and not is_silenced else None)


def _is_reminder_due(rule: AlertRule, instance: Instance, now: datetime, repeat: timedelta | None) -> bool:
    """Whether it reminds again, or once because a silence ended; an acknowledged instance never does.

    What a route says is stronger than the cooldown of the rule.
    """
    if instance.is_acknowledged:
        return False
    if instance.is_muted:
        return _find_cooled_at(rule, instance, now) <= now
    is_repeated = repeat is not None and not instance.is_flapping
    return is_repeated and measure_elapsed(instance.last_notified_at or now, now) >= (repeat or _NEVER)


def _find_cooled_at(rule: AlertRule, instance: Instance, now: datetime) -> datetime:
    """Return when the same notification may follow. A person chose the end of a silence: there, the least cooldown is enough."""
    if instance.last_notified_at is None:
        return now
    minutes = MIN_COOLDOWN_MINUTES if instance.is_muted else rule.cooldown_minutes
    return min(instance.last_notified_at, now) + timedelta(minutes=minutes)
