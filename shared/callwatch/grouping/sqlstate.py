"""Finds the code that PostgreSQL gave to an error, so that broken queries are counted whatever client reports them."""

import re
from collections.abc import Mapping
from typing import Any

_IN_TEXT = re.compile(r"SQLSTATE[ \[:=('\"]{1,3}([0-9A-Z]{5})\b")
_CODE = re.compile(r"(08|22|23|25|26|28|40|42|53|54|55|57|58|P0|XX)[0-9A-Z]{3}")
_SURE_KEYS = frozenset({"sqlstate", "pgcode", "pg_code", "sql_state"})
# A "code" may be anything; of these, each is one of PostgreSQL's (manual, appendix A).
_KNOWN = (
    r"08(?:00[013467]|P01)|22(?:00[1-478G]|012|02[1-36]|030|P0[235])|23(?:00[01]|50[235]|514|P01)|25(?:00[016]|P0[1-4])|26000"
    r"|28(?:000|P01)|40(?:00[0-3]|P01)|42(?:000|501|601|602|622|70[1-4]|710|712|72[35]|80[349]|830|846|883|P0[1-8]|P1[0678])"
    r"|53[0-4]00|54(?:0[012][01]|023)|55(?:000|006|P0[234])|57(?:000|014|P0[1-5])|58(?:000|030|P0[12])|P000[0-4]|XX00[0-2]"
)
_MAX_DEPTH = 3
# psycopg2 and psycopg name their exception classes after the conditions; asyncpg adds "Error".
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
    "QueryCanceled": "57014",
    "TooManyConnections": "53300",
    "DeadlockDetected": "40P01",
}
# Cheap to search for; almost no message holds one.
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


def find_sqlstate(event: Mapping[str, Any]) -> str | None:
    """The SQLSTATE of an event: from its text, else from its type, else from its context, else from PostgreSQL's words."""
    message = str(event.get("message") or "")[:2000]
    named = _IN_TEXT.search(message)
    if named:
        return named[1]
    kind = str(event.get("type") or "").rpartition(".")[2].removesuffix("Error")
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    in_context = _find_in_context(event.get("context"), 0)
    if in_context or not any(hint in message for hint in _HINTS):
        return in_context
    return next((code for words, code in _BY_WORDS if words.search(message)), None)


def _find_in_context(value: Any, depth: int) -> str | None:
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    for key, item in value.items():
        if _is_code(str(key).lower(), item):
            return str(item)
        found = _find_in_context(item, depth + 1)
        if found:
            return found
    return None


def _is_code(key: str, value: Any) -> bool:
    # A code of digits alone may come as a number.
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or len(text) != 5:
        return False
    if key in _SURE_KEYS:
        return _CODE.fullmatch(text) is not None
    return key == "code" and isinstance(value, str) and re.fullmatch(_KNOWN, text) is not None
