"""GET /api/errors: error groups, the most recently seen first, or in another order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from callwatch.api.filters import read_choice_filter, read_number_filter, read_text_filter, read_time_filter
from callwatch.api.http import Request, encode_cursor, read_page
from callwatch.api.routes import LIST_ERRORS
from callwatch.db import connection
from callwatch.db.error_queries.group_lists import GroupFilters
from callwatch.exceptions import Invalid
from callwatch.grouping.levels import LEVELS
from callwatch.models.error import Category, GroupSort, GroupStatus, Severity
from callwatch.reports.groups.error_groups import list_groups_page
from callwatch.reports.groups.group_places import read_place
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import ErrorGroupPage


def handle(request: Request) -> ErrorGroupPage:
    """Filters: state severity category level environment release service type project q tag since until; sort."""
    page = read_page(request)
    filters = _read_filters(request)
    filters |= read_place(page, filters.get("sort"))
    with connection(statement_timeout_ms=5000) as conn:
        items, position = list_groups_page(conn, filters, page.limit, datetime.now(UTC))
    cursor = encode_cursor(position) if position else None
    return {"items": items, "next_cursor": cursor, "unknown": explain_nulls({"items": items})}


def _read_filters(request: Request) -> GroupFilters:
    return {
        "state": read_choice_filter(request, "state", get_args(GroupStatus)),
        "severity": read_choice_filter(request, "severity", get_args(Severity)),
        "category": read_choice_filter(request, "category", get_args(Category)),
        "level": read_choice_filter(request, "level", LEVELS),
        "sort": read_choice_filter(request, "sort", get_args(GroupSort)),
        "environment": read_text_filter(request, "environment"),
        "release": read_text_filter(request, "release"),
        "service": read_text_filter(request, "service"),
        "type": read_text_filter(request, "type"),
        "q": read_text_filter(request, "q"),
        "tag": _read_tag(request),
        "project": read_number_filter(request, "project"),
        "since": read_time_filter(request, "since"),
        "until": read_time_filter(request, "until"),
    }


def _read_tag(request: Request) -> str | None:
    tag = read_text_filter(request, "tag")
    if tag is not None and ":" not in tag:
        raise Invalid("tag", "must be key:value")
    return tag


lambda_handler = endpoint(LIST_ERRORS)(handle)
