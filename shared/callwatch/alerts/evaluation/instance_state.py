"""The state of an instance: pending, firing, clear, unknown, and how long each lasts. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from callwatch.alerts.evaluation.context import keep_unknown
from callwatch.alerts.evaluation.instance import Instance, measure_elapsed
from callwatch.alerts.evaluation.instance_samples import Found, is_known
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import EndReason
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

_SOURCE_UNREAD = Reason("unavailable", "its source could not be read")
_NOT_KNOWN = Reason("unavailable", "no value is known")
_LEFT_OUT = Reason("no_traffic", "nothing newer was measured of it, so nothing shows that it is over")
_FLAPS = 4
# Whatever happens each week was reported again by then.
UNREPORTED_FOR = timedelta(days=7)
_FLAP_WINDOW = timedelta(hours=1)


def compute_state(rule: AlertRule, key: str, found: Found, before: Instance | None, now: datetime) -> Instance:
    """Return the state that the samples of an instance lead to."""
    old = before or Instance(key, rule.id, found.labels, "ok", now)
    hit = next(((c, f) for c, f in found.pairs if is_known(f) and c.holds(f.value)), None)
    blank = next((sample for _condition, sample in found.pairs if not is_known(sample)), None)
    old = _note_unreported(old, found, now)
    end = _find_end(old, found, now) if hit is None else None
    if end is not None:
        return _end(old, *end, now)
    if hit is None and found.is_absent and blank is None and not found.unread:
        return keep_unknown(old, _LEFT_OUT, now)
    if hit is None and (blank is not None or found.unread):
        cleared = None if _find_doubt(old, found.pairs) else _find_clearing(old, found.pairs)
        if cleared is not None:
            return _clear(rule, _set_figures(old.change(is_unknown=False, reason=None), *cleared), now)
        reason = (blank.reason or blank.inconclusive if blank else _SOURCE_UNREAD) or _NOT_KNOWN
        return keep_unknown(old, reason, now)
    doubt = _find_doubt(old, found.pairs) if hit is None else None
    if doubt is not None:
        return keep_unknown(old, doubt, now)
    current = old.change(is_unknown=False, reason=None, has_seen=old.has_seen or bool(found.pairs))
    if hit is not None:
        return _fire(rule, _set_figures(current, *hit), hit[1], now)
    if found.pairs:
        current = _set_figures(current, *found.pairs[0])
    elif before is not None:
        current = current.change(value=None, detail=None)
    return _clear(rule, current, now)


def _note_unreported(instance: Instance, found: Found, now: datetime) -> Instance:
    """Keep since when the source measures nothing of an instance."""
    since = (instance.gone_since or now) if found.is_unreported else None
    return instance if instance.gone_since == since else instance.change(gone_since=since)


def _find_end(instance: Instance, found: Found, now: datetime) -> tuple[EndReason, str] | None:
    """Return how an instance ends though nothing good was measured of it, and why."""
    if found.end is not None or instance.gone_since is None or measure_elapsed(instance.gone_since, now) < UNREPORTED_FOR:
        return found.end
    doubt = next((sample.inconclusive for _condition, sample in found.pairs if sample.inconclusive is not None), None)
    return "no_longer_reported", f"{(doubt or _LEFT_OUT).message}, for {UNREPORTED_FOR.days} days"


def _end(instance: Instance, ended: EndReason, why: str, now: datetime) -> Instance:
    """End a firing instance at once; its last value stays, since none was measured."""
    return instance.change(
        state="ok",
        since=now,
        clear_since=None,
        gone_since=None,
        is_unknown=False,
        reason=None,
        ended=ended,
        ended_why=why,
    )


def _find_clearing(old: Instance, pairs: Sequence[tuple[Condition, Sample]]) -> tuple[Condition, Sample] | None:
    """Return the sample that clears a firing instance: every sample of the metric that it fired by must be known."""
    of_metric = [(condition, sample) for condition, sample in pairs if condition.metric == old.metric]
    if old.state != "firing" or not all(is_known(sample) for _condition, sample in of_metric):
        return None
    return next(iter(of_metric), None)


def _find_doubt(old: Instance, pairs: Sequence[tuple[Condition, Sample]]) -> Reason | None:
    """Return why the samples of the metric that an instance fires by are no all-clear."""
    if old.state != "firing":
        return None
    of_metric = (sample for _condition, sample in pairs if sample.metric == old.metric)
    return next((sample.inconclusive for sample in of_metric if sample.inconclusive is not None), None)


def _set_figures(instance: Instance, condition: Condition, sample: Sample) -> Instance:
    return instance.change(
        value=sample.value,
        threshold=condition.threshold,
        metric=condition.metric,
        comparison=condition.comparison,
        detail=sample.detail,
        weight=sample.weight,
    )


def _fire(rule: AlertRule, instance: Instance, sample: Sample, now: datetime) -> Instance:
    if instance.state == "firing":
        return instance.change(clear_since=None)
    pending_since = instance.since if instance.state == "pending" else now
    if measure_elapsed(pending_since, now) < timedelta(seconds=rule.for_s):
        return instance.change(state="pending", since=pending_since)
    began_at = min(sample.since, now) if sample.since else pending_since
    fired = (*_list_recent(instance, now), now)
    return instance.change(
        state="firing",
        since=now,
        ended=None,
        ended_why=None,
        # A span that is still open for the notified channels continues.
        began_at=instance.began_at if instance.is_open and instance.began_at else began_at,
        clear_since=None,
        fired=fired,
        is_flapping=instance.is_flapping or len(fired) >= _FLAPS,
    )


def _clear(rule: AlertRule, instance: Instance, now: datetime) -> Instance:
    instance = instance.change(fired=_list_recent(instance, now))
    if instance.state != "firing":
        return instance.change(state="ok", since=instance.since if instance.state == "ok" else now)
    clear_since = instance.clear_since or now
    if measure_elapsed(clear_since, now) < timedelta(seconds=rule.resolve_for_s):
        return instance.change(clear_since=clear_since)
    return instance.change(state="ok", since=now, clear_since=None)


def is_idle(rule: AlertRule, instance: Instance, now: datetime) -> bool:
    """Whether no notification is due for an instance any more, so that it can be dropped."""
    if instance.state == "firing" or instance.is_open or instance.group is not None or _list_recent(instance, now):
        return False
    last = [at for at in (instance.last_notified_at, instance.last_cleared_at) if at is not None]
    return all(measure_elapsed(at, now) >= timedelta(minutes=rule.cooldown_minutes) for at in last)


def _list_recent(instance: Instance, now: datetime) -> tuple[datetime, ...]:
    return tuple(at for at in instance.fired if measure_elapsed(at, now) < _FLAP_WINDOW)
