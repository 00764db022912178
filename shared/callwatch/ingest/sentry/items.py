"""Accepts the items of an envelope: its event and its requests, each kept even if other items are bad."""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from callwatch.events.event import finish_foreign_event
from callwatch.events.work_limit import WorkBudget, WorkLimitReached
from callwatch.exceptions import Rejected, RequestRefused, TooLarge, Unreadable
from callwatch.ingest.sentry.clock import correct_clock, read_time
from callwatch.ingest.sentry.convert import build_stub, convert, read_id
from callwatch.ingest.sentry.envelope import Item, load, load_marked
from callwatch.ingest.sentry.other_items import INVALID, OTHER_ITEMS, TOO_COSTLY, take_other
from callwatch.ingest.sentry.oversize import shorten_event, shorten_trace
from callwatch.ingest.sentry.rate_limits import is_taken
from callwatch.ingest.sentry.taken import Taken, Why
from callwatch.ingest.sentry.traces import list_spans, read_spans, read_transaction

_log = logging.getLogger(__name__)

MAX_EVENT_BYTES = 1024 * 1024
# @sentry/node sends up to 1,000 spans or 5 MB in a container.
MAX_CONTAINER_BYTES = 6 * 1024 * 1024
_CONTAINERS, _SHORTENED = ("span", "log"), ("event", "transaction")
# Items of each type in one envelope: SDKs send one event or one transaction, and spans in containers or one by one.
MAX_ITEMS_BY_TYPE = {"event": 1, "transaction": 1, "span": 100, "check_in": 50, "client_report": 10, **OTHER_ITEMS}
MAX_SPANS = 1_000
MAX_CHECK_IN_BYTES = 64 * 1024
# In `trimmed`, of an event above MAX_EVENT_BYTES.
SIZE_MARK = "size_limit"
_TOO_LARGE = Why("too_large", f"the item is longer than {MAX_EVENT_BYTES} bytes")
_CONTAINER_TOO_LARGE = Why("too_large", f"the item is longer than {MAX_CONTAINER_BYTES} bytes")
_NOT_KEPT = Why("not_kept", "items of this type are not kept")
_CUT_OFF = Why("cut_off", "the envelope breaks off inside of the item")
_TOO_MANY_SPANS = Why("too_many", f"a container must have at most {MAX_SPANS} spans")
_ATTACHMENT = Why("not_kept", "attachments are not kept; the errors that they belong to are")
_UNREADABLE = "an event that could not be read: it is not a JSON object, or is nested too deeply"
_UNREAD = f"an event that could not be read: it {TOO_COSTLY.message}"
_BROKEN_OFF = "an event that could not be read: its envelope breaks off"

Found = tuple[dict[str, Any], bytes]


def take(
    headers: dict[str, Any],
    items: Sequence[Item],
    rest: Item | None,
    user_key: str,
    now: datetime,
    budget: WorkBudget | None = None,
) -> Taken:
    """The accepted part of the items. rest: the item that could not be read to its end. budget: of the request, if it has one.

    An event above the limit is shortened, and one that cannot be read is kept as a stub that says so: that it happened is
    known. A transaction above it is read without its spans. Raises TooLarge for a container above its limit, and 400 for a
    rest if nothing else in the envelope is accepted.
    """
    taken, budget = Taken(), budget or WorkBudget()
    sent_at = read_time(headers.get("sent_at"))
    found: list[Found] = []
    bad: list[Found] = []
    for item in _limit_items(items, taken):
        try:
            events = _take_item(item, user_key, sent_at, now, budget, taken)
            found += [(correct_clock(given, sent_at, now), item.payload) for given in events]
        except (RequestRefused, WorkLimitReached):
            raise
        except Exception:
            # A defect of ours in reading one item must not cost the others.
            _log.exception("an item of an envelope could not be read", extra={"item_type": item.kind})
            if item.kind == "event":
                bad.append((build_stub(_UNREADABLE, item.payload), item.payload))
            else:
                taken.refuse(item.kind, INVALID)
    if rest is not None and rest.kind in ("event", ""):
        bad.append((build_stub(_BROKEN_OFF, rest.payload), rest.payload))
    elif rest is not None:
        taken.refuse(rest.kind, _CUT_OFF)
    if not found and taken.is_empty():
        _refuse(taken, rest)
    given_events = _add_ids([*found, *bad], read_id(headers.get("event_id")))
    taken.events = [finish_foreign_event(given, now, budget) for given in given_events]
    return taken


def _take_item(
    item: Item, user_key: str, sent_at: datetime | None, now: datetime, budget: WorkBudget, taken: Taken
) -> Sequence[dict[str, Any]]:
    """The events of one item; whatever else it holds is added to `taken`."""
    is_container = item.kind in _CONTAINERS
    if item.kind not in _SHORTENED and len(item.payload) > (MAX_CONTAINER_BYTES if is_container else MAX_EVENT_BYTES):
        taken.refuse(item.kind, _CONTAINER_TOO_LARGE if is_container else _TOO_LARGE)
    elif item.kind == "span":
        _read_spans(item, now, budget, taken)
    elif item.kind == "check_in":
        _take_check_in(item, sent_at, now, budget, taken)
    elif item.kind in OTHER_ITEMS:
        return take_other(item, user_key, now, budget, taken)
    else:
        given = _read_event(item, user_key, now, budget, taken)
        return [] if given is None else [given]
    return []


