"""The times of earlier days with which a window is compared. Pure; touches no clock, network or database.

A window is compared with the same clock times of earlier days of its kind on which the product was active. It is split at clock
changes, so that each piece has the same length on the clock as in time: the hour that a spring night skips is not expected, and
the hour that an autumn night repeats is compared twice.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS_BACK, DAYS_COMPARED = 28, 10
# A day with so few items among days with so many holds strays: a test call, an imported row.
_FEW, _MANY = 5, 50
# This many days with few items may be strays before there are as many active days.
_STRAY_DAYS = 2
# Items counted per day: enough to distinguish activity from strays.
COUNTED_OF_DAY = 100
# A longer window keeps the clock times of its ends, whatever its length on an earlier day: active hours count.
_KEEPS_LENGTH_UP_TO = timedelta(hours=6)

# Pieces from (exclusive) - until (inclusive), in UTC.
Window = Sequence[tuple[datetime, datetime]]


def list_local_days(now: datetime, zone: ZoneInfo) -> list[tuple[date, datetime, datetime]]:
    """The days before today, newest first: each with its local midnights in UTC."""
    today = now.astimezone(zone).date()
    midnights = [_convert_to_utc(datetime.combine(today - timedelta(days=back), time(), zone)) for back in range(DAYS_BACK + 1)]
    return [(today - timedelta(days=back), midnights[back], midnights[back - 1]) for back in range(1, DAYS_BACK + 1)]


def find_active_days(days: Sequence[date], counts: Sequence[int]) -> frozenset[date]:
    """The days on which the product was active: without days that have no items or only a few strays.

    If most days hold few items, the product is small: then each of them counts.
    """
    few, many = sum(0 < count < _FEW for count in counts), sum(count >= _MANY for count in counts)
    least = _FEW if many and few <= max(_STRAY_DAYS, many) else 1
    return frozenset(day for day, count in zip(days, counts, strict=True) if count >= least)


def list_earlier_windows(
    start: datetime, end: datetime, zone: ZoneInfo, active: Collection[date], last_at: datetime
) -> list[Window]:
    """The same clock times on earlier active days of the same kind, newest first.

    Workdays resemble each other, Saturdays and Sundays only themselves. Times after the last item belong to the silence that is
    being evaluated.
    """
    pieces = split_at_clock_changes(start, end, zone)
    local_start, local_end = start.astimezone(zone), end.astimezone(zone)
    found: list[Window] = []
    for days in range(1, DAYS_BACK + 1):
        since, until = local_start - timedelta(days=days), local_end - timedelta(days=days)
        is_alike = classify_day(since) == classify_day(local_start) and classify_day(until) == classify_day(local_end)
        if is_alike and until.date() in active and _convert_to_utc(since) <= last_at:
            found.append([_move_to_day(piece, days, zone) for piece in pieces])
    return found[:DAYS_COMPARED]


def _move_to_day(piece: tuple[datetime, datetime], days: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start, end = piece
    # By the clock of its start, which continues to its end: if the piece ends at a jump, the end itself lies beyond it.
    local = start.astimezone(zone) - timedelta(days=days)
    since, until = _convert_to_utc(local), _convert_to_utc(local + (end - start))
    return (until - (end - start) if end - start <= _KEEPS_LENGTH_UP_TO else since), until


def split_at_clock_changes(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """A window of at most a few days, split into pieces in which the local clock runs without a jump."""
    offset = start.astimezone(zone).utcoffset()
    if start >= end or (end - _SECOND).astimezone(zone).utcoffset() == offset:
        return [(start, end)]
    low, high = start, end
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    change = high.replace(microsecond=0)
    return [(start, change), (change, end)]


_SECOND = timedelta(seconds=1)


def classify_day(moment: datetime) -> int:
    """The kind of a day: workdays are of one kind, Saturdays and Sundays each of their own."""
    return max(4, moment.weekday())


def _convert_to_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
