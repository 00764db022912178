"""GET /api/rules: every alert rule with its state and last value."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from callwatch.alerts.rules_in_force import join_rules, read_own_rules
from callwatch.alerts.serializers import serialize_rules
from callwatch.api.filters import read_choice_filter, read_text_filter
from callwatch.api.http import Request, build_cursor_error, encode_cursor, read_page
from callwatch.api.routes import LIST_RULES
from callwatch.db import connection
from callwatch.models.alert import Level
from callwatch.models.shapes.rules import RuleState
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.rules import Rule, RulePage


def handle(request: Request) -> RulePage:
    """Filters: state level rule_id q. There are few rules, so the default page holds 200.

    Each rule has its own `unknown`; the response has one for all.
    """
    page = read_page(request, default_limit=200)
    start = 0 if page.cursor is None else page.cursor
    if not isinstance(start, int) or start < 0:
        raise build_cursor_error()
    state, level = (
        read_choice_filter(request, "state", get_args(RuleState)),
        read_choice_filter(request, "level", get_args(Level)),
    )
    rule_id, words = read_text_filter(request, "rule_id"), (read_text_filter(request, "q") or "").casefold()
    settings = get_settings()
    with connection(statement_timeout_ms=5000) as conn:
        own = read_own_rules(conn)
        rows = serialize_rules(conn, join_rules(settings, own), settings, own.definitions)
    found = [row for row in rows if state in (None, row["state"]) and level in (None, row["level"])]
    found = [row for row in found if rule_id in (None, row["id"]) and words in f"{row['id']} {row['name']}".casefold()]
    end = start + page.limit
    items: list[Rule] = [{**row, "unknown": {**explain_nulls(row), **row["unknown"]}} for row in found[start:end]]
    reasons = {f"items.{place}.{path}": why for place, item in enumerate(items) for path, why in item["unknown"].items()}
    return {"items": items, "next_cursor": encode_cursor(end) if end < len(found) else None, "unknown": reasons}


lambda_handler = endpoint(LIST_RULES)(handle)
