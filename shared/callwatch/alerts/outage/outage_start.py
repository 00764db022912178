"""Alerts that the database itself is down: sends one page without it, and writes the rows when it is back.

State and outbox are in the database, so the outage is remembered in this process and in a file under /tmp. Both end
with the execution environment: one that is replaced during an outage starts over (docs/decisions/0030).
"""

from datetime import datetime, timedelta
from typing import TypedDict

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluation.silences import load_silences
from callwatch.alerts.notifications.delivery_failed import clean_error
from callwatch.alerts.notifications.notification import dump_notification
from callwatch.alerts.notifications.rendering import build_notification
from callwatch.alerts.outage.direct_delivery import create_notification, is_open, send_now
from callwatch.alerts.outage.outage import Outage, OutageMemory, build_outage_id
from callwatch.alerts.outage.records import OutageRecord, OutageStart
from callwatch.alerts.routing.known_routes import restore_own_routes
from callwatch.alerts.routing.routes_in_force import join_routes, list_routed_channels
from callwatch.alerts.rules.manager import alert_manager
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.alert_queries.rule_states import read_switches
from callwatch.db.alert_queries.silences import list_silences_in_force
from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_one
from callwatch.models.check import Reason
from callwatch.models.sample import Sample
from callwatch.settings import Settings, get_settings
from callwatch.times import format_time

_UNHEALTHY = 2.0
# As for every critical alert that still fires.
_REMIND_AFTER = timedelta(hours=1)
_LAST_TOLD = "SELECT details->>'last_notified_at' AS at FROM callwatch.rule_states WHERE alert_key = %s"
_FOR_GOOD = "9999-12-31T00:00:00Z"


class PageResult(TypedDict):
    """Since when an outage lasts, and the channels that accepted a notification of it by now."""

    since: str
    sent: list[str]


def start_database_outage(
    memory: OutageMemory,
    now: datetime,
    reason: str,
    deadline_s: float,
    since: datetime | None = None,
    code: Reason = "unreachable",
) -> PageResult:
    """Record the outage, notify if that is due, and retry what was not delivered. Ends by `deadline_s`.

    Due: at its start, unless the last notification is more recent than the cooldown or a person silenced or disabled the
    rule; then once an hour. since: when the database was first missed, if not now.
    code: the reason as in the checks; `saturated` differs from a server that is down.
    """
    more: OutageStart = {"code": code, "value": _UNHEALTHY}
    return page_directly(memory, now, f"saturated: {reason}" if code == "saturated" else reason, deadline_s, since, more)


def page_directly(
    memory: OutageMemory, now: datetime, reason: str, deadline_s: float, since: datetime | None, more: OutageStart
) -> PageResult:
    """Remember an outage, and notify as `start_database_outage` describes. more: further fields to remember from its start."""
    settings = get_settings()
    rule = find_outage_rule(memory.kind, settings)
    outage = memory.find_current()
    if outage is None:
        began = format_time((since or now).replace(microsecond=0))
        outage = {**memory.load_remembered(), **more, "since": began, "reason": clean_error(reason, settings), "notices": []}
    if _is_due(outage, rule, now):
        _add_notification(memory.kind, outage, rule, settings, now)
    memory.save(outage)
    sent = send_now(outage["notices"], settings, now, deadline_s)
    memory.save(outage)
    return {"since": outage["since"], "sent": sent}


def forget_outage(memory: OutageMemory, now: datetime) -> None:
    """Forget an outage whose rows are written; remembers when it ended and was notified, for the cooldown."""
    outage = memory.load_remembered()
    kept = {name: outage.get(name) for name in ("last_told_at", "muted_until") if outage.get(name)}
    memory.save({**kept, "ended_at": format_time(now)})


