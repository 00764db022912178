"""Which code PostgreSQL gave to an error, so that broken queries are counted whatever client reports them."""

import re
from typing import Any

_IN_TEXT = re.compile(r"SQLSTATE[ \[:=]*([0-9A-Z]{5})\b")
_CODE = re.compile(r"(08|22|23|25|26|28|40|42|53|54|55|57|58|P0|XX)[0-9A-Z]{3}")
_CODE_KEYS = frozenset({"sqlstate", "pgcode", "code", "pg_code"})
# PostgreSQL manual, appendix A: classes of psycopg2 and psycopg are named after the conditions.
_BY_TYPE = {
    "InvalidTextRepresentation": "22P02",
    "UndefinedColumn": "42703",
    "UndefinedTable": "42P01",
    "UndefinedFunction": "42883",
    "DatatypeMismatch": "42804",
    "AmbiguousColumn": "42702",
    "InsufficientPrivilege": "42501",
    "NotNullViolation": "23502",
    "ForeignKeyViolation": "23503",
    "UniqueViolation": "23505",
    "CheckViolation": "23514",
}
# Cheap to look for; nearly no message holds one.
_HINTS = (
    "does not exist",
    "invalid input syntax",
    "null value in",
    "permission denied",
    "syntax error at",
    "but expression is of",
)
_BY_WORDS = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"invalid input syntax for (type )?\w+", "22P02"),
        (r"column \S+ (of relation \S+ )?does not exist", "42703"),
        (r"relation \S+ does not exist", "42P01"),
        (r"(function|operator) .{1,200} does not exist", "42883"),
        (r"null value in column \S+ .{0,200}violates not-null", "23502"),
        (r"permission denied for (table|schema|relation|sequence)", "42501"),
        (r"syntax error at or near", "42601"),
        (r"column \S+ is of type .{1,100} but expression is of type", "42804"),
    )
)


def sqlstate_of(event: dict[str, Any]) -> str | None:
    """The SQLSTATE of an event: as its text names it, as its context holds it, else by type and PostgreSQL's words."""
    message = str(event.get("message") or "")[:2000]
    named = _IN_TEXT.search(message)
    if named:
        return named[1]
    kind = str(event.get("type") or "").rpartition(".")[2]
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    in_context = _in_context(event.get("context"), 0)
    if in_context or not any(hint in message for hint in _HINTS):
        return in_context
    return next((code for words, code in _BY_WORDS if words.search(message)), None)


def _in_context(value: Any, depth: int) -> str | None:
    if not isinstance(value, dict) or depth > 3:
        return None
    for key, item in value.items():
        if isinstance(item, str) and str(key).lower() in _CODE_KEYS and _CODE.fullmatch(item):
            return item
        found = _in_context(item, depth + 1)
        if found:
            return found
    return None
