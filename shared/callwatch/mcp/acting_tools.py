"""Tools that act, for administrators: acknowledge, silence, resolve. Each takes a reason, which is kept with the actor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from callwatch.alerts.actions import acknowledge
from callwatch.alerts.silence_actions import create_silence
from callwatch.db import connection
from callwatch.exceptions import Invalid
from callwatch.mcp.arguments import Argument
from callwatch.mcp.error_tools import GROUP_ID
from callwatch.mcp.reading_tools import ALERT_ID
from callwatch.mcp.tool import STATEMENT_TIMEOUT_MS, Arguments, Caller, Tool
from callwatch.reports.groups.group_actions import act
from callwatch.reports.missing_values import explain_nulls
from callwatch.times import format_time

_REASON = Argument("text", "Why: a sentence that people will read.", most=1_000, is_required=True)
_MAX_MINUTES = 7 * 24 * 60


def _acknowledge(given: Arguments, caller: Caller) -> Mapping[str, object]:
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        alert = acknowledge(conn, given["id"], {"reason": given["reason"]}, caller.actor, caller.settings, caller.now)
        conn.commit()
    return {**alert, "unknown": explain_nulls(alert)}


def _silence(given: Arguments, caller: Caller) -> Mapping[str, object]:
    matchers = {name: given[name] for name in ("rule_id", "service") if given[name]}
    if not matchers:
        raise Invalid("rule_id", "must be given, or service: a silence must match something")
    ends_at = format_time(caller.now + timedelta(minutes=given["minutes"]))
    body = {"matchers": matchers, "reason": given["reason"], "ends_at": ends_at}
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        silence = create_silence(conn, body, caller.actor, caller.settings, caller.now)
        conn.commit()
    return silence


def _resolve_error(given: Arguments, caller: Caller) -> Mapping[str, object]:
    body = {name: given[name] for name in ("reason", "in_release") if given[name]}
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        group = act(conn, given["id"], "resolve", body, caller.actor, caller.now)
        conn.commit()
    return {**group, "unknown": explain_nulls(group)}


TOOLS = (
    Tool(
        "acknowledge",
        "Acknowledge an alert",
        "Take charge of a firing alert: it sends no reminders until it resolves. Needs an admin token.",
        _acknowledge,
        {"id": ALERT_ID, "reason": _REASON},
        is_acting=True,
    ),
    Tool(
        "silence",
        "Silence alerts",
        "Mute notifications of a rule or a service for some minutes; evaluation goes on. Needs an admin token.",
        _silence,
        {
            "rule_id": Argument("text", "Mute alerts of this rule.", most=200),
            "service": Argument("text", "Mute alerts about this service.", most=200),
            "minutes": Argument("number", "For how many minutes from now.", most=_MAX_MINUTES, is_required=True),
            "reason": _REASON,
        },
        is_acting=True,
    ),
    Tool(
        "resolve_error",
        "Resolve an error group",
        "Mark an error group as resolved; it regresses if it occurs again. Needs an admin token.",
        _resolve_error,
        {"id": GROUP_ID, "in_release": Argument("text", "The release that has the fix.", most=200), "reason": _REASON},
        is_acting=True,
    ),
)
