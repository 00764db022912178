"""PostgreSQL itself is down: one page goes out without it, and the rows are written when it is back.

State and outbox are in the database, so the outage is remembered in this process and in a file under /tmp. Both end
with the execution environment: one that is replaced during an outage begins it anew (docs/decisions/0030).
"""

from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.channels import channels_for
from callwatch.alerts.failure import clean_error
from callwatch.alerts.instance import Instance, Silence, instance_key
from callwatch.alerts.manager import alert_manager
from callwatch.alerts.message import iso, payload_of
from callwatch.alerts.outage import LABELS, MEMORY, RULE_ID, outage_id
from callwatch.alerts.rule import AlertRule
from callwatch.alerts.send_now import is_open, new_notice, send_now
from callwatch.db.connect import AnyConnection
from callwatch.db.query import fetch_one
from callwatch.db.rule_states import active_silences, switches
from callwatch.models.facts import Fact
from callwatch.settings import Settings, get_settings

_UNHEALTHY = 2.0
# As for every critical alert that still fires.
_REMIND_AFTER = timedelta(hours=1)
_LAST_TOLD = "SELECT details->>'last_notified_at' AS at FROM callwatch.rule_states WHERE alert_key = %s"
_FOR_GOOD = "9999-12-31T00:00:00Z"


def database_down(now: datetime, reason: str, deadline_s: float, since: datetime | None = None) -> dict[str, Any]:
    """Note the outage, tell it where that is due, and try again what did not get through. Ends by `deadline_s`.

    Due: at its start, unless the last notification is younger than the cooldown, a person silenced or disabled the
    rule, and once an hour after that. since: when it was missed first, where that is not now.
    """
    memory, settings = MEMORY.load(), get_settings()
    rule = database_rule(settings)
    if not memory.get("since"):
        memory |= {"since": iso((since or now).replace(microsecond=0)), "reason": clean_error(reason, settings), "notices": []}
    if _is_due(memory, rule, now):
        _add_notice(memory, rule, settings, now)
    MEMORY.save(memory)
    sent = send_now(memory["notices"], settings, now, deadline_s)
    MEMORY.save(memory)
    return {"since": memory["since"], "sent": sent}


def forget_outage(now: datetime) -> None:
    """The outage is over, and its rows are written; when it ended and was told is remembered for the cooldown."""
    memory = MEMORY.load()
    kept = {name: memory[name] for name in ("last_told_at", "muted_until") if memory.get(name)}
    MEMORY.save({**kept, "ended_at": iso(now)})


def remember(conn: AnyConnection, now: datetime) -> None:
    """While the database is there: when its rule was last told, and how long people want to hear nothing of it."""
    key = instance_key(RULE_ID, LABELS)
    row = fetch_one(conn, _LAST_TOLD, (key,))
    told = [at for at in (row["at"] if row else None, MEMORY.load().get("last_told_at")) if at]
    is_enabled = switches(conn).get(RULE_ID, {}).get("is_enabled", True)
    muted = [] if is_enabled else [_FOR_GOOD]
    instance = Instance(key, RULE_ID, LABELS, "firing", now)
    for silence in active_silences(conn, now):
        matchers = silence["matchers"]
        if Silence(matchers.get("rule_id"), matchers.get("service"), matchers.get("labels") or {}).matches(instance):
            muted.append(iso(silence["ends_at"]))
    latest = max(told, key=datetime.fromisoformat, default=None)
    MEMORY.save({**MEMORY.load(), "last_told_at": latest, "muted_until": max(muted, default=None)})


def without_old_news(facts: list[Fact], now: datetime) -> list[Fact]:
    """Facts without those that call the database down while it answers, where an outage of it has just ended.

    They were measured before it did, or belong to the same unrest: the page is out, and its cooldown runs.
    """
    memory, rule = MEMORY.load(), database_rule(get_settings())
    if not memory.get("since") and not _is_cooling(memory, rule, now, "ended_at"):
        return facts
    return [fact for fact in facts if not (rule.matches(fact) and _is_bad(rule, fact))]


def _is_bad(rule: AlertRule, fact: Fact) -> bool:
    value = fact.value
    return value is None or any(c.metric == fact.metric and c.holds(value) for c in rule.all_conditions())


def outage_instance(outage: dict[str, Any]) -> Instance:
    """The outage as the rules would have judged it."""
    since = datetime.fromisoformat(outage["since"])
    return Instance(
        instance_key(RULE_ID, LABELS), RULE_ID, LABELS, "firing", since, value=_UNHEALTHY, threshold=_UNHEALTHY,
        detail=outage["reason"], began_at=since,
    )  # fmt: skip


def database_rule(settings: Settings) -> AlertRule:
    """The rule that this is about, as it is configured."""
    return next(rule for rule in alert_manager.rules(settings) if rule.id == RULE_ID)


def _add_notice(memory: dict[str, Any], rule: AlertRule, settings: Settings, now: datetime) -> None:
    """One more notification, for the channels where none is still on its way."""
    waiting = {channel for notice in memory["notices"] for channel, share in notice["channels"].items() if is_open(share)}
    payload = payload_of("alert.firing", outage_id(memory["since"]), rule, outage_instance(memory), settings, now)
    if memory["notices"]:
        payload["data"]["message"] = "Still firing: " + payload["data"]["message"]
    channels = [channel for channel in channels_for(rule, settings) if channel not in waiting]
    memory["notices"] = [
        *memory["notices"],
        new_notice(outage_id(memory["since"]), len(memory["notices"]) + 1, payload, channels, now),
    ]
    memory["last_told_at"] = iso(now)


def _is_due(memory: dict[str, Any], rule: AlertRule, now: datetime) -> bool:
    muted_until = memory.get("muted_until")
    if muted_until and now < datetime.fromisoformat(muted_until):
        return False
    if not memory["notices"]:
        return not _is_cooling(memory, rule, now, "last_told_at")
    return now - datetime.fromisoformat(memory["notices"][-1]["at"]) >= _REMIND_AFTER


def _is_cooling(memory: dict[str, Any], rule: AlertRule, now: datetime, since: str) -> bool:
    at = memory.get(since)
    return at is not None and now - datetime.fromisoformat(at) < timedelta(minutes=rule.cooldown_minutes)
