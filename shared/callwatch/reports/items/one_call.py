"""GET /api/calls/{id}: one call on its way through the stages, with its events, errors, cost and replays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from callwatch.api.filters import is_storable
from callwatch.db import connection, product_connection
from callwatch.db.core.unreadable import UNREAD, explain_unread
from callwatch.db.error_queries.errors_of_item import find_errors_with, has_payloads_elsewhere
from callwatch.exceptions import Conflict, NotFound
from callwatch.models.reason import Reason
from callwatch.pipeline.costs.pricing import PriceList, Usage, round_usd
from callwatch.pipeline.costs.unpriced import NO_PRICES
from callwatch.pipeline.costs.usage import read_usage_of_item
from callwatch.pipeline.items.find import MAX_KEY_CHARS, Item, ItemEvent, find_item, read_events
from callwatch.pipeline.items.follow import Step, follow
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.items.replays import read_replays_of_item
from callwatch.reports.missing_values import Unknown, explain_nulls
from callwatch.settings import Settings
from callwatch.settings.prices import list_prices

if TYPE_CHECKING:
    from callwatch.models.shapes.product.items import Call, CallError, CallEvent, CallStep

_NO_ID = Reason("unavailable", "the call's key is a text, which is not shown")
_NO_TIME = Reason("none", "the call has no such time")
_ODD_TIME = Reason("unavailable", "its time cannot be read")
_NO_NAMES = Reason("not_configured", "the stage file does not say by which name errors mention an item")
_NOT_SEARCHED = Reason("unavailable", "what errors carried then lies in the store of payloads, which is searched by SQL alone")
_NO_USAGE = Reason("none", "the call has used no service that is charged for")
# A call is analyzed, and its errors occur, within this time after it began.
_WORKED_ON = timedelta(days=2)
_BEFORE = timedelta(hours=1)
_MAX_ERRORS, _SEARCHED = 50, 200
_STATEMENT_MS = 3_000
_MAX_DEPTH = 6


def load_call(settings: Settings, now: datetime, key: str) -> Call:
    """Build the view of the call with this key. Raises NotFound, Conflict for a key of several calls, DatabaseUnavailable if the
    product's database does not respond.
    """
    if not key or len(key) > MAX_KEY_CHARS or not is_storable(key):
        raise NotFound("no call has this id")
    stages = get_stages(settings.stages_file)
    with product_connection() as conn:
        item = find_item(conn, now, stages, key)
        if item.others:
            raise Conflict(f"several calls have this key; use the id of one of them: {', '.join(item.others)}", code="ambiguous")
        steps = follow(conn, now, stages, item.keys)
        events, why_no_events = read_events(conn, now, stages, item.keys)
        cost = _price(settings, *read_usage_of_item(conn, now, stages, item.keys))
        conn.rollback()
    if not item.is_found and not events and not _is_known(steps):
        why = item.unknown.get("item")
        raise NotFound("no call has this id" + (f", as far as can be read: {why.message}" if why else ""))
    return _build(stages, now, item, steps, (events, why_no_events), cost)


def _is_known(steps: Sequence[Step]) -> bool:
    """Whether any stage has rows of the item."""
    return any(step.state not in ("missing", "unknown") or step.reason is not None for step in steps if not _is_ahead(step))


def _is_ahead(step: Step) -> bool:
    return step.reason == "not_reached"


def _build(
    stages: StageFile,
    now: datetime,
    item: Item,
    steps: Sequence[Step],
    read: tuple[list[ItemEvent] | None, Reason | None],
    cost: Decimal | Reason,
) -> Call:
    unknown, (events, why) = Unknown(), read
    usd, why_no_cost = (None, cost) if isinstance(cost, Reason) else (round_usd(cost), None)
    errors, why_no_errors = _read_errors(stages, now, item)
    replays, why_no_replays = read_replays_of_item(item.id)
    why_no_time = item.unknown.get("item", _NO_TIME)
    shown_errors = unknown.say("errors", errors, why_no_errors)
    if errors:
        unknown.reasons |= explain_nulls({"errors": errors})
    if replays:
        unknown.reasons |= explain_nulls({"replays": replays})
    return {
        "id": unknown.say("id", item.id, _NO_ID),
        "began_at": unknown.say("began_at", item.began_at, why_no_time),
        "ended_at": unknown.say("ended_at", item.ended_at, why_no_time),
        "steps": [_show_step(step, f"steps.{index}", unknown) for index, step in enumerate(steps)],
        "events": unknown.say("events", _show_events(events, unknown), why),
        "errors": shown_errors,
        "cost": unknown.say("cost", usd, why_no_cost),
        "replays": unknown.say("replays", replays, why_no_replays),
        "unknown": unknown.reasons,
    }


def _price(settings: Settings, usages: Sequence[Usage], why: Reason | None) -> Decimal | Reason:
    """What a call cost so far; or why that is unknown: a part without a price is not free."""
    given = list_prices(settings.prices_file)
    if why is not None or not given:
        return why or NO_PRICES
    if not usages:
        return _NO_USAGE
    prices, zone = PriceList(given), ZoneInfo(settings.timezone)
    total = Decimal(0)
    for usage in usages:
        day = _find_day(usage.at_s, zone)
        if day is None:
            return Reason("unavailable", f"the time at which {usage.service} was used cannot be read")
        cost = prices.price_usage(usage, day)
        if cost is None:
            return Reason("not_configured", f"{usage.service} {usage.model} has no price, or its usage is not recorded")
        total += cost
    return total


def _find_day(at_s: float, zone: ZoneInfo) -> date | None:
    """The day of a time in a zone; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(at_s, zone).date()
    except (OverflowError, ValueError, OSError):
        return None