def remember(conn: AnyConnection, memory: OutageMemory, now: datetime) -> None:
    """Remember, while the database is up, when the rule was last notified and until when it is silenced or disabled."""
    kind, outage = memory.kind, memory.load_remembered()
    row = fetch_one(conn, _LAST_TOLD, (kind.key,))
    notified_at = [at for at in (row["at"] if row else None, outage.get("last_told_at")) if at]
    switch = read_switches(conn).get(kind.rule_id)
    is_enabled = switch is None or switch["is_enabled"]
    muted = [] if is_enabled else [_FOR_GOOD]
    instance = Instance(kind.key, kind.rule_id, kind.labels, "firing", now)
    for silence in load_silences(list_silences_in_force(conn, now), now):
        if silence.ends_at is not None and silence.matches(instance):
            muted.append(format_time(silence.ends_at))
    latest = max(notified_at, key=datetime.fromisoformat, default=None)
    memory.save({**outage, "last_told_at": latest, "muted_until": max(muted, default=None)})


def drop_outage_samples(memory: OutageMemory, samples: list[Sample], now: datetime) -> list[Sample]:
    """Drop samples that say the database is down while it responds, if an outage just ended.

    They were measured before the end, or belong to the same outage, which was already paged.
    """
    rule = find_outage_rule(memory.kind, get_settings())
    if memory.find_current() is None and not _is_cooling(memory.load_remembered().get("ended_at"), rule, now):
        return samples
    return [sample for sample in samples if not (rule.matches(sample) and _is_bad(rule, sample))]


def _is_bad(rule: AlertRule, sample: Sample) -> bool:
    value = sample.value
    return value is None or any(c.metric == sample.metric and c.holds(value) for c in rule.list_conditions())


def build_outage_instance(outage: OutageRecord, kind: Outage) -> Instance:
    """Build the instance that an evaluation of the outage would have produced, whatever a rule of the same id measures."""
    since = datetime.fromisoformat(outage["since"])
    return Instance(
        kind.key, kind.rule_id, kind.labels, "firing", since, value=outage.get("value", _UNHEALTHY), threshold=_UNHEALTHY,
        metric=kind.metric, comparison=">=", detail=outage["reason"], began_at=since,
    )  # fmt: skip


def find_outage_rule(kind: Outage, settings: Settings) -> AlertRule:
    """Return the rule of an outage as configured."""
    return next(rule for rule in alert_manager.list_rules(settings) if rule.id == kind.rule_id)


def _add_notification(kind: Outage, outage: OutageRecord, rule: AlertRule, settings: Settings, now: datetime) -> None:
    """Add a notification for the channels that have none pending."""
    waiting = {channel for notice in outage["notices"] for channel, share in notice["channels"].items() if is_open(share)}
    occasion = "reminder" if outage["notices"] else "first"
    alert_id = build_outage_id(outage["since"], kind)
    instance = build_outage_instance(outage, kind)
    notification = build_notification("alert.firing", alert_id, rule, instance, settings, now, occasion=occasion)
    routes = join_routes(settings, restore_own_routes(outage["reason"]))
    routed = list_routed_channels(routes.find_for(rule, instance), rule, settings, instance.labels)
    channels = [channel for channel in routed if channel not in waiting]
    notice = create_notification(alert_id, len(outage["notices"]) + 1, dump_notification(notification), channels, now)
    outage["notices"] = [*outage["notices"], notice]
    outage["last_told_at"] = format_time(now)


def _is_due(outage: OutageRecord, rule: AlertRule, now: datetime) -> bool:
    muted_until = outage.get("muted_until")
    if muted_until and now < datetime.fromisoformat(muted_until):
        return False
    if not outage["notices"]:
        return not _is_cooling(outage.get("last_told_at"), rule, now)
    return now - datetime.fromisoformat(outage["notices"][-1]["at"]) >= _REMIND_AFTER


def _is_cooling(at: str | None, rule: AlertRule, now: datetime) -> bool:
    return at is not None and now - datetime.fromisoformat(at) < timedelta(minutes=rule.cooldown_minutes)
