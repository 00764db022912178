"""Takes the items that are neither events, traces nor check-ins: logs, client reports, feedback and sessions."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from callwatch.events.work_limit import WorkBudget, WorkLimitReached
from callwatch.ingest.sentry.envelope import Item, load
from callwatch.ingest.sentry.logs import MAX_ERRORS, MAX_LINES, read_logs
from callwatch.ingest.sentry.reports.client_reports import list_discarded
from callwatch.ingest.sentry.reports.feedback import read_feedback
from callwatch.ingest.sentry.reports.sessions import read_session, read_session_sums
from callwatch.ingest.sentry.taken import Taken, Why

# By type, how many of them one envelope may hold.
OTHER_ITEMS: Mapping[str, int] = {
    "log": 10, "client_report": 10, "feedback": 10, "user_report": 10, "session": 100, "sessions": 100,
}  # fmt: skip
TOO_COSTLY = Why("too_costly", "takes too long to read")
INVALID = Why("invalid", "the item is not what its type says")
_TOO_MANY_LINES = Why("too_many", f"a container must have at most {MAX_LINES} lines")
Events = list[dict[str, Any]]


def take_other(item: Item, user_key: str, now: datetime, budget: WorkBudget, taken: Taken) -> Events:
    """Add what an item holds to `taken`; returns the events that its lines are."""
    events: Events = []
    try:
        with budget.spend(0.5):
            payload = load(item.payload)
            if item.kind == "log":
                events = _take_logs(payload, user_key, now, taken)
            elif item.kind in ("feedback", "user_report"):
                _take_feedback(item.kind, payload, user_key, now, taken)
            else:
                _TAKERS[item.kind](payload, taken)
    except WorkLimitReached:
        taken.refuse(item.kind, TOO_COSTLY)
    return events


def _take_logs(payload: Any, user_key: str, now: datetime, taken: Taken) -> Events:
    found = read_logs(payload, user_key, now, MAX_ERRORS - taken.log_errors)
    if found is None:
        taken.refuse("log", INVALID)
        return []
    taken.lines.update(found.lines)
    taken.log_errors += len(found.events)
    if found.count:
        taken.outcomes[("accepted", "log_item", "")] += found.count
    if found.excess:
        taken.refuse("log", _TOO_MANY_LINES, found.excess)
    return found.events


def _take_feedback(kind: str, payload: Any, user_key: str, now: datetime, taken: Taken) -> None:
    found = read_feedback(payload, user_key, now)
    if found is None:
        taken.refuse(kind, INVALID)
        return
    feedback, is_cut = found
    taken.feedback.append(feedback)
    taken.outcomes[("accepted", "feedback", "")] += 1
    if is_cut:
        taken.outcomes[("cut", "feedback", "")] += 1


def _take_session(payload: Any, taken: Taken) -> None:
    found = read_session(payload)
    if found is None:
        taken.refuse("session", INVALID)
        return
    taken.sessions.append(found)
    taken.outcomes[("accepted", "session", "")] += 1


def _take_session_sums(payload: Any, taken: Taken) -> None:
    found = read_session_sums(payload)
    if found is None:
        taken.refuse("sessions", INVALID)
        return
    taken.sessions.append(found)
    taken.outcomes[("accepted", "session", "")] += found.sessions


def _take_client_report(payload: Any, taken: Taken) -> None:
    """Count what the client says that it discarded."""
    if not isinstance(payload, dict):
        taken.refuse("client_report", INVALID)
        return
    taken.outcomes[("accepted", "client_report", "")] += 1
    for category, reason, quantity, is_limited in list_discarded(payload):
        taken.outcomes[("client_discarded", category, reason)] += quantity
        if is_limited:
            taken.outcomes[("cut", "client_report", "")] += 1


_TAKERS: Mapping[str, Callable[[Any, Taken], None]] = {
    "client_report": _take_client_report,
    "session": _take_session,
    "sessions": _take_session_sums,
}
