"""Measures what recent items lack: recordings, and key fields by source."""

from collections.abc import Sequence
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.models.reason import NO_TRAFFIC, Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.queries.described import Availability, Completeness
from callwatch.pipeline.queries.filter_dsl import ANY, TEXT, TIME, Needs, list_needs, merge, render_sql
from callwatch.pipeline.queries.labels import make_readable
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage_readings import DAY_S
from callwatch.pipeline.queries.statements import TRUE, Literal, name_column
from callwatch.pipeline.queries.time_bounds import compose_ago, compose_newer_than

AVAILABILITY = "availability"
USUAL_AVAILABILITY = "availability.usual"
COMPLETENESS = "completeness"
# Whether a field is used at all is decided from this many items, over this many days.
_LOOKED_AT, _LOOK_BACK_S = 2000, 14 * DAY_S
# The usual value if earlier days do not show one, and the days that are read: without an index each is a scan.
_ASSUMED_AVAILABILITY = 0.9
_EARLIER_DAYS = (1, 3, 5, 7, 9)

_NEVER_FILLED = Reason("no_traffic", "this source never fills it")
_TOO_FEW = Reason("no_traffic", "too few calls in the last 24 hours to show that it is over")
_NO_EARLIER_DAY = Reason("no_traffic", "no earlier day to compare with")


def build_availability_reading(given: Availability) -> Reading:
    """How many of the newest items that are old enough there are, and how many have what they should.

    If the file gives an age from which an item counts regardless of `where`, that also replaces a missing column.
    """
    table, where = given["table"], render_sql(given["where"], given["table"])
    needs = list_needs(table, given["where"])
    anyway_s = given.get("anyway_after_s")
    if anyway_s is None:
        return _read_availability(given, where, given["after_s"], needs)
    counted = SQL("({} OR {} < {})").format(where, name_column(given["at"]), compose_ago(anyway_s))
    return _read_availability(given, counted, given["after_s"], needs, _read_availability(given, TRUE, anyway_s, {}))


def _read_availability(
    given: Availability, where: Composable, after_s: float, needs: Needs, otherwise: Reading | None = None
) -> Reading:
    table, at, column = given["table"], given["at"], given["column"]
    template = """
        SELECT count(*)::float AS items, avg((wanted IS NOT NULL)::int)::float AS ratio FROM (
            SELECT {column} AS wanted FROM {table} r
            WHERE {where} AND {at} > {start} AND {at} < {end}
            ORDER BY {at} DESC LIMIT {newest}) AS newest
    """
    sql = SQL(template).format(
        column=name_column(column),
        table=Identifier(table),
        where=where,
        at=name_column(at),
        start=compose_ago(DAY_S),
        end=compose_ago(after_s),
        newest=Literal(int(given["newest"])),
    )
    return Reading(AVAILABILITY, merge({}, needs, {table: {at: TIME, column: ANY}}), sql, otherwise=otherwise)


def build_usual_availability_reading(given: Availability) -> Reading:
    """The same share at this time on earlier days: the median of days with enough items."""
    table, at, column = given["table"], given["at"], given["column"]
    template = """
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio)::float AS value FROM (
            SELECT avg((wanted IS NOT NULL)::int) AS ratio
            FROM unnest({days}) AS day CROSS JOIN LATERAL (
                SELECT {column} AS wanted FROM {table} r
                WHERE {at} < %(now)s::timestamptz - {back} AND {at} > %(now)s::timestamptz - {back} - interval '1 day'
                ORDER BY {at} DESC LIMIT {newest}) AS newest
            GROUP BY day HAVING count(*) >= {at_least}) AS days
    """
    after_s = int(given.get("anyway_after_s") or given["after_s"])
    sql = SQL(template).format(
        days=Literal(list(_EARLIER_DAYS)),
        column=name_column(column),
        table=Identifier(table),
        at=name_column(at),
        back=SQL("make_interval(secs => day * {} + {})").format(Literal(DAY_S), Literal(after_s)),
        newest=Literal(int(given["newest"])),
        at_least=Literal(int(given["at_least"])),
    )
    return Reading(USUAL_AVAILABILITY, {table: {at: TIME, column: ANY}}, sql, empty=_NO_EARLIER_DAY)


def build_completeness_readings(given: Completeness) -> list[Reading]:
    """One reading per field: by source, the newest items of a day, how many lack it, and how many ever had it."""
    return [_read_field(given, column) for column in given["columns"]]