def _show_step(step: Step, path: str, unknown: Unknown) -> CallStep:
    return {
        "stage": step.stage,
        "state": step.state,
        "began_at": unknown.say(f"{path}.began_at", step.began_at, step.unknown.get("began_at")),
        "ended_at": unknown.say(f"{path}.ended_at", step.ended_at, step.unknown.get("ended_at")),
        "attempts": unknown.say(f"{path}.attempts", step.attempts, step.unknown.get("attempts")),
        # A state is a word and never null, so the code of an unknown one stands here.
        "reason": step.unknown["state"].code if "state" in step.unknown else step.reason,
    }


def _show_events(events: list[ItemEvent] | None, unknown: Unknown) -> list[CallEvent] | None:
    if events is None:
        return None
    return [
        {"type": event.type, "at": unknown.say(f"events.{index}.at", event.at, _ODD_TIME)} for index, event in enumerate(events)
    ]


def _read_errors(stages: StageFile, now: datetime, item: Item) -> tuple[list[CallError] | None, Reason | None]:
    """The latest errors that name the item; or None and the reason."""
    names = stages.parts.get("items", {}).get("named")
    if not names:
        return None, _NO_NAMES
    began = item.began_at or item.created_at or now - timedelta(days=1)
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            since, until = began - _BEFORE, min(now, began + _WORKED_ON)
            if has_payloads_elsewhere(conn, since, until):
                return None, _NOT_SEARCHED
            rows = find_errors_with(conn, item.keys, since, until, _SEARCHED)
    except UNREAD as error:
        return None, explain_unread(error)
    found: list[CallError] = [
        {
            "id": row["group_id"],
            "event_id": row["event_id"],
            "at": row["occurred_at"],
            "type": row["type"],
            "severity": row["severity"],
            "category": row["category"],
        }
        for row in rows
        if any(match_item_names(json.loads(row["named"]), names, set(item.keys)))
    ]
    return found[:_MAX_ERRORS], None


def match_item_names(given: Any, names: Sequence[str], keys: set[str], depth: int = 0) -> Iterator[bool]:
    """True for each field of a name, however it is spelled, that holds one of the keys; `call: {id: ...}` counts as well."""
    if depth > _MAX_DEPTH or not isinstance(given, dict):
        return
    wanted = {_normalize(name) for name in names}
    for name, value in given.items():
        is_named = _normalize(name) in wanted
        inner = value.get("id") if is_named and isinstance(value, dict) else value
        if is_named and str(inner) in keys:
            yield True
        yield from match_item_names(value, names, keys, depth + 1)


def _normalize(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
