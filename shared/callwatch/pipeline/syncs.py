"""Syncs of the product: whether the latest one brought as many records as those of the same hour on earlier days."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg2.sql import SQL, Identifier

from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.comparable import classify_day
from callwatch.pipeline.expectation import compute_median
from callwatch.pipeline.queries.described import Syncs
from callwatch.pipeline.queries.filter_dsl import ANY, NUMBER, TEXT, TIME
from callwatch.pipeline.queries.labels import make_readable
from callwatch.pipeline.queries.odd_rows import count_odd_rows
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import Rows
from callwatch.pipeline.queries.stage_readings import DAY_S
from callwatch.pipeline.queries.statements import Literal, name_column
from callwatch.pipeline.queries.time_bounds import compose_newer_than

SYNCS = "syncs"
# Four weeks hold four Saturdays; workdays resemble each other, Saturdays and Sundays only themselves.
_DAYS, _MOST = 29, 5000
_AT_LEAST_EARLIER, _AT_LEAST_MEDIAN = 3, 20
_PLAINLY_FEW = 0.1
_SAME_HOUR = timedelta(minutes=40)
# More than any sync brings: a larger value is not a count, nor is NaN or a negative value.
MAX_RECORDS = 1_000_000_000


def sync_readings(given: Syncs) -> list[Reading]:
    """Finished syncs of the last days, the newest first, and how many belong to no day because their time is implausible."""
    table, name, started, finished, records = (given[key] for key in ("table", "name", "started", "finished", "records"))
    template = """
        SELECT left({name}, 60) AS name, extract(epoch FROM {started})::float AS started,
               CASE WHEN {records} BETWEEN 0 AND {max_records} THEN {records}::float END AS records
        FROM {table} r
        WHERE {is_recent} AND {finished} IS NOT NULL
        ORDER BY {started} DESC LIMIT {most}
    """
    sql = SQL(template).format(
        name=name_column(name),
        started=name_column(started),
        records=name_column(records),
        finished=name_column(finished),
        table=Identifier(table),
        is_recent=compose_newer_than(name_column(started), _DAYS * DAY_S),
        max_records=Literal(MAX_RECORDS),
        most=Literal(_MOST),
    )
    needs = {table: {name: TEXT, started: TIME, finished: ANY, records: NUMBER}}
    odd = count_odd_rows(f"{SYNCS}.odd", Rows(table, at=(started,)), (started,))
    return [Reading(SYNCS, needs, sql, is_table=True), *([odd] if odd else [])]


def list_sync_samples(measured: Measured) -> list[Sample]:
    """sync.volume_ratio by sync; it abstains if there is no recent sync, or earlier days do not show what to expect."""
    if SYNCS in measured.unknown:
        return [Sample("sync.volume_ratio", None, measured.unknown[SYNCS])]
    by_name: dict[str, list[tuple[datetime, float | None]]] = {}
    zone = ZoneInfo(measured.timezone)
    for row in measured.rows.get(SYNCS, []):
        by_name.setdefault(make_readable(row["name"]), []).append((datetime.fromtimestamp(row["started"], zone), row["records"]))
    return [_sample_sync(name, runs, measured.at) for name, runs in sorted(by_name.items())]


def _sample_sync(name: str, runs: list[tuple[datetime, float | None]], now: datetime) -> Sample:
    latest_at, latest = runs[0]
    earlier = [(at, records) for at, records in runs[1:] if records is not None]
    if now - latest_at > timedelta(days=1):
        # Whether it runs at all is the subject of the cron sample.
        return _abstain(name, "the sync did not run in the last 24 hours")
    same_hour = [(at, records) for at, records in earlier if _is_same_hour(at, latest_at)]
    alike = [records for at, records in same_hour if classify_day(at) == classify_day(latest_at)]
    is_alike = len(alike) >= _AT_LEAST_EARLIER
    compared = alike if is_alike else [records for _at, records in same_hour]
    median = compute_median(compared) if compared else 0.0
    if len(compared) < _AT_LEAST_EARLIER or median < _AT_LEAST_MEDIAN:
        return _abstain(name, "earlier days do not show what to expect of the latest sync")
    if latest is None:
        return Sample(
            "sync.volume_ratio", None, Reason("unavailable", f"the records of sync {name} are not a count"), {"sync": name}
        )
    # For a Sunday without three earlier Sundays, only an obvious fault can be detected: a few records instead of hundreds.
    if not is_alike and not 0 < latest < _PLAINLY_FEW * median:
        return _abstain(name, "too few earlier days of this kind show what to expect of the latest sync")
    detail = f"{latest:.0f} records, {median:.0f} at this hour on earlier days"
    return Sample("sync.volume_ratio", round(latest / median, 4), None, {"sync": name}, detail)


def _abstain(name: str, why: str) -> Sample:
    return Sample("sync.volume_ratio", None, labels={"sync": name}, inconclusive=Reason("no_traffic", why))


def _is_same_hour(at: datetime, latest_at: datetime) -> bool:
    """Whether it ran on an earlier day, at about the same time of day."""
    if at.date() == latest_at.date():
        return False
    apart = abs(timedelta(hours=at.hour - latest_at.hour, minutes=at.minute - latest_at.minute))
    return min(apart, timedelta(days=1) - apart) <= _SAME_HOUR