def _read_field(given: Completeness, column: str) -> Reading:
    table, at, by = given["table"], given["at"], given["by"]
    template = """
        SELECT source, count(*) FILTER (WHERE is_recent)::int AS items,
               count(*) FILTER (WHERE is_recent AND is_missing)::int AS missing,
               count(*) FILTER (WHERE NOT is_missing)::int AS ever
        FROM (SELECT coalesce(left({by}::text, 200), 'none') AS source, {column} IS NULL AS is_missing,
                     {at} > {day_ago} AND row_number() OVER (PARTITION BY {by} ORDER BY {at} DESC) <= {newest} AS is_recent
              FROM (SELECT {by}, {at}, {column} FROM {table} r WHERE {is_recent} ORDER BY {at} DESC LIMIT {looked_at}) AS r
             ) AS items
        GROUP BY source ORDER BY source
    """
    sql = SQL(template).format(
        by=name_column(by),
        column=name_column(column),
        at=name_column(at),
        day_ago=compose_ago(DAY_S),
        newest=Literal(int(given["newest"])),
        table=Identifier(table),
        is_recent=compose_newer_than(name_column(at), _LOOK_BACK_S),
        looked_at=Literal(_LOOKED_AT),
    )
    return Reading(f"{COMPLETENESS}.{column}", {table: {at: TIME, by: TEXT, column: ANY}}, sql, is_table=True)


def list_availability_samples(given: Availability, measured: Measured) -> list[Sample]:
    """recordings.availability, and how far it falls below earlier days; they abstain if there are too few items."""
    items = measured.get(f"{AVAILABILITY}.items")
    if items is None:
        reason = measured.explain_unknown(f"{AVAILABILITY}.items")
        return [Sample(metric, None, reason) for metric in ("recordings.availability", "recordings.shortfall")]
    if items < given["at_least"]:
        return [Sample(metric, None, inconclusive=_TOO_FEW) for metric in ("recordings.availability", "recordings.shortfall")]
    ratio, usual = measured.values[f"{AVAILABILITY}.ratio"], measured.get(USUAL_AVAILABILITY)
    detail = f"{round(ratio * items)} of the newest {items:.0f} calls have a recording"
    detail += f", {usual:.0%} on earlier days" if usual is not None else ""
    expected = _ASSUMED_AVAILABILITY if usual is None else usual
    shortfall = max(0.0, 1 - ratio / expected) if expected else 0.0
    return [
        Sample("recordings.availability", ratio, detail=detail),
        Sample("recordings.shortfall", round(shortfall, 4), detail=detail),
    ]


def list_completeness_samples(given: Completeness, measured: Measured) -> list[Sample]:
    """fields.null_rate by field and source; a field that a source never fills is not missing from it."""
    samples = []
    for column in given["columns"]:
        name = f"{COMPLETENESS}.{column}"
        if name in measured.unknown:
            samples.append(Sample("fields.null_rate", None, measured.unknown[name], {"field": column}))
        for row in _group_by_source(measured, name):
            labels = {"field": column, "source": row["source"]}
            if row["items"] < given["at_least"]:
                samples.append(Sample("fields.null_rate", None, labels=labels, inconclusive=_TOO_FEW))
                continue
            detail = f"{row['missing']} of {row['items']} rows lack it"
            is_used = row["ever"] > 0
            rate = row["missing"] / row["items"] if is_used else 0.0
            doubt = None if is_used else _NEVER_FILLED
            detail = detail if is_used else _NEVER_FILLED.message
            samples.append(Sample("fields.null_rate", round(rate, 4), None, labels, detail, inconclusive=doubt))
    return samples


def _group_by_source(measured: Measured, name: str) -> list[dict[str, Any]]:
    """The rows of a field whose sources can be shown; rows that look alike are merged."""
    found: dict[str, dict[str, Any]] = {}
    for row in measured.rows.get(name, []):
        known = found.setdefault(make_readable(row["source"]), {"items": 0, "missing": 0, "ever": 0})
        for count in known:
            known[count] += row[count]
    return [{"source": source, **counts} for source, counts in found.items()]


def measure_completeness(measured: Measured, column: str) -> tuple[float | None, Reason]:
    """The share 0..1 of recent items that have a field; or None and the reason."""
    name = f"{COMPLETENESS}.{column}"
    rows = measured.rows.get(name)
    if rows is None:
        return None, measured.explain_unknown(name)
    items = sum(row["items"] for row in rows)
    present = items - sum(row["missing"] for row in rows)
    return (round(present / items, 4) if items else None), NO_TRAFFIC


def measure_completeness_by_source(measured: Measured, columns: Sequence[str]) -> dict[str, dict[str, float]]:
    """The share of recent items that have a field, by source and field."""
    found: dict[str, dict[str, float]] = {}
    for column in columns:
        for row in _group_by_source(measured, f"{COMPLETENESS}.{column}"):
            if row["items"]:
                found.setdefault(row["source"], {})[column] = round(1 - row["missing"] / row["items"], 4)
    return found
