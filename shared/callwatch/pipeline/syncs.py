"""Syncs of the product: whether the latest brought about as much as those of the same hour on earlier days."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from callwatch.models.facts import Fact
from callwatch.pipeline.clauses import NUMBER, TEXT, TIME, ago
from callwatch.pipeline.freshness import kind_of_day, median_of
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.readings import DAY_S, Reading

SYNCS = "syncs"
# Four weeks hold four Saturdays; days of work are like each other, Saturdays and Sundays only like themselves.
_DAYS, _MOST = 29, 5000
_AT_LEAST_EARLIER, _AT_LEAST_MEDIAN = 3, 20
_PLAINLY_FEW = 0.1
_SAME_HOUR = timedelta(minutes=40)


def syncs_reading(given: Mapping[str, Any]) -> Reading:
    """Finished syncs of the last days, the newest first."""
    table, name, started, finished, records = (given[key] for key in ("table", "name", "started", "finished", "records"))
    sql = f"""
        SELECT left(r."{name}", 60) AS name, extract(epoch FROM r."{started}")::float AS started,
               coalesce(r."{records}", 0)::float AS records
        FROM "{table}" r
        WHERE r."{started}" > {ago(_DAYS * DAY_S)} AND r."{started}" <= %(now)s::timestamptz AND r."{finished}" IS NOT NULL
        ORDER BY r."{started}" DESC LIMIT {_MOST}
    """
    needs = {table: {name: TEXT, started: TIME, finished: TIME, records: NUMBER}}
    return Reading(SYNCS, needs, sql, is_table=True)


def sync_facts(measured: Measured) -> list[Fact]:
    """sync.volume_ratio by sync; no fact where earlier days do not tell what to expect."""
    if SYNCS in measured.unknown:
        return [Fact("sync.volume_ratio", None, measured.unknown[SYNCS])]
    by_name: dict[str, list[tuple[datetime, float]]] = {}
    zone = ZoneInfo(measured.timezone)
    for row in measured.rows.get(SYNCS, []):
        by_name.setdefault(row["name"], []).append((datetime.fromtimestamp(row["started"], zone), row["records"]))
    facts = [_fact(name, runs, measured.at) for name, runs in sorted(by_name.items())]
    return [fact for fact in facts if fact is not None]


def _fact(name: str, runs: list[tuple[datetime, float]], now: datetime) -> Fact | None:
    (latest_at, latest), *earlier = runs
    if now - latest_at > timedelta(days=1):
        return None  # Whether it runs at all is the cron's matter.
    same_hour = [(at, records) for at, records in earlier if _is_same_hour(at, latest_at)]
    alike = [records for at, records in same_hour if kind_of_day(at) == kind_of_day(latest_at)]
    is_alike = len(alike) >= _AT_LEAST_EARLIER
    compared = alike if is_alike else [records for _at, records in same_hour]
    median = median_of(compared) if compared else 0.0
    if len(compared) < _AT_LEAST_EARLIER or median < _AT_LEAST_MEDIAN:
        return None
    # Of a Sunday without three Sundays before it, only what is plainly broken can be told: a few of hundreds.
    if not is_alike and not 0 < latest < _PLAINLY_FEW * median:
        return None
    detail = f"{latest:.0f} records, {median:.0f} at this hour on earlier days"
    return Fact("sync.volume_ratio", round(latest / median, 4), None, {"sync": name}, detail)


def _is_same_hour(at: datetime, latest_at: datetime) -> bool:
    """On an earlier day, at about the same time of day."""
    if at.date() == latest_at.date():
        return False
    apart = abs(timedelta(hours=at.hour - latest_at.hour, minutes=at.minute - latest_at.minute))
    return min(apart, timedelta(days=1) - apart) <= _SAME_HOUR
