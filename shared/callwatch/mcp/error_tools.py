"""Tools that read errors: the groups, and one group with its latest occurrences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from callwatch.api.filters import read_position
from callwatch.api.http import encode_cursor
from callwatch.db import connection
from callwatch.db.error_queries.group_lists import GroupFilters
from callwatch.mcp.arguments import Argument
from callwatch.mcp.reading_tools import CURSOR, LIMIT, SINCE, UNTIL, build_page
from callwatch.mcp.tool import STATEMENT_TIMEOUT_MS, Arguments, Caller, Tool
from callwatch.models.error import Category, GroupStatus, Severity
from callwatch.models.reason import Reason
from callwatch.reports.groups.error_groups import list_groups_page, load_group_detail
from callwatch.reports.missing_values import explain_nulls

GROUP_ID = Argument("text", "The id of an error group, as list_error_groups shows it, or a fingerprint.", is_required=True)
_OCCURRENCES = 3
_FRAMES = 12
_OF_A_FRAME = ("filename", "function", "module", "lineno", "in_app", "context_line")
_OF_AN_OCCURRENCE = ("event_id", "occurred_at", "severity", "type", "message", "endpoint", "release", "service", "context")


def _list_error_groups(given: Arguments, caller: Caller) -> Mapping[str, object]:
    page = build_page(given)
    before_at, before_id = read_position(page)
    filters: GroupFilters = {
        "state": given["state"],
        "severity": given["severity"],
        "category": given["category"],
        "environment": given["environment"],
        "release": given["release"],
        "q": given["q"],
        "since": given["since"],
        "until": given["until"],
        "before_at": before_at,
        "before_id": before_id,
    }
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        items, position = list_groups_page(conn, filters, page.limit, caller.now)
    cursor = encode_cursor(position) if position else None
    return {"items": items, "next_cursor": cursor, "unknown": explain_nulls({"items": items})}


def _get_error_group(given: Arguments, caller: Caller) -> Mapping[str, object]:
    unread: dict[str, Reason] = {}
    with connection(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as conn:
        group = load_group_detail(conn, given["id"], caller.now, caller.settings.retention_days, unread)
    occurrences = group["occurrences"][:_OCCURRENCES]
    shown = [_shorten(occurrence, f"occurrences.{index}.frames" in unread) for index, occurrence in enumerate(occurrences)]
    paths = {f"occurrences.{index}.{name}" for index in range(len(shown)) for name in (*_OF_AN_OCCURRENCE, "frames")}
    reasons = {path: reason for path, reason in unread.items() if path in paths}
    return {**group, "occurrences": shown, "unknown": {**explain_nulls({**group, "occurrences": []}), **reasons}}


def _shorten(occurrence: Any, is_unread: bool) -> Mapping[str, object]:
    """Return what is needed to find the fault: the innermost frames, without the source lines around each."""
    found: dict[str, object] = {name: occurrence[name] for name in _OF_AN_OCCURRENCE}
    if is_unread:
        return {**found, "frames": None}
    frames = occurrence["frames"] or []
    inner = [frame for frame in frames[-_FRAMES:] if isinstance(frame, dict)]
    found["frames"] = [{name: frame[name] for name in _OF_A_FRAME if frame.get(name) is not None} for frame in inner]
    if not inner:
        found["stack"] = occurrence["stack"]
    return found


TOOLS = (
    Tool(
        "list_error_groups",
        "Error groups",
        "Groups of equal errors, the last seen first: message, count, users, state, releases, and a trend of 24 hours.",
        _list_error_groups,
        {
            "state": Argument("choice", "Only groups in this state.", get_args(GroupStatus)),
            "severity": Argument("choice", "Only groups of this severity.", get_args(Severity)),
            "category": Argument("choice", "Only groups of this category.", get_args(Category)),
            "environment": Argument("text", "Only groups of this environment."),
            "release": Argument("text", "Only groups that occurred in this release."),
            "q": Argument("text", "Words of the message, the type, the endpoint or the stack; or the id of an event."),
            "since": SINCE,
            "until": UNTIL,
            "limit": LIMIT,
            "cursor": CURSOR,
        },
    ),
    Tool(
        "get_error_group",
        "One error group",
        f"One error group with its history, releases, tags, and its latest {_OCCURRENCES} occurrences with stack frames.",
        _get_error_group,
        {"id": GROUP_ID},
    ),
)
