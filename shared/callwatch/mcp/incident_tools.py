"""Tools about incidents, calls and weeks; those that act on an incident are for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from callwatch.alerts.incidents.actions import act_on_incident
from callwatch.alerts.incidents.serializers import load_incident_detail, load_incidents
from callwatch.api.filters import read_position
from callwatch.api.http import encode_cursor
from callwatch.db import connection
from callwatch.db.incident_queries.incident_lists import IncidentFilters
from callwatch.mcp.arguments import Argument
from callwatch.mcp.reading_tools import CURSOR, LIMIT, SINCE, UNTIL, build_page
from callwatch.mcp.tool import STATEMENT_TIMEOUT_MS, Arguments, Caller, Tool
from callwatch.models.alert import Level
from callwatch.models.incident import IncidentState
from callwatch.reports.items.costs import DAYS, build_costs
from callwatch.reports.items.one_call import load_call
from callwatch.reports.missing_values import explain_nulls
from callwatch.reports.weekly.report import build_weekly
from callwatch.reports.weekly.week import find_week

_INCIDENT_ID = Argument("text", "The id of an incident, as list_incidents shows it.", is_required=True)
_REASON = Argument("text", "Why: a sentence that people will read.", most=1_000, is_required=True)


def _list_incidents(given: Arguments, caller: Caller) -> Mapping[str, object]:
    page = build_page(given)
    before_at, before_id = read_position(page)
    filters: IncidentFilters = {
        "state": given["state"],
        "level": given["level"],
        "q": None,
        "since": given["since"],
        "until": given["until"],
        "before_at": before_at,
        "before_id": before_id,
    }
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        loaded, position = load_incidents(conn, filters, page.limit, caller.now)
    unknown = explain_nulls({"items": loaded.items}) | {f"items.{path}": why for path, why in loaded.unknown.items()}
    return {"items": loaded.items, "next_cursor": encode_cursor(position) if position else None, "unknown": unknown}


def _get_incident(given: Arguments, caller: Caller) -> Mapping[str, object]:
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        incident, unknown = load_incident_detail(conn, given["id"], caller.now)
    return {**incident, "unknown": explain_nulls(incident) | unknown}


def _get_call(given: Arguments, caller: Caller) -> Mapping[str, object]:
    return load_call(caller.settings, caller.now, given["id"])


def _get_weekly_report(given: Arguments, caller: Caller) -> Mapping[str, object]:
    week = find_week(given["week"], caller.settings.timezone, caller.now)
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        return build_weekly(conn, caller.settings, week, caller.now)


def _get_costs(given: Arguments, caller: Caller) -> Mapping[str, object]:
    return build_costs(caller.settings, caller.now, given["range"])


def _take_incident(given: Arguments, caller: Caller) -> Mapping[str, object]:
    return _act("take", given["id"], {"reason": given["reason"]}, caller)


def _note_incident(given: Arguments, caller: Caller) -> Mapping[str, object]:
    return _act("note", given["id"], {"note": given["note"]}, caller)


def _resolve_incident(given: Arguments, caller: Caller) -> Mapping[str, object]:
    return _act("resolve", given["id"], {"reason": given["reason"]}, caller)


def _act(action: str, incident_id: str, body: Mapping[str, str], caller: Caller) -> Mapping[str, object]:
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        incident, unknown = act_on_incident(conn, incident_id, action, body, caller.actor, caller.settings, caller.now)
        conn.commit()
    return {**incident, "unknown": explain_nulls(incident) | unknown}


TOOLS = (
    Tool(
        "list_incidents",
        "Incidents",
        "Incidents, newest first: one cause and the alerts that follow from it, with impact, owner, and what changed before.",
        _list_incidents,
        {
            "state": Argument("choice", "Only incidents in this state.", get_args(IncidentState)),
            "level": Argument("choice", "Only incidents of this level.", get_args(Level)),
            "since": SINCE,
            "until": UNTIL,
            "limit": LIMIT,
            "cursor": CURSOR,
        },
    ),
    Tool(
        "get_incident",
        "One incident",
        "One incident with its alerts, timeline and notes.",
        _get_incident,
        {"id": _INCIDENT_ID},
    ),
    Tool(
        "get_call",
        "One call",
        "One call on its way through the product's stages: its state, times, attempts and reason in each, its events and errors.",
        _get_call,
        {"id": Argument("text", "The call's id, its call_id, or its source reference.", most=200, is_required=True)},
    ),
    Tool(
        "get_weekly_report",
        "Weekly report",
        "One week against the owners' targets: uptime, requests, pipeline, alerts, errors, cost.",
        _get_weekly_report,
        {"week": Argument("text", "An ISO week such as 2026-W48; the last complete one by default.", most=8)},
    ),
    Tool(
        "get_costs",
        "Costs",
        "What calls cost, by service, model, agency and day. A call without a price is counted apart, and never as 0.",
        _get_costs,
        {"range": Argument("choice", "How far back.", list(DAYS), default="7d")},
    ),
    Tool(
        "take_incident",
        "Take an incident",
        "Become the owner of an open incident: its alerts send no reminders. Needs an admin token.",
        _take_incident,
        {"id": _INCIDENT_ID, "reason": _REASON},
        is_acting=True,
    ),
    Tool(
        "note_incident",
        "Add a note to an incident",
        "Add a note to an incident's timeline, such as what was found or tried. Needs an admin token.",
        _note_incident,
        {"id": _INCIDENT_ID, "note": Argument("text", "What was found or tried.", most=1_000, is_required=True)},
        is_acting=True,
    ),
    Tool(
        "resolve_incident",
        "Resolve an incident",
        "End an open incident and its alerts, with an all-clear; what is still wrong fires again. Needs an admin token.",
        _resolve_incident,
        {"id": _INCIDENT_ID, "reason": _REASON},
        is_acting=True,
    ),
)
