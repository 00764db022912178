"""Webhooks that the product logged: how many it answered with 5xx, and for what kind of fault."""

from collections.abc import Mapping
from typing import Any

from callwatch.models.facts import Fact
from callwatch.pipeline.clauses import NUMBER, TEXT, TIME, ago, literal
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.readings import Reading

WEBHOOKS = "webhooks"
# Where the window holds fewer, the newest ones are judged, as far back as this.
_NEWEST, _LOOK_BACK_S = 8, 6 * 3600
# One or two failures among a few webhooks are chance, whatever their share.
_FAILED_AT_LEAST = 3
# Faults of the database behind a 5xx, by SQLSTATE: known by their number or by PostgreSQL's words.
_FAULTS: Mapping[str, str] = {
    "22P02": r"\m22P02\M|invalid input syntax",
    "23502": r"\m23502\M|violates not-null",
    "42703": r"\m42703\M|column .{1,80} does not exist",
    "42P01": r"\m42P01\M|relation .{1,80} does not exist",
    "23505": r"\m23505\M|duplicate key",
    "timeout": r"time.?out|timed out|canceling statement",
}


def webhooks_reading(given: Mapping[str, Any]) -> Reading:
    """Webhooks of the window, or the newest few: all, those answered 5xx, and of these the known faults."""
    table, at, status, error = (given[key] for key in ("table", "at", "status", "error"))
    failed = f'r."{status}" >= 500'
    columns = ["count(*)::float AS items", f"count(*) FILTER (WHERE {failed})::float AS failed"]
    told = [
        f'count(*) FILTER (WHERE {failed} AND left(r."{error}", 2000) ~* {literal(pattern)})::float AS "{fault}"'
        for fault, pattern in _FAULTS.items()
    ]
    needs = {table: {at: TIME, status: NUMBER}}
    otherwise = Reading(WEBHOOKS, needs, f"SELECT {', '.join(columns)} FROM ({_judged(given, (status,))}) r")
    full = {table: {**needs[table], error: TEXT}}
    sql = f"SELECT {', '.join(columns + told)} FROM ({_judged(given, (status, error))}) r"
    return Reading(WEBHOOKS, full, sql, otherwise=otherwise)


def _judged(given: Mapping[str, Any], columns: tuple[str, ...]) -> str:
    table, at = given["table"], given["at"]
    newest = f'SELECT r."{at}" AS at FROM "{table}" r WHERE r."{at}" > {ago(_LOOK_BACK_S)} ORDER BY r."{at}" DESC LIMIT {_NEWEST}'
    chosen = ", ".join(f'r."{column}"' for column in columns)
    # Of two times, one of which is NULL, least() takes the other.
    since = f"least({ago(given['window_s'])}, (SELECT min(at) FROM ({newest}) AS newest))"
    return f'SELECT {chosen} FROM "{table}" r WHERE r."{at}" >= {since}'


def webhook_facts(given: Mapping[str, Any], measured: Measured) -> list[Fact]:
    """webhooks.error_ratio: the share of 5xx; no fact where there were too few webhooks, or failures, to tell."""
    items, failed = measured.get(f"{WEBHOOKS}.items"), measured.get(f"{WEBHOOKS}.failed")
    if items is None or failed is None:
        return [Fact("webhooks.error_ratio", None, measured.why(f"{WEBHOOKS}.items"))]
    if items < given["at_least"] or 0 < failed < _FAILED_AT_LEAST:
        return []
    told = [f"{count:.0f} x {fault}" for fault in _FAULTS if (count := measured.get(f"{WEBHOOKS}.{fault}"))]
    span = f"in {given['window_s'] // 60} min" if items > _NEWEST else "lately"
    detail = f"{failed:.0f} of {items:.0f} webhooks answered 5xx {span}"
    detail += f" ({', '.join(told)})" if told else ""
    return [Fact("webhooks.error_ratio", round(failed / items, 4), detail=detail)]
