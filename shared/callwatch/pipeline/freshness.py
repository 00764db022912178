"""Whether items arrive: the last hour and the silence since the last item, compared with the same hours of earlier days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.calendar import find_holiday
from callwatch.pipeline.comparable import find_active_days, list_earlier_windows, list_local_days
from callwatch.pipeline.expectation import SPREADS, SPREADS_OF_SILENCE, Expected, expect
from callwatch.pipeline.freshness_readings import DAYS, LONG_SILENCE, NO_ITEM_YET, Windows
from callwatch.pipeline.queries.described import Freshness
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.time_bounds import MAX_CLOCK_SKEW_S

SILENCE = "freshness.silence"
FIRST_AT, LAST_AT = "freshness.first_at", "freshness.last_at"
_WINDOWS_S = (3600, 1800, 900)
# A silence is compared up to this length: a longer one extends into other parts of the day.
_MAX_SILENCE = timedelta(hours=6)
# A small product has too few items in such a time for them to be missed. In two days a weekend cannot hide between workdays.
_MAX_WINDOW = timedelta(hours=48)
NOT_COMPARABLE = Reason("no_traffic", "no earlier day of this kind to compare with")
_NONE_ARRIVED = Reason("no_traffic", "none arrived in the last 15 minutes, so nothing shows that they come again")


def list_days_at_work(measured: Measured) -> frozenset[date]:
    """The days before today on which items arrived, other than strays."""
    days = [day for day, _start, _end in list_local_days(measured.at, ZoneInfo(measured.timezone))]
    rows = measured.rows.get(DAYS, [])
    return find_active_days(days, [row["count"] for row in rows]) if len(rows) == len(days) else frozenset()


def find_active_since(measured: Measured) -> datetime | None:
    """Since when the product has been active, as far back as is read; a single old stray row does not count."""
    first_at, zone = measured.get_time(FIRST_AT), ZoneInfo(measured.timezone)
    if first_at is None:
        return None
    active = list_days_at_work(measured)
    begun = datetime.combine(min(active, default=measured.at.astimezone(zone).date()), time(), zone)
    return max(first_at, begun.astimezone(UTC))


def list_windows(measured: Measured) -> Windows:
    """The windows that end now, each followed by the same clock times on earlier days; none without any item."""
    last_at = measured.get_time(LAST_AT)
    if last_at is None:
        return {}
    now, zone, active = measured.at, ZoneInfo(measured.timezone), list_days_at_work(measured)
    last_at = min(last_at, now)
    starts = {f"freshness.window_{seconds}": now - timedelta(seconds=seconds) for seconds in _WINDOWS_S}
    starts[SILENCE] = max(last_at, now - _MAX_SILENCE)
    if last_at < starts[SILENCE]:
        starts[LONG_SILENCE] = max(last_at, now - _MAX_WINDOW)
    # An item whose clock is slightly ahead of ours has already arrived.
    until = now + timedelta(seconds=MAX_CLOCK_SKEW_S)
    return {name: [[(start, until)], *list_earlier_windows(start, now, zone, active, last_at)] for name, start in starts.items()}


def estimate_expected_per_hour(measured: Measured) -> float | None:
    """The expected number for the last hour; None if no earlier day can be compared."""
    found = _find_expected(measured, "freshness.window_3600")
    return found[1].median if found else None


def list_freshness_samples(given: Freshness, measured: Measured) -> list[Sample]:
    """calls.missing_ratio: how far the worst of the windows falls below its expected number.

    No all-clear follows from a time in which nothing is expected, nor from a silence that goes on while the expectation
    wavers: only from items that arrive now.
    """
    if measured.get(FIRST_AT) is None:
        reason = measured.explain_unknown(FIRST_AT)
        is_empty = reason == NO_ITEM_YET
        return [Sample("calls.missing_ratio", None, None if is_empty else reason, inconclusive=reason if is_empty else None)]
    names = [f"freshness.window_{seconds}" for seconds in _WINDOWS_S] + [SILENCE, LONG_SILENCE]
    unread = next((name for name in (DAYS, *names) if name in measured.unknown), None)
    if unread:
        return [Sample("calls.missing_ratio", None, measured.unknown[unread])]
    closed = find_closed(given, measured)
    if closed:
        return [Sample("calls.missing_ratio", 0.0, detail=closed, inconclusive=Reason("no_traffic", closed))]
    if all(_find_expected(measured, name) is None for name in names):
        return [Sample("calls.missing_ratio", None, NOT_COMPARABLE)]
    worst, detail = 0.0, "as many as expected"
    for name in names:
        found = _find_expected(measured, name)
        if found is None or found[0] >= found[1].lowest:
            continue
        ratio = (found[1].median - found[0]) / found[1].median
        if ratio > worst:
            minutes = round((measured.at - _find_start(measured, name)).total_seconds() / 60)
            worst, detail = ratio, f"{found[0]} calls, {found[1].median:.0f} expected in {minutes} min"
    has_arrived = any(row["count"] for row in measured.rows.get(f"freshness.window_{_WINDOWS_S[-1]}", [])[:1])
    doubt = None if has_arrived else _NONE_ARRIVED
    since = measured.get_time(LAST_AT) if worst else None
    return [Sample("calls.missing_ratio", round(worst, 3), detail=detail, since=since, inconclusive=doubt)]


def _find_start(measured: Measured, name: str) -> datetime:
    longest = {SILENCE: _MAX_SILENCE, LONG_SILENCE: _MAX_WINDOW}.get(name)
    if longest:
        return max(measured.get_time(LAST_AT) or measured.at, measured.at - longest)
    return measured.at - timedelta(seconds=int(name.rpartition("_")[2]))


def _find_expected(measured: Measured, name: str) -> tuple[int, Expected] | None:
    counts = [row["count"] for row in measured.rows.get(name, [])]
    if not counts:
        return None
    windows = list_windows(measured).get(name, ())
    zone = ZoneInfo(measured.timezone)
    weekdays = [window[0][0].astimezone(zone).weekday() for window in windows]
    is_same_weekday = [weekday == weekdays[0] for weekday in weekdays[1:]]
    found = expect(counts[1:], SPREADS_OF_SILENCE if name in (SILENCE, LONG_SILENCE) else SPREADS, is_same_weekday)
    return (counts[0], found) if found else None


def find_closed(given: Freshness, measured: Measured) -> str | None:
    """Why nothing is expected at the time of the reading: the hour, the day of the week, or a holiday; None if it is open."""
    local = measured.at.astimezone(ZoneInfo(measured.timezone))
    hour = local.hour + local.minute / 60
    is_open = given.get("open_from", 0) <= hour < given.get("open_until", 24)
    if not is_open or f"{local:%A}".lower() in [day.lower() for day in given.get("closed_days", ())]:
        return "outside of business hours"
    holiday = find_holiday(given.get("holidays", ()), local.date())
    return f"closed: {holiday}" if holiday else None