def _limit_items(items: Sequence[Item], taken: Taken) -> list[Item]:
    """The items of accepted types, at most as many of each type as one envelope may hold; the others are counted."""
    seen: Counter[str] = Counter()
    kept = []
    for item in items:
        if not is_taken(item.kind):
            taken.refuse(item.kind, _ATTACHMENT if item.kind == "attachment" else _NOT_KEPT)
            continue
        most = MAX_ITEMS_BY_TYPE[item.kind]
        seen[item.kind] += 1
        if seen[item.kind] <= most:
            kept.append(item)
        else:
            taken.refuse(item.kind, Why("too_many", f"an envelope must have at most {most} of this type"))
    return kept


def _read_event(item: Item, user_key: str, now: datetime, budget: WorkBudget, taken: Taken) -> dict[str, Any] | None:
    """The event of an item; None for a transaction, whose request is added to the rows."""
    is_long = len(item.payload) > MAX_EVENT_BYTES
    marked = [SIZE_MARK] if is_long else []
    try:
        with budget.spend(0.5):
            shorten = shorten_event if item.kind == "event" else shorten_trace
            payload, marks = load_marked(shorten(item.payload, MAX_EVENT_BYTES) if is_long else item.payload)
            if item.kind == "transaction" or (isinstance(payload, dict) and payload.get("type") == "transaction"):
                _read_transaction(payload, now, taken)
                return None
            taken.no_objects += not isinstance(payload, dict)
            given = convert(payload, user_key) if isinstance(payload, dict) else build_stub(_UNREADABLE, item.payload)
            trimmed = [*marked, *given.get("trimmed", [])]
            return {**given, "sanitized": [*given.get("sanitized", []), *marks], "trimmed": trimmed}
    except WorkLimitReached:
        if item.kind == "event":
            return {**build_stub(_UNREAD, item.payload), "trimmed": ["cpu_limit", *marked]}
        taken.refuse(item.kind, TOO_COSTLY)
        return None


def _take_check_in(item: Item, sent_at: datetime | None, now: datetime, budget: WorkBudget, taken: Taken) -> None:
    """Add a check-in; what of its monitor_config cannot be used is rejected alone."""
    # Imported where it is used: few envelopes hold one.
    from callwatch.ingest.check_ins import accept_check_in

    if len(item.payload) > MAX_CHECK_IN_BYTES:
        taken.refuse("check_in", Why("too_large", f"a check-in must have at most {MAX_CHECK_IN_BYTES} bytes"))
        return
    try:
        with budget.spend(0.5):
            row, problems = accept_check_in(load(item.payload), now, sent_at)
    except WorkLimitReached:
        taken.refuse("check_in", TOO_COSTLY)
        return
    except Rejected as refusal:
        taken.refuse("check_in", Why("invalid", f"{refusal.field} {refusal}".strip()))
        return
    taken.check_ins.append(row)
    taken.outcomes[("accepted", "monitor", "")] += 1
    for problem in problems:
        taken.rejected[("monitor_config", problem)] += 1
        taken.outcomes[("cut", "monitor", "")] += 1


def _read_transaction(payload: Any, now: datetime, taken: Taken) -> None:
    if isinstance(payload, dict):
        taken.add_trace("transaction", read_transaction(payload, now))
    else:
        taken.refuse("transaction", INVALID)


def _read_spans(item: Item, now: datetime, budget: WorkBudget, taken: Taken) -> None:
    try:
        with budget.spend(0.5):
            spans = list_spans(load(item.payload))
            if len(spans) > MAX_SPANS:
                taken.refuse("span", _TOO_MANY_SPANS, len(spans) - MAX_SPANS)
            for found in read_spans(spans[:MAX_SPANS], now):
                taken.add_trace("span", found)
    except WorkLimitReached:
        taken.refuse("span", TOO_COSTLY)


def _refuse(taken: Taken, rest: Item | None) -> None:
    for why in (_TOO_LARGE, _CONTAINER_TOO_LARGE):
        if any(message == why.message for _kind, message in taken.rejected):
            raise TooLarge(why.message, headers={"x-sentry-error": why.message})
    if rest is not None:
        raise Unreadable("the envelope breaks off: an item header is not a JSON object, or its length exceeds the body")


def _add_ids(found: Sequence[Found], header_id: str | None) -> list[dict[str, Any]]:
    """Events with their ids. The envelope's id belongs to one event; any other event without an id gets one that a repetition
    gets too.
    """
    taken = {given["event_id"] for given, _payload in found}
    events = []
    for given, payload in found:
        event_id = given["event_id"]
        if event_id is None and header_id is not None:
            derived = hashlib.sha256(header_id.encode() + payload).hexdigest()[:32]
            event_id = header_id if header_id not in taken else derived
            taken.add(event_id)
        events.append({**given, "event_id": event_id})
    return events
