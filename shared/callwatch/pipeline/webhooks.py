"""Webhooks that the product logged: how many it answered with 5xx, and for what kind of fault."""

from collections.abc import Mapping
from typing import Any

from callwatch.models.facts import Fact
from callwatch.pipeline.clauses import NUMBER, TEXT, TIME, ago, literal
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.readings import Reading

WEBHOOKS = "webhooks"
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
    """Webhooks of the window: all, those answered 5xx, and of these the known faults."""
    table, at, status, error = (given[key] for key in ("table", "at", "status", "error"))
    failed = f'r."{status}" >= 500'
    columns = [f"count(*) FILTER (WHERE {failed})::float AS failed"]
    told = [
        f'count(*) FILTER (WHERE {failed} AND left(r."{error}", 2000) ~* {literal(pattern)})::float AS "{fault}"'
        for fault, pattern in _FAULTS.items()
    ]
    source = f'FROM "{table}" r WHERE r."{at}" > {ago(given["window_s"])}'
    plain = f"SELECT count(*)::float AS items, {', '.join(columns)} {source}"
    needs = {table: {at: TIME, status: NUMBER}}
    otherwise = Reading(WEBHOOKS, needs, plain)
    full = {table: {**needs[table], error: TEXT}}
    return Reading(WEBHOOKS, full, f"SELECT count(*)::float AS items, {', '.join(columns + told)} {source}", otherwise=otherwise)


def webhook_facts(given: Mapping[str, Any], measured: Measured) -> list[Fact]:
    """webhooks.error_ratio: the share of 5xx; 0 where there were too few webhooks to tell."""
    items, failed = measured.get(f"{WEBHOOKS}.items"), measured.get(f"{WEBHOOKS}.failed")
    if items is None or failed is None:
        return [Fact("webhooks.error_ratio", None, measured.why(f"{WEBHOOKS}.items"))]
    told = [f"{count:.0f} x {fault}" for fault in _FAULTS if (count := measured.get(f"{WEBHOOKS}.{fault}"))]
    detail = f"{failed:.0f} of {items:.0f} webhooks answered 5xx in {given['window_s'] // 60} min"
    detail += f" ({', '.join(told)})" if told else ""
    ratio = failed / items if items >= given["at_least"] else 0.0
    return [Fact("webhooks.error_ratio", round(ratio, 4), detail=detail)]
