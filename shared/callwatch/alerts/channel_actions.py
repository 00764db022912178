"""The channels as people see them: which are configured, whether they deliver, and a test notification through one."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from callwatch.alerts.actions import require_reason
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.channels import NEEDS, find_kind, find_settings, is_configured, list_names
from callwatch.alerts.notifications.outbox import queue_notification
from callwatch.alerts.notifications.rendering import build_notification, build_runbook_url
from callwatch.alerts.rules.rule import CHANNEL_BROKEN, AlertRule, Condition
from callwatch.db.alert_queries.channel_states import ChannelState, end_holds, read_channel_states
from callwatch.db.alert_queries.delivery_history import find_last_record, list_test_deliveries
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Conflict, NotFound
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.models.reason import Reason
from callwatch.settings import Settings
from callwatch.settings.named_channels import add_suffix

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.channels import ChannelHealth, ChannelItem, TestedChannel

_DATABASE = AlertChannel.DATABASE.value
_NOTHING_SENT = Reason("none", "nothing was sent yet")
_NOT_CONFIGURED = Reason("not_configured", "the channel is not configured")
_NEVER_FAILED = Reason("none", "no delivery failed")
_NOT_HELD = Reason("none", "the channel is not held")
_NO_PROBLEM = Reason("none", "its settings are valid")


def list_channel_items(conn: AnyConnection, settings: Settings, now: datetime) -> list[ChannelItem]:
    """List every channel with its state, the audit trail in the database included."""
    states = read_channel_states(conn)
    items = [_build_item(name, settings, states.get(name), now) for name in list_names(settings)]
    return [*items, _build_database_item(conn)]


def send_test(conn: AnyConnection, name: str, given: Any, actor: str, settings: Settings, now: datetime) -> None:
    """Queue a marked test notification for one channel. The caller commits, and then delivers.

    Raises NotFound, Conflict for a channel without its settings, Invalid.
    """
    names = [*list_names(settings), _DATABASE]
    if name not in names:
        raise NotFound(f"no channel has this name; channels are {', '.join(names)}")
    reason = require_reason(given, "no reason given")
    if name != _DATABASE and not is_configured(name, settings):
        raise Conflict(f"the channel {name} is not configured; {_name_remedy(name, settings)}", code="not_configured")
    rule = AlertRule(
        _name_test(name),
        f"Test of the channel {name}",
        AlertLevel.INFO,
        (name,),
        (Condition("channel.broken", ">=", 1),),
        runbook=build_runbook_url(settings, CHANNEL_BROKEN),
    )
    instance = Instance("", rule.id, {"channel": name}, "firing", now, threshold=1.0, began_at=now)
    test_id = f"test-{name}-{uuid.uuid4().hex[:12]}"
    notification = build_notification("alert.test", test_id, rule, instance, settings, now, actor=actor, reason=reason)
    channels = [] if name == _DATABASE else [name]
    queue_notification(conn, None, notification, channels, now)
    # A test shows whether a repaired channel works, so it ends the hold.
    end_holds(conn, channels, now)


def load_tested(conn: AnyConnection, name: str, settings: Settings, now: datetime) -> TestedChannel:
    """Return one channel with the delivery of its latest test."""
    (item,) = (each for each in list_channel_items(conn, settings, now) if each["name"] == name)
    deliveries = [each for each in list_test_deliveries(conn).get(_name_test(name), []) if each["channel"] == name]
    return {**item, "test_deliveries": deliveries}


def _name_test(name: str) -> str:
    return f"channel_test:{name}"


def _name_remedy(name: str, settings: Settings) -> str:
    problem = _find_problem(name, settings)
    return problem or f"set {', '.join(_list_missing(name, settings))}"


def _list_missing(name: str, settings: Settings) -> list[str]:
    """List what to set; of alternatives the line names all."""
    own = find_settings(name, settings)
    groups = [(needed,) if isinstance(needed, str) else needed for needed in NEEDS.get(find_kind(name), ())]
    missing = [group for group in groups if not any(getattr(own, variable.lower(), None) for variable in group)]
    return [" or ".join(add_suffix(variable, name) for variable in group) for group in missing]


def _find_problem(name: str, settings: Settings) -> str | None:
    """Return what is wrong with a setting that switched the channel off."""
    found = [problem.message for problem in settings.problems if problem.affects == f"channel.{name}"]
    return "; ".join(found) or None


def _build_item(name: str, settings: Settings, state: ChannelState | None, now: datetime) -> ChannelItem:
    is_usable, problem = is_configured(name, settings), _find_problem(name, settings)
    open_until = state["open_until"] if state is not None else None
    held_until = open_until if is_usable and open_until is not None and open_until > now else None
    item: ChannelItem = {
        "name": name,
        "kind": find_kind(name),
        "is_configured": is_usable,
        "state": "invalid" if problem else _find_state(state, held_until) if is_usable else "not_configured",
        "last_sent_at": state["last_sent_at"] if state is not None else None,
        "last_error": state["last_error"] if state is not None else None,
        "last_failed_at": (state["last_failed_at"] or state["failing_since"]) if state is not None else None,
        "held_until": held_until,
        "needs": [] if is_usable else _list_missing(name, settings),
        "problem": problem,
        "unknown": {},
    }
    return _explain(item)


def _find_state(state: ChannelState | None, held_until: datetime | None) -> ChannelHealth:
    if held_until is not None:
        return "held"
    if state is None:
        return "unused"
    last_sent_at, last_failed_at = state["last_sent_at"], state["last_failed_at"]
    is_refused = last_failed_at is not None and (last_sent_at is None or last_failed_at > last_sent_at)
    return "failing" if state["failures"] or is_refused else "ok" if last_sent_at is not None else "unused"


def _build_database_item(conn: AnyConnection) -> ChannelItem:
    """Build the audit trail's item: the transaction of a change writes it, so it cannot fail by itself."""
    recorded_at = find_last_record(conn)
    return _explain(
        {
            "name": _DATABASE,
            "kind": _DATABASE,
            "is_configured": True,
            "state": "unused" if recorded_at is None else "ok",
            "last_sent_at": recorded_at,
            "last_error": None,
            "last_failed_at": None,
            "held_until": None,
            "needs": [],
            "problem": None,
            "unknown": {},
        }
    )


def _explain(item: ChannelItem) -> ChannelItem:
    why = {
        "last_sent_at": _NOTHING_SENT if item["is_configured"] else _NOT_CONFIGURED,
        "last_error": _NEVER_FAILED,
        "last_failed_at": _NEVER_FAILED,
        "held_until": _NOT_HELD,
        "problem": _NO_PROBLEM,
    }
    given: dict[str, object] = dict(item)
    return {**item, "unknown": {name: reason for name, reason in why.items() if given[name] is None}}
