"""When a job is due: a crontab or an interval, in a time zone with its changes between winter and summer."""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]
UNITS: tuple[Unit, ...] = get_args(Unit)
MAX_CRONTAB_CHARS = 200
_MAX_YEARS = 5
_SECONDS: Mapping[Unit, int] = {"second": 1, "minute": 60, "hour": 3600}
_DAYS: Mapping[Unit, int] = {"day": 1, "week": 7}
_MONTHS: Mapping[Unit, int] = {"month": 1, "year": 12}
_YEAR_HOLDS: Mapping[Unit, int] = {
    "second": 31_622_400, "minute": 527_040, "hour": 8_784, "day": 366, "week": 53, "month": 12, "year": 1,
}  # fmt: skip
# The names that cron itself knows.
_MACROS: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")


class InvalidSchedule(ValueError):
    """A schedule that cannot be used; `field` names the part, the text the remedy."""

    def __init__(self, field: str, remedy: str) -> None:
        super().__init__(f"{field} {remedy}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Schedule:
    """text: the crontab, or an interval in words. count, unit: of an interval; unit is None for a crontab."""

    text: str
    timezone: str
    count: int = 0
    unit: Unit | None = None


def parse_schedule(kind: Any, value: Any, unit: Any, timezone: Any) -> Schedule:
    """A schedule as Sentry's SDKs describe it. Raises InvalidSchedule."""
    zone = timezone if timezone is not None else "UTC"
    if not isinstance(zone, str) or _load_zone(zone) is None:
        raise InvalidSchedule("timezone", "must be an IANA time zone such as Europe/Berlin")
    if kind == "crontab":
        return Schedule(_read_crontab(value), zone)
    if kind != "interval":
        raise InvalidSchedule("schedule.type", "must be crontab or interval")
    known = next((each for each in UNITS if each == unit), None)
    if known is None:
        raise InvalidSchedule("schedule.unit", f"must be one of {', '.join(UNITS)}")
    most = _MAX_YEARS * _YEAR_HOLDS[known]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidSchedule("schedule.value", f"must be a whole number from 1 to {most}")
    return Schedule(f"every {known}" if value == 1 else f"every {value} {known}s", zone, value, known)


def find_next(schedule: Schedule, after: datetime) -> datetime | None:
    """The first time after another (aware UTC) at which the job is due; None if there is none within the library's horizon.

    Raises InvalidSchedule for a stored schedule that this version cannot read.
    """
    zone = _load_zone(schedule.timezone)
    if zone is None:
        raise InvalidSchedule("timezone", "must be an IANA time zone such as Europe/Berlin")
    try:
        found = (
            _compute_next_interval(schedule.count, schedule.unit, after, zone)
            if schedule.unit
            else _find_next_tick(schedule, after, zone)
        )
    except OverflowError:
        return None
    return found if found is None or found > after else None


def _read_crontab(value: Any) -> str:
    remedy = "must be a crontab of five fields such as */10 * * * *"
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_CRONTAB_CHARS or not value.isascii():
        raise InvalidSchedule("schedule.value", remedy)
    text = " ".join(value.split())
    expression = _MACROS.get(text.lower(), text)
    if len(expression.split()) != 5:
        raise InvalidSchedule("schedule.value", remedy)
    try:
        found = next(_simulate(expression, datetime.now(UTC)), None)
    except Exception as error:
        # Whatever a parser makes of a foreign text, it is an answer to its sender and no failure of ours.
        raise InvalidSchedule("schedule.value", f"{remedy} ({error or type(error).__name__})") from None
    if found is None:
        raise InvalidSchedule("schedule.value", "must be a crontab that is due at all")
    return text


def _simulate(expression: str, start: datetime) -> Iterator[datetime]:
    # Imported where it is used: most check-ins bring no crontab, and it costs a cold start.
    from cronsim import CronSim

    ticks: Iterator[datetime] = CronSim(expression, start)
    return ticks


def _find_next_tick(schedule: Schedule, after: datetime, zone: tzinfo) -> datetime | None:
    """A fixed time that a change to summer skips is due right after it, and one that occurs twice in autumn is due once."""
    expression = _MACROS.get(schedule.text.lower(), schedule.text)
    start = after if schedule.timezone == "UTC" else after.astimezone(zone)
    try:
        ticks = _simulate(expression, start)
        # In the hour that an autumn repeats, the library may begin before `after`.
        for _attempt in range(4):
            found = next(ticks, None)
            if found is None:
                return None
            if found.astimezone(UTC) > after:
                return found.astimezone(UTC)
    except Exception as error:
        raise InvalidSchedule("schedule.value", f"cannot be read as a crontab ({error or type(error).__name__})") from None
    return None


def _compute_next_interval(count: int, unit: Unit, after: datetime, zone: tzinfo) -> datetime:
    """Days and longer keep the time on the clock of the zone; shorter intervals are exact."""
    if unit in _SECONDS:
        return after + timedelta(seconds=count * _SECONDS[unit])
    local = after.astimezone(zone).replace(tzinfo=None)
    moved = local + timedelta(days=count * _DAYS[unit]) if unit in _DAYS else _add_months(local, count * _MONTHS[unit])
    return moved.replace(tzinfo=zone).astimezone(UTC)


def _add_months(local: datetime, months: int) -> datetime:
    import calendar

    years, month = divmod(local.month - 1 + months, 12)
    year = local.year + years
    if year > 9999:
        raise OverflowError
    return local.replace(year=year, month=month + 1, day=min(local.day, calendar.monthrange(year, month + 1)[1]))


@functools.lru_cache(maxsize=256)
def _load_zone(name: str) -> tzinfo | None:
    if not _ZONE.fullmatch(name):
        return None
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None
