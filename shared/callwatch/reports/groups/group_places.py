"""Places in a list of error groups: where a page ended, by the value in the list's order and the group's id."""

from __future__ import annotations

from callwatch.api.filters import read_position
from callwatch.api.http import Page, build_cursor_error
from callwatch.db.error_queries.group_lists import GroupFilters, GroupRow
from callwatch.grouping.levels import LEVELS
from callwatch.models.error import GroupSort

# Of the usual order: a time and an id. Of another one also its name, first, so that a cursor fits its own order alone.
Place = tuple[str, int] | tuple[str, str | int, int]


def build_place(sort: GroupSort | None, row: GroupRow) -> Place:
    """The place behind a group."""
    match sort:
        case "first_seen":
            return sort, row["first_seen_at"].isoformat(), row["id"]
        case "count" | "users":
            return sort, row[sort], row["id"]
        case "level":
            return sort, LEVELS.index(row["level"]) + 1 if row["level"] in LEVELS else 0, row["id"]
        case "release" | "service":
            return sort, row[sort] or "", row["id"]
        case _:
            return row["last_seen_at"].isoformat(), row["id"]


def read_place(page: Page, sort: GroupSort | None) -> GroupFilters:
    """The filters that continue behind a page's cursor. Raises Invalid for a cursor of another list or order."""
    if page.cursor is None:
        return {}
    if sort in (None, "last_seen"):
        before_at, before_id = read_position(page)
        return {"before_at": before_at, "before_id": before_id}
    try:
        name, value, identifier = page.cursor
    except (ValueError, TypeError):
        raise build_cursor_error() from None
    if name != sort:
        raise build_cursor_error()
    if sort == "first_seen":
        before_at, before_id = read_position(Page(page.limit, [value, identifier]))
        return {"before_at": before_at, "before_id": before_id}
    if sort in ("release", "service"):
        if not isinstance(value, str) or "\0" in value or not _is_number(identifier):
            raise build_cursor_error()
        return {"before_text": value, "before_id": identifier}
    if not (_is_number(value) and _is_number(identifier)):
        raise build_cursor_error()
    return {"before_number": value, "before_id": identifier}


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63
