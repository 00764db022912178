"""Tools that read the state of the system: status, alerts, the pipeline, history, runbooks, what changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from callwatch.alerts.serializers import load_alert_detail, load_alerts
from callwatch.api.filters import read_position
from callwatch.api.http import Page, decode_cursor, encode_cursor
from callwatch.db import connection
from callwatch.db.alert_queries.alerts import AlertFilters
from callwatch.db.report_queries.changes import list_changes
from callwatch.mcp.arguments import Argument
from callwatch.mcp.runbooks import read_runbook
from callwatch.mcp.tool import STATEMENT_TIMEOUT_MS, Arguments, Caller, Tool
from callwatch.models.alert import AlertState, Level
from callwatch.reports.history import METRICS, build_history
from callwatch.reports.missing_values import explain_nulls
from callwatch.reports.pipeline import build_pipeline
from callwatch.reports.ranges import RANGES, take_named
from callwatch.reports.status import build_status

LIMIT = Argument("number", "How many at most.", most=50, default=20)
CURSOR = Argument("text", "The next_cursor of an earlier result.", most=2_000)
SINCE = Argument("time", "Only from this time on (ISO 8601).")
UNTIL = Argument("time", "Only before this time (ISO 8601).")
ALERT_ID = Argument("text", "The id of an alert, as list_alerts shows it.", is_required=True)
_MAX_CHANGES = 50
_FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def build_page(given: Arguments) -> Page:
    """Return the page that `limit` and `cursor` ask for. Raises Invalid."""
    return Page(given["limit"], decode_cursor(given["cursor"]) if given["cursor"] else None)


def _get_status(_given: Arguments, caller: Caller) -> Mapping[str, object]:
    return build_status(caller.settings, caller.now, caller.uptime_s)


def _list_alerts(given: Arguments, caller: Caller) -> Mapping[str, object]:
    page = build_page(given)
    before_at, before_id = read_position(page)
    filters: AlertFilters = {
        "state": given["state"],
        "level": given["level"],
        "rule_id": given["rule_id"],
        "since": given["since"],
        "until": given["until"],
        "q": None,
        "before_at": before_at,
        "before_id": before_id,
    }
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        items, position = load_alerts(conn, filters, page.limit, caller.now)
    return {
        "items": items,
        "next_cursor": encode_cursor(position) if position else None,
        "unknown": explain_nulls({"items": items}),
    }


def _get_alert(given: Arguments, _caller: Caller) -> Mapping[str, object]:
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        alert = load_alert_detail(conn, given["id"])
    return {**alert, "unknown": explain_nulls(alert)}


def _get_pipeline(_given: Arguments, caller: Caller) -> Mapping[str, object]:
    return build_pipeline(caller.settings, caller.now)


def _get_metrics_history(given: Arguments, caller: Caller) -> Mapping[str, object]:
    """Return each series as a list of values, with the least, highest and latest known one."""
    found = build_history(caller.now, given["metric"], take_named(caller.now, given["range"]))
    series = None if found["series"] is None else [_summarize(each) for each in found["series"]]
    return {
        "metric": found["metric"],
        "range": found["range"],
        "step_s": found["step_s"],
        "from": found["from"],
        "to": found["to"],
        "series": series,
        # One reason for each null in `values` would be longer than the series.
        "null_means": "unknown for this step",
        "unknown": found["unknown"] if series is None else {},
    }


def _summarize(series: Any) -> Mapping[str, object]:
    values = [value for _at, value in series["points"]]
    known = [value for value in values if value is not None]
    return {
        "name": series["name"],
        "unit": series["unit"],
        "labels": series["labels"],
        "least": min(known, default=None),
        "highest": max(known, default=None),
        "latest": known[-1] if known else None,
        "values": values,
    }


def _get_runbook(given: Arguments, _caller: Caller) -> Mapping[str, object]:
    return {"rule_id": given["rule_id"], "markdown": read_runbook(given["rule_id"])}


def _list_changes(given: Arguments, caller: Caller) -> Mapping[str, object]:
    """Return what happened in the hours before an alert began, or before now."""
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        until = load_alert_detail(conn, given["alert_id"])["started_at"] if given["alert_id"] else given["until"] or caller.now
        # Before its first day nothing was recorded, and a span must not begin before year 1.
        until = max(until, _FIRST_DAY)
        since = until - timedelta(hours=given["hours"])
        items = list_changes(conn, since, until, _MAX_CHANGES)
    return {"since": since, "until": until, "items": items, "unknown": {}}


TOOLS = (
    Tool(
        "get_status",
        "Status",
        "Whether the product works, which alerts fire now (issues), queue depths, and the activity of the last hour.",
        _get_status,
    ),
    Tool(
        "list_alerts",
        "Alerts",
        "Alerts, newest first: what fires or has fired, with value, threshold and runbook.",
        _list_alerts,
        {
            "state": Argument("choice", "Only alerts in this state.", get_args(AlertState)),
            "level": Argument("choice", "Only alerts of this level.", get_args(Level)),
            "rule_id": Argument("text", "Only alerts of this rule.", most=200),
            "since": SINCE,
            "until": UNTIL,
            "limit": LIMIT,
            "cursor": CURSOR,
        },
    ),
    Tool(
        "get_alert",
        "One alert",
        "One alert with its timeline, its deliveries, and the alerts that follow from it.",
        _get_alert,
        {"id": ALERT_ID},
    ),
    Tool(
        "get_pipeline",
        "Pipeline",
        "The product's stages (pending, stuck, dead, throughput, durations), freshness of calls, and crons.",
        _get_pipeline,
    ),
    Tool(
        "get_metrics_history",
        "History",
        "Time series of queues, errors, requests or services; values are oldest first, one per step_s.",
        _get_metrics_history,
        {
            "metric": Argument("choice", "What to show.", list(METRICS), default="queues"),
            "range": Argument("choice", "How far back.", list(RANGES), default="24h"),
        },
        is_ours=True,
    ),
    Tool(
        "get_runbook",
        "Runbook",
        "The runbook of a rule: what its alert means, what to look at first, and the remedy.",
        _get_runbook,
        {"rule_id": Argument("text", "The rule_id of an alert.", most=200, is_required=True)},
        is_ours=True,
    ),
    Tool(
        "what_changed",
        "What changed",
        "Releases, new and regressed errors, other alerts, and changes to rules, routes and silences in the hours before an"
        " alert began, or before a time. A change near an alert is a hint, not a proven cause.",
        _list_changes,
        {
            "alert_id": Argument("text", "Look at the time before this alert began."),
            "until": Argument("time", "Look at the time before this one; now by default."),
            "hours": Argument("number", "How many hours to look back.", most=168, default=1),
        },
    ),
)
